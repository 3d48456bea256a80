// Shapes of real messages, and the time a hostile one takes.
import { expect, it } from 'vitest';

import { messageTemplate } from './template.ts';

it.for([
  ['connect() to unix:/run/php/a.sock failed (2: No such file)', 'connect() to unix:… failed (…: No such file)'],
  ['AH01114: HTTP: failed to make connection to backend: 127.0.0.1', 'AH01114: HTTP: failed to make connection to backend: …'],
  ['upstream "http://10.0.0.1:80/x" said "no"', 'upstream "…" said "…"'],
  ["Can't connect to MySQL server on 'db-1' (111)", "Can't connect to MySQL server on '…' (…)"],
  ['worker 3 (pid: 4711) died at 2026-11-23T07:11:54.123Z', 'worker … (pid: …) died at …'],
  ['token=abcdef user=joe took 12.5ms', 'token=… user=… took …'],
  ['read/write of application/json in /srv/app/x.php:3', 'read/write of application/json in …'],
  ['sizes [1, 2, 3] and 0x7f00aa', 'sizes […] and …'],
  ['a\u001b[31mred\u0007', 'a […'],
  ['Traceback (most recent call last):\n  File "/srv/x.py", line 3, in f\nKeyError: 42', 'Traceback (most recent call last): KeyError: …'],
  ['', ''],
] as const)('%j becomes %j', ([message, shape]) => {
  expect(messageTemplate(message)).toBe(shape);
});

it('is short and quick whatever comes', () => {
  for (const filler of ['"', "'", '`', '=', '/', '1 ', 'a', '…', '( ', '\u0000', '😀', '- ']) {
    const message = filler.repeat(1_000_000 / filler.length);
    const began = performance.now();
    const shape = messageTemplate(message);
    expect(shape.length).toBeLessThanOrEqual(200);
    expect(shape.isWellFormed()).toBe(true);
    expect(performance.now() - began).toBeLessThan(200);
  }
});

it('gives the same shape again', () => {
  const message = `request ${crypto.randomUUID()} for 10.1.2.3 failed`;
  expect(messageTemplate(message)).toBe(messageTemplate(`request ${crypto.randomUUID()} for 10.9.9.9 failed`));
});
