// Every sample of the catalogue is recognised by its own signature and by no other of the same source.
import { expect, it } from 'vitest';

import { matchSignature, signatures } from './signatures.ts';
import { knows } from './signatures/signature.ts';

it('has ids that are unique within their source', () => {
  const ids = signatures.map((each) => `${each.source} ${each.id}`);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.length).toBeGreaterThan(300);
});

it.for(signatures.map((each) => [`${each.source} ${each.id}`, each] as const))('%s matches its sample alone', ([, signature]) => {
  const matching = signatures.filter((each) => each.source === signature.source && knows(each, signature.sample)).map((each) => each.id);
  expect(matching).toEqual([signature.id]);
  expect(matchSignature(signature.source, signature.sample)?.id).toBe(signature.id);
});
it('captures what a judge needs', () => {
  const fields = (source: 'nginx' | 'php-fpm' | 'haproxy', message: string): unknown => matchSignature(source, message)?.fields;
  expect(fields('nginx', 'connect() to unix:/run/a.sock failed (13: Permission denied) while connecting to upstream')).toEqual({
    target: 'unix:/run/a.sock',
    errno: '13',
  });
  expect(fields('php-fpm', '[pool www] child 4593 exited on signal 9 (SIGKILL) after 3.1 seconds from start')).toMatchObject({
    pool: 'www',
    pid: '4593',
    signal: '9',
    name: 'SIGKILL',
  });
  expect(
    fields(
      'haproxy',
      'Server chk/s1 is DOWN, reason: Layer7 wrong status, code: 500, info: "Internal Server Error", check duration: 0ms. 0 active',
    ),
  ).toMatchObject({
    backend: 'chk',
    server: 's1',
    reason: 'Layer7 wrong status',
    code: '500',
  });
});

it('ends in time on a hostile message of 64 KiB', () => {
  for (const filler of ['a', '"', ' : ', ', reason: ', '(', 'PHP message: ', '[pool ']) {
    const line = `FastCGI sent in stderr: "${filler.repeat(65_536 / filler.length)}`;
    const began = performance.now();
    matchSignature('nginx', line);
    matchSignature('php-fpm', `[pool ${line}`);
    matchSignature('haproxy', `Server ${line}`);
    matchSignature('kernel', line);
    expect(performance.now() - began).toBeLessThan(1000);
  }
});
