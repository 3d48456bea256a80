import { describe, expect, it } from 'vitest';

import type { Listeners } from '../model/observations.ts';
import { addressText, directivesNamed, fastcgiAddress, fastcgiPasses, isHere, listenerAt, pointerOf, reaches } from './fastcgi.ts';
import { parseNginxFile } from './nginx-parse.ts';

describe('addresses', () => {
  it.for([
    ['unix:/run/php/x.sock', 'unix:/run/php/x.sock'],
    ['/run/php/x.sock', 'unix:/run/php/x.sock'],
    ['fastcgi://unix:/run/php/x.sock:', 'unix:/run/php/x.sock'],
    ['127.0.0.1:9000', '127.0.0.1:9000'],
    ['fastcgi://127.0.0.1:9000', '127.0.0.1:9000'],
    ['[::1]:9000', '[::1]:9000'],
    ['9000', '127.0.0.1:9000'],
    ['*:9000', '127.0.0.1:9000'],
    ['php', null],
    ['$upstream', null],
    ['unix:$socket', null],
  ] as const)('%s is %s', ([text, expected]) => {
    const address = fastcgiAddress(text);
    expect(address === null ? null : addressText(address)).toBe(expected);
  });

  it.for([
    ['127.0.0.1:9000', '9000', true],
    ['localhost:9000', '[::1]:9000', true],
    ['127.0.0.1:9000', '127.0.0.1:9001', false],
    ['127.0.0.1:9000', '10.0.0.1:9000', false],
    ['unix:/var/run/x.sock', '/run/x.sock', true],
    ['unix:/run/x.sock', '/run/y.sock', false],
    ['unix:/run/x.sock', '9000', false],
  ] as const)('%s reaches %s: %s', ([called, bound, expected]) => {
    const [a, b] = [fastcgiAddress(called), fastcgiAddress(bound)];
    expect(a !== null && b !== null && reaches(a, b)).toBe(expected);
  });

  it.for([
    ['/run/x.sock', true],
    ['localhost:9000', true],
    ['10.0.0.11:9000', true],
    ['10.0.0.99:9000', false],
    ['php:9000', false],
  ] as const)('%s is on the host itself: %s', ([text, expected]) => {
    const address = fastcgiAddress(text);
    expect(address !== null && isHere(address, '10.0.0.11')).toBe(expected);
  });
});

describe('a configuration', () => {
  const config = parseNginxFile(
    'http {\n upstream php {\n  server unix:/run/a.sock;\n  server 127.0.0.1:9000;\n  keepalive 4;\n }\n server {\n  location / { fastcgi_pass php; }\n  location /b { fastcgi_pass unix:/run/b.sock; }\n }\n}',
    '/etc/nginx/nginx.conf',
  );

  it('hands requests to every member of an upstream, with places that resolve', () => {
    const passes = fastcgiPasses(config);
    expect(passes.map((each) => [each.text, each.line, each.path])).toEqual([
      ['unix:/run/a.sock', 3, '/directives/0/block/0/block/0'],
      ['127.0.0.1:9000', 4, '/directives/0/block/0/block/1'],
      ['unix:/run/b.sock', 9, '/directives/0/block/1/block/1/block/0'],
    ]);
    expect(passes.map((each) => pointerOf(config, each.directive))).toEqual(passes.map((each) => each.path));
  });

  it('has no place for a directive of another configuration', () => {
    const [other] = directivesNamed(parseNginxFile('http { server { } }', 'x'), ['server']);
    expect(other === undefined ? '' : pointerOf(config, other.directive)).toBeNull();
  });
});

describe('who listens', () => {
  const listeners: Listeners = {
    tcp: [{ address: '127.0.0.1', port: 9000, queue: { now: 5, delta: 3 }, limit: 511, pid: 1, process: 'php-fpm8.2' }],
    unix: [{ path: '/run/a.sock', queue: { now: 4, delta: null }, limit: 511, pid: 1, process: 'php-fpm8.2' }],
    source: 'ss',
  };

  it.for([
    ['127.0.0.1:9000', { path: '/tcp/0', waiting: 5, waitingBefore: 2 }],
    ['unix:/run/a.sock', { path: '/unix/0', waiting: 4, waitingBefore: null }],
    ['unix:/run/b.sock', null],
  ] as const)('at %s', ([text, expected]) => {
    const address = fastcgiAddress(text);
    const found = address === null ? null : listenerAt(listeners, address);
    if (expected === null) expect(found).toBeNull();
    else expect(found).toMatchObject(expected);
  });
});
