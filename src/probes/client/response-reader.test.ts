// The reader of hostile answers: its result does not depend on where the network cut the bytes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ResponseReader } from './response-reader.ts';

function read(bytes: Buffer, cuts: readonly number[], method = 'GET'): Record<string, unknown> {
  const reader = new ResponseReader(method);
  let from = 0;
  for (const to of [...cuts, bytes.length].map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b)) {
    if (to > from) reader.push(bytes.subarray(from, to));
    from = Math.max(from, to);
  }
  const ended = reader.end();
  return {
    ended,
    state: reader.state,
    problem: reader.problem,
    head: reader.head,
    body: reader.body,
    bodyBytes: reader.bodyBytes,
    interim: reader.interim,
  };
}

const samples: readonly (readonly [string, string])[] = [
  ['length', 'HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\nhello and more'],
  ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: x\r\n\r\n'],
  ['interim', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 502 X\r\n\r\nto the end'],
  ['line feeds', 'HTTP/1.1 500 Oops\nContent-Length: 2\n\nno'],
  ['folded', 'HTTP/1.0 200 OK\r\nA: one\r\n two\r\n\r\n'],
  ['bad chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc'],
  ['no HTTP', 'HELO there\r\n\r\n'],
  ['bad status', 'HTTP/1.1 2000 OK\r\n\r\n'],
];

describe.for(samples)('%s', ([, text]) => {
  it('reads the same however it was cut', () => {
    const bytes = Buffer.from(text);
    const whole = read(bytes, []);
    expect(
      read(
        bytes,
        Array.from({ length: bytes.length }, (_, i) => i),
      ),
    ).toEqual(whole);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
        expect(read(bytes, cuts)).toEqual(whole);
      }),
    );
  });
});

it.for<readonly [string, string, Record<string, unknown>]>([
  ['GET', samples[0]?.[1] ?? '', { state: 'done', body: 'hello', bodyBytes: 5, ended: true }],
  ['GET', samples[1]?.[1] ?? '', { state: 'done', body: 'abc0123456789', bodyBytes: 13 }],
  ['GET', samples[2]?.[1] ?? '', { state: 'done', body: 'to the end', interim: 2 }],
  ['GET', samples[5]?.[1] ?? '', { state: 'broken', problem: 'BAD_CHUNK' }],
  ['GET', samples[6]?.[1] ?? '', { state: 'broken', problem: 'BAD_CONTENT_LENGTH' }],
  ['GET', samples[7]?.[1] ?? '', { state: 'broken', problem: 'NOT_HTTP' }],
  ['GET', samples[8]?.[1] ?? '', { state: 'broken', problem: 'BAD_STATUS_LINE' }],
  ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', { state: 'done', bodyBytes: 0 }],
  ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n', { state: 'done', bodyBytes: 0 }],
  ['GET', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', { state: 'body', ended: false }],
  ['GET', 'HTTP/1.1 200 OK\r\nA', { state: 'head', ended: false, head: null }],
])('%s %j', ([method, text, expected]) => {
  expect(read(Buffer.from(text), [], method)).toMatchObject(expected);
});

it('never throws, and stays small, whatever comes', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
      fc.uint8Array({ maxLength: 400 }),
      (start, noise) => {
        const seen = read(Buffer.concat([Buffer.from(start), noise]), [3, 50]);
        expect(['head', 'body', 'done', 'capped', 'broken']).toContain(seen['state']);
      },
    ),
  );
  const reader = new ResponseReader('GET');
  reader.push(Buffer.from('HTTP/1.1 200 OK\r\n'));
  for (let i = 0; i < 300; i += 1) reader.push(Buffer.from(`X: ${'y'.repeat(1000)}\r\n`));
  expect(reader.problem).toBe('HEADER_CAP');
});
