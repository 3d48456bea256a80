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
it.for(signatures.map((each) => [`${each.source} ${each.id}`, each] as const))(
  '%s is still known when its line is cut behind what decides',
  ([, signature]) => {
    const { sample } = signature;
    const known = Array.from(sample, (_, at) => knows(signature, sample.slice(0, at + 1)));
    const first = known.indexOf(true);
    expect(known.slice(first)).not.toContain(false);
  },
);

it('knows the words of Apache 2.2, which has no numbers', () => {
  const id = (message: string): string | undefined => matchSignature('apache', message)?.id;
  expect(id('(111)Connection refused: proxy: HTTP: attempt to connect to 127.0.0.1:5002 (127.0.0.1) failed')).toBe(
    'apache-connect-refused',
  );
  expect(id('(146)Connection refused: proxy: AJP: attempt to connect to 1.2.3.4:8080 (dev1) failed')).toBe('apache-connect-refused');
  expect(id('(110)Connection timed out: proxy: HTTP: attempt to connect to 192.0.2.1:80 (app) failed')).toBe('apache-connect-timeout');
  expect(id('ap_proxy_connect_backend disabling worker for (localhost)')).toBe('apache-worker-disabled');
  expect(id('proxy: HTTP: disabled connection for (localhost)')).toBe('apache-worker-disabled');
  expect(id('proxy: AJP: failed to make connection to backend: localhost')).toBe('apache-connect-failed');
  expect(id('(70007)The timeout specified has expired: proxy: error reading status line from remote server app')).toBe(
    'apache-read-status',
  );
  expect(id('proxy: Error reading from remote server returned by /x')).toBe('apache-bad-response');
  expect(id('proxy: BALANCER: (balancer://app). All workers are in error state')).toBe('apache-workers-all-error');
  expect(id('proxy: DNS lookup failure for: app.internal returned by /x')).toBe('apache-dns');
  expect(id('(32)Broken pipe: proxy: pass request body failed to 10.0.0.1:80 (10.0.0.1)')).toBe('apache-request-body');
  expect(id('server reached MaxClients setting, consider raising the MaxClients setting')).toBe('apache-max-workers');
  // Not every word behind `proxy:` is about a backend.
  expect(id('proxy: HTTP: serving URL http://app/x')).toBeUndefined();
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
