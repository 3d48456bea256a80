// Servers that do not keep to any rule, one on each port of 127.0.0.1 from 9101 on. Run by hostile.test.ts inside its world.
import { randomBytes } from 'node:crypto';
import { createServer, type Socket } from 'node:net';

/** What each does with a connection, in the order of the ports. */
const servers: readonly ((socket: Socket) => unknown)[] = [
  // 9101: garbage instead of HTTP
  (socket) => socket.once('data', () => socket.end(randomBytes(5000))),
  // 9102: headers without end
  (socket) =>
    socket.once('data', () => {
      socket.write('HTTP/1.1 502 Bad Gateway\r\n');
      pour(socket, `X-A: ${'b'.repeat(1000)}\r\n`);
    }),
  // 9103: a body without end
  (socket) =>
    socket.once('data', () => {
      socket.write('HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n');
      pour(socket, 'z'.repeat(65_536));
    }),
  // 9104: escape sequences everywhere
  (socket) =>
    socket.once('data', () =>
      socket.end(
        Buffer.from(
          'HTTP/1.1 502 \u001b[31mBAD\u0007\u001b]0;pwn\u0007\r\nX-\u001b[2J: \u001b[1m\r\nServer: ng\u001b[2Jinx\r\n\r\n\u001b[2J\u0000\u009b31m\u202e<script>alert(1)</script>',
        ),
      ),
    ),
  // 9105: closes at once
  (socket) => socket.destroy(),
  // 9106: a length that no number can hold
  (socket) => socket.once('data', () => socket.write('HTTP/1.1 502 x\r\nContent-Length: 99999999999999999999\r\n\r\nab')),
  // 9107: accepts and never answers
  () => undefined,
  // 9108: a byte now and then
  (socket) => {
    const timer = setInterval(() => socket.write('.'), 500);
    socket.on('close', () => clearInterval(timer));
  },
  // 9109: speaks like an ssh server that says too much
  (socket) => pour(socket, `SSH-2.0-${'\u001b[2J'.repeat(2000)}\r\n`),
];

function pour(socket: Socket, text: string): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(text));
  };
  socket.on('drain', more);
  more();
}

let waiting = servers.length;
servers.forEach((serve, i) => {
  createServer((socket) => {
    socket.on('error', () => undefined);
    serve(socket);
  }).listen(9101 + i, '127.0.0.1', () => {
    waiting -= 1;
    if (waiting === 0) process.stdout.write('ready\n');
  });
});
