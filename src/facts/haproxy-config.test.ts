// What HAProxy would do with a configuration, as its manual for 2.6 has it.
import { expect, it } from 'vitest';

import type { HaproxyConfig } from '../model/observations.ts';
import {
  backendNamed,
  backendsOf,
  frontendFor,
  haproxyMode,
  haproxyMs,
  haproxyServers,
  haproxySetting,
  haproxyTimeout,
  healthCheckOf,
} from './haproxy-config.ts';
import { haproxyWords, parseHaproxy } from './haproxy-parse.ts';

const text = `global
  maxconn 2000
defaults base
  mode http
  timeout connect 5s
  timeout server 1500
  option httpchk
defaults
  mode tcp
  timeout server 900s
frontend web from base
  bind 10.0.0.5:80,10.0.0.6:80
  bind :443 ssl crt /etc/x.pem
  use_backend slow if { path_beg /slow }
  default_backend app
backend app from base
  timeout server 20s # longer
  option httpchk HEAD /health HTTP/1.1\\r\\nHost:\\ shop.example
  http-check expect ! rstatus ^5
  default-server inter 300 fall 2
  server web-1 10.0.0.11:80 check port 8081
  server web-2 10.0.0.12:80 no-check backup maxconn 50
backend slow from base
  http-check send meth GET uri /ready ver HTTP/1.1 hdr Host "a b"
  http-check expect status 200-299,401
  server s 10.0.0.13:80 check
listen l4
  bind *:8080
  stats auth admin:hunter2
  server web-1 10.0.0.11:80 check
userlist u
  user joe password $5$hunter2
`;
const config: HaproxyConfig = {
  running: true,
  pid: 1,
  version: '2.6.12',
  configFile: '/etc/haproxy/haproxy.cfg',
  sections: parseHaproxy(text),
};
const section = (name: string) => backendNamed(config, name) ?? { kind: '', name: '', line: 0, lines: [] };

it('keeps lines and hides secrets', () => {
  expect(section('app').line).toBe(16);
  expect(section('app').lines.find((line) => line.words[0] === 'http-check')?.line).toBe(19);
  expect(JSON.stringify(config)).not.toContain('hunter2');
  expect(haproxyWords(`a 'b # c' "d \\" e" f\\ g # h`)).toEqual(['a', 'b # c', 'd " e', 'f g']);
});

it('finds frontends and where they send', () => {
  expect(frontendFor(config, 443)?.name).toBe('web');
  expect(frontendFor(config, 80, '10.0.0.6')?.name).toBe('web');
  expect(frontendFor(config, 80, '10.0.0.7')).toBeNull();
  expect(frontendFor(config, 8080)?.name).toBe('l4');
  const web = frontendFor(config, 443);
  expect(web && backendsOf(config, web).map((each) => each.name)).toEqual(['app', 'slow']);
  expect(backendsOf(config, section('l4')).map((each) => each.name)).toEqual(['l4']);
});

it('takes settings from the right defaults', () => {
  expect(haproxyTimeout(config, section('app'), 'server')).toMatchObject({ ms: 20_000, section: 'backend app', line: 17 });
  expect(haproxyTimeout(config, section('slow'), 'server')).toMatchObject({ ms: 1500, section: 'defaults base' });
  expect(haproxyTimeout(config, section('l4'), 'server')?.ms).toBe(900_000);
  expect(haproxyTimeout(config, section('l4'), 'connect')).toBeNull();
  expect(haproxyMode(config, section('app'))).toBe('http');
  expect(haproxyMode(config, section('l4'))).toBe('tcp');
  expect(haproxySetting(config, section('app'), 'option', 'forwardfor')).toBeNull();
  expect([haproxyMs('5'), haproxyMs('5s'), haproxyMs('2m'), haproxyMs('x')]).toEqual([5, 5000, 120_000, null]);
});

it('reads servers with default-server', () => {
  expect(haproxyServers(config, section('app'))).toMatchObject([
    { name: 'web-1', address: '10.0.0.11', port: 80, check: true, checkPort: 8081, interMs: 300, fall: 2, rise: 2, backup: false },
    { name: 'web-2', check: false, backup: true, maxConnections: 50 },
  ]);
});

it('knows the request of the health check', () => {
  const app = healthCheckOf(config, section('app'));
  expect(app).toMatchObject({
    kind: 'http',
    method: 'HEAD',
    uri: '/health',
    version: 'HTTP/1.1',
    host: 'shop.example',
    expect: '! rstatus ^5',
  });
  expect([app.accepts(200), app.accepts(404), app.accepts(500)]).toEqual([true, true, false]);
  const slow = healthCheckOf(config, section('slow'));
  expect(slow).toMatchObject({ kind: 'http', method: 'GET', uri: '/ready', version: 'HTTP/1.1', host: 'a b' });
  expect([slow.accepts(204), slow.accepts(401), slow.accepts(302)]).toEqual([true, true, false]);
  expect(healthCheckOf(config, section('l4')).kind).toBe('tcp');
  const plain = {
    ...config,
    sections: parseHaproxy('backend b\n option httpchk\n server s 10.0.0.1:80 check\nbackend n\n server s 10.0.0.1:80\n'),
  };
  expect(healthCheckOf(plain, backendNamed(plain, 'b') ?? section('app'))).toMatchObject({
    method: 'OPTIONS',
    uri: '/',
    version: 'HTTP/1.0',
    host: null,
    expect: null,
  });
  expect(healthCheckOf(plain, backendNamed(plain, 'n') ?? section('app')).kind).toBe('none');
});
