// Which way a vantage sends: what is there decides, and nothing being there is said with what would help.
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ProbeError } from '../../model/probe.ts';
import { openTransport } from '../../transport/open.ts';
import { openRequester } from './requester.ts';
import { shRequester } from './sh.ts';
import { sendOptions, spec } from './test-support.ts';
import { detectTools } from './tools.ts';

let server: Server;
let port: number;

beforeAll(async () => {
  server = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .once('data', () => {
        socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno');
      }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => server.close());

it('finds the tools of this machine', async () => {
  const transport = openTransport('local');
  try {
    expect(await detectTools(transport, AbortSignal.timeout(10_000))).toEqual({
      curl: [expect.any(Number), expect.any(Number)],
      python3: true,
      perl: true,
      openssl: true,
      nc: 'openbsd',
    });
  } finally {
    await transport.close();
  }
});

it.for(['own sockets', 'a transport'] as const)('sends by %s', async (way) => {
  const transport = way === 'a transport' ? openTransport('local') : null;
  try {
    const requester = openRequester('isp-b', transport);
    expect(requester.from).toBe('isp-b');
    expect(await requester.send([], sendOptions())).toEqual([]);
    const seen = await requester.send(
      ['-1', '-2', '-3'].map((n) => spec({ nonce: `0123456789ab${n}`, url: `http://127.0.0.1:${port}/` })),
      sendOptions(),
    );
    expect(seen.map((each) => [each.nonce, each.status])).toEqual([
      ['0123456789ab-1', 502],
      ['0123456789ab-2', 502],
      ['0123456789ab-3', 502],
    ]);
  } finally {
    await transport?.close();
  }
});

it('says what a host needs that has nothing to send with', async () => {
  const transport = openTransport('local');
  try {
    const requester = shRequester('bare', transport, { curl: null, python3: false, perl: false, openssl: false, nc: null });
    const error: unknown = await requester.send([spec({ url: 'http://127.0.0.1/' })], sendOptions()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ProbeError);
    expect(error).toMatchObject({ status: 'skipped', needs: 'curl, python3, perl or nc on that host' });
  } finally {
    await transport.close();
  }
});
