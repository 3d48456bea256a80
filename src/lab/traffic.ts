// Other users of the site, as a program of its own: `node traffic.ts ORDER` with the order as JSON. Runs in a client host's network
// until its time is over; never logs, never fails.
import http from 'node:http';
import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What to request. The header is one line, `Name: value`. */
export interface Order {
  readonly address: string;
  readonly port: number;
  readonly host: string;
  readonly paths: readonly string[];
  readonly workers: number;
  readonly pauseMs: number;
  readonly method: string;
  readonly header: string | null;
  readonly bodyBytes: number;
  readonly seconds: number;
  readonly seed: number;
  /** Now and then a connection attempt to a port that nobody serves, as scanners make them. */
  readonly knock?: { readonly address: string; readonly port: number };
}

const browsers = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
];

function once(order: Order, path: string, agent: string, sent: () => void): Promise<void> {
  return new Promise((resolve) => {
    const [name, ...value] = (order.header ?? '').split(':');
    const headers: Record<string, string> = { host: order.host, 'user-agent': agent };
    if (name !== undefined && name !== '') headers[name.trim()] = value.join(':').trim();
    if (order.bodyBytes > 0) headers['content-length'] = String(order.bodyBytes);
    const request = http.request(
      { host: order.address, port: order.port, path, method: order.method, agent: false, headers, timeout: 70_000 },
      (response) => {
        response.resume();
        response.on('close', () => resolve());
      },
    );
    request.on('timeout', () => request.destroy());
    request.on('finish', sent);
    request.on('error', () => {
      sent();
      resolve();
    });
    request.end(order.bodyBytes > 0 ? Buffer.alloc(order.bodyBytes, 0x61) : undefined);
  });
}

function knock(address: string, port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: address, port });
    const finish = () => {
      socket.destroy();
      resolve();
    };
    socket.setTimeout(300, finish);
    socket.on('connect', finish);
    socket.on('error', finish);
  });
}

async function worker(order: Order, n: number, until: number, sent: () => void): Promise<void> {
  for (let i = order.seed + n; performance.now() < until; i++) {
    const began = performance.now();
    if (order.knock !== undefined && i % 5 === 0) await knock(order.knock.address, order.knock.port);
    await once(order, order.paths[i % order.paths.length] ?? '/', browsers[i % browsers.length] ?? 'Mozilla/5.0', sent);
    // An instant failure must not become a busy loop.
    await sleep(Math.max(order.pauseMs, performance.now() - began < 2 ? 5 : 0));
  }
}

const order = JSON.parse(process.argv[2] ?? '{}') as Order;
const waiting = new Set(Array.from({ length: order.workers }, (_, n) => n));
// Tells whoever started this that all workers are at work.
function begun(n: number): void {
  if (waiting.delete(n) && waiting.size === 0) process.stdout.write('sent\n');
}
process.stdout.on('error', () => undefined);
const deadline = performance.now() + order.seconds * 1000;
await Promise.all(Array.from({ length: order.workers }, (_, n) => worker(order, n, deadline, () => begun(n))));
