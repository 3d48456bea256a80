import { describe, expect, it } from 'vitest';

import { siteSchema } from '../model/site.ts';
import { checkRequestOf } from './check-request.ts';
import { bundleOf, haproxyConfig } from './testing/scenes.ts';

const site = (healthCheck?: false | Readonly<Record<string, unknown>>) =>
  siteSchema.parse({
    why5xx: 1,
    url: 'http://www.example.net/cart',
    balancer: {
      name: 'lb',
      address: '192.0.2.80',
      listeners: [{ port: 80, protocol: 'http', ...(healthCheck === undefined ? {} : { healthCheck }) }],
    },
    backends: [{ name: 'app-1', address: '10.9.0.1:8000' }],
  });
const evidence = (backend: string) =>
  bundleOf({
    hosts: { lb: { 'haproxy-config': haproxyConfig(`frontend f\n  bind :80\n  default_backend app\nbackend app\n${backend}\n`) } },
  }).evidence;
const server = '  server s1 10.9.0.1:8000';

describe('the check as HAProxy sends it', () => {
  it.for([
    [`  option httpchk\n${server} check`, { method: 'OPTIONS', path: '/', host: null, version: '1.0', port: null }],
    [
      `  option httpchk\n  http-check send meth HEAD uri /up ver HTTP/1.1 hdr Host a.test hdr User-Agent lb-check\n  timeout check 700ms\n${server} check port 9000`,
      { method: 'HEAD', path: '/up', host: 'a.test', version: '1.1', port: 9000, headers: { 'User-Agent': 'lb-check' }, timeoutMs: 700 },
    ],
    [
      `  option httpchk GET /up HTTP/1.1\\r\\nHost:\\ b.test\n${server} check inter 3s`,
      { method: 'GET', path: '/up', host: 'b.test', timeoutMs: 3000 },
    ],
  ] as const)('%j', ([backend, expected]) => {
    // What the site file says is not asked for.
    expect(checkRequestOf(site({ path: '/old' }), 'app-1', evidence(backend))).toMatchObject(expected);
  });

  it.for([
    ['no check', server],
    ['only a connection', `${server} check`],
    ['a method that could change something', `  option httpchk POST /up\n${server} check`],
    ['a header that is nobody else’s business', `  option httpchk GET /up\n  http-check send hdr X-Key k1\n${server} check`],
    ['a header made for each check', `  option httpchk GET /up\n  http-check send hdr Host %[env(NAME)]\n${server} check`],
    ['TLS', `  option httpchk GET /up\n${server} check ssl`],
    ['a path that names another host', `  option httpchk GET //other.test/up\n${server} check`],
  ] as const)('is not sent: %s', ([, backend]) => {
    expect(checkRequestOf(site({ path: '/old' }), 'app-1', evidence(backend))).toBeNull();
  });
});

describe('the check as the site file says', () => {
  it.for([
    [{ path: '/up' }, { method: 'GET', path: '/up', host: null, version: '1.0', port: null, timeoutMs: 5000 }],
    [
      { path: '/up', host: 'a.test', method: 'HEAD', port: 81, timeout: '2s' },
      { method: 'HEAD', host: 'a.test', version: '1.1', port: 81, timeoutMs: 2000 },
    ],
  ] as const)('%j', ([healthCheck, expected]) => {
    expect(checkRequestOf(site(healthCheck), 'app-1', [])).toMatchObject(expected);
  });
  it('is none where it is switched off or not mentioned', () => {
    expect(checkRequestOf(site(false), 'app-1', [])).toBeNull();
    expect(checkRequestOf(site(), 'app-1', [])).toBeNull();
  });
});
