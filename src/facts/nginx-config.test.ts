// Directives keep file and line, and a request finds the same server, location and settings as in nginx.
import { describe, expect, it } from 'vitest';

import type { NginxConfig } from '../model/observations.ts';
import {
  effective,
  effectiveAll,
  locationFor,
  nginxServers,
  normalizeUri,
  passOf,
  routeOf,
  serverFor,
  settingBytes,
  settingMs,
  upstreamMembers,
} from './nginx-config.ts';
import { globMatches, parseNginxDump, parseNginxFile } from './nginx-parse.ts';

const dump = `# configuration file /etc/nginx/nginx.conf:
user www-data;
http {
  proxy_read_timeout 7s; # inline ; { comment
  include mime.types;
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  upstream app { server 10.0.0.11:80 max_fails=3 fail_timeout=5s; server 10.0.0.12 backup; server unix:/run/x.sock down; }
  include sites/*.conf;
}

# configuration file /etc/nginx/mime.types:
types { text/html html; }

# configuration file /etc/nginx/sites/b.conf:
server {
  listen 80; listen [::]:443 ssl; server_name "~^(?<tenant>[a-z]{2,8})\\.shop\\.example$";
  location / { content_by_lua_block { local a = "}" -- }
    ngx.say([[ } ]]) } }
}

# configuration file /etc/nginx/sites/a.conf:
server { listen 80 default_server; listen 10.0.0.5:80; server_name _; return 444; }
server {
  listen 80;
  server_name shop.example *.shop.example www.*;
  proxy_set_header Authorization "Basic c2VjcmV0";
  proxy_set_header Host $host;
  location = /health.html { return 200; }
  location / { try_files $uri $uri/ /index.php?$args; index index.php; }
  location /api/ {
    proxy_pass http://app/;
    proxy_read_timeout 90;
    location /api/fast/ { proxy_pass https://10.9.9.9:8443; client_max_body_size 8m; }
    location ~ \\.json$ { proxy_pass http://$backend; }
  }
  location ^~ /static/ { root /srv; }
  location ~* \\.(php|phtml)$ { fastcgi_pass unix:/run/php.sock; fastcgi_param DB_PASSWORD hunter2; }
  location @named { proxy_pass http://app; }
}
`;
const parsed = parseNginxDump(dump);
const config: NginxConfig = {
  running: true,
  masterPid: 1,
  workerUser: 'www-data',
  workers: 1,
  version: '1.22.1',
  build: 'nginx',
  configFile: '/etc/nginx/nginx.conf',
  source: 'nginx -T',
  directives: parsed.directives,
  syntaxError: null,
};
const shop = (uri: string): ReturnType<typeof routeOf> => routeOf(config, { port: 80, host: 'shop.example', uri });

describe('parser', () => {
  it('understands the whole dump and keeps places', () => {
    expect(parsed.error).toBeNull();
    expect(parsed.files).toHaveLength(4);
    const servers = nginxServers(config);
    expect(servers.map((each) => `${each.directive.file}:${each.directive.line}`)).toEqual([
      '/etc/nginx/sites/a.conf:1',
      '/etc/nginx/sites/a.conf:2',
      '/etc/nginx/sites/b.conf:1',
    ]);
    expect(servers[2]?.directive.block?.at(-1)).toMatchObject({ name: 'location', line: 3 });
  });

  it('hides secrets', () => {
    expect(JSON.stringify(parsed.directives)).not.toMatch(/c2VjcmV0|hunter2/);
  });

  it.for([
    ['a {', 'is not closed'],
    ['a; }', 'line 1: unexpected "}"'],
    ['a "b;', 'line 1: the quotation is not closed'],
  ] as const)('reports %s', ([text, error]) => {
    expect(parseNginxFile(text, 'x').error).toContain(error);
  });

  it.for([
    ['log_format x \'$status; "$request"\' "two";', ['x', '$status; "$request"', 'two']],
    ['rewrite ^/a\\ b$ ${x}c last;', ['^/a b$', '${x}c', 'last']],
    ['if ($a ~ "x{2}") { }', ['($a', '~', 'x{2}', ')']],
    ["set $a 'it\\'s';", ['$a', "it's"]],
  ] as const)('splits %s', ([text, args]) => {
    expect(parseNginxFile(text, 'x').directives[0]?.args).toEqual(args);
  });

  it('matches include patterns inside one directory only', () => {
    expect(globMatches('/a/*.conf', '/a/b.conf')).toBe(true);
    expect(globMatches('/a/*.conf', '/a/b/c.conf')).toBe(false);
    expect(globMatches('/a/[bc].conf', '/a/d.conf')).toBe(false);
    expect(globMatches('/a(/[', '/a(/[')).toBe(true);
  });

  it('survives anything', () => {
    for (const text of ['\\', '{{{{', ';;;;', '"', '}'.repeat(1000), 'a_by_lua_block { [[', '$'.repeat(5000), 'a '.repeat(50_000)])
      expect(parseNginxFile(text, 'x').directives.length).toBeLessThan(10);
  });
});

it.for([
  ['shop.example', 80, '/etc/nginx/sites/a.conf:2'],
  ['SHOP.example:80', 80, '/etc/nginx/sites/a.conf:2'],
  ['deep.www.shop.example', 80, '/etc/nginx/sites/a.conf:2'],
  ['www.other.example', 80, '/etc/nginx/sites/a.conf:2'],
  ['unknown.example', 80, '/etc/nginx/sites/a.conf:1'],
  ['acme.shop.example', 443, '/etc/nginx/sites/b.conf:1'],
] as const)('finds the server of %s on %d', ([host, port, place]) => {
  const server = serverFor(config, { host, port });
  expect(`${server?.directive.file}:${server?.directive.line}`).toBe(place);
});

it('prefers a server on the very address, and knows unused ports', () => {
  expect(serverFor(config, { host: 'shop.example', port: 80, address: '10.0.0.5' })?.names).toEqual(['_']);
  expect(serverFor(config, { host: 'shop.example', port: 8080 })).toBeNull();
});

it.for([
  ['/health.html', '=', '/health.html'],
  ['/health.html?x=1', '=', '/health.html'],
  ['/about', '', '/'],
  ['/api/x', '', '/api/'],
  ['/api/fast/x', '', '/api/fast/'],
  ['/api/x.json', '~', '\\.json$'],
  ['/static/x.php', '^~', '/static/'],
  ['/x.PHP', '~*', '\\.(php|phtml)$'],
  ['/a/../api//x', '', '/api/'],
  ['/%61pi/x', '', '/api/'],
  ['@named', '@', '@named'],
] as const)('finds the location of %s', ([uri, modifier, pattern]) => {
  const server = serverFor(config, { host: 'shop.example', port: 80 });
  expect(server && locationFor(server, uri)).toMatchObject({ modifier, pattern });
});

it('tells settings with their place', () => {
  const api = shop('/api/x');
  expect(effective(config, api ?? {}, 'proxy_read_timeout')).toMatchObject({ args: ['90'], at: '/etc/nginx/sites/a.conf:11' });
  expect(settingMs(effective(config, api ?? {}, 'proxy_read_timeout'))).toBe(90_000);
  expect(effective(config, shop('/') ?? {}, 'proxy_read_timeout')).toMatchObject({ args: ['7s'], at: '/etc/nginx/nginx.conf:3' });
  expect(effective(config, shop('/') ?? {}, 'fastcgi_read_timeout')).toEqual({ args: ['60s'], directive: null, at: 'default' });
  expect(effective(config, {}, 'no_such_directive')).toBeNull();
  expect(settingBytes(effective(config, shop('/api/fast/') ?? {}, 'client_max_body_size'))).toBe(8 * 1024 * 1024);
  expect(settingBytes(effective(config, {}, 'large_client_header_buffers'), 1)).toBe(8192);
  expect(effectiveAll(config, api ?? {}, 'proxy_set_header').map((each) => each.args[0])).toEqual(['Authorization', 'Host']);
});

it('tells where a request goes', () => {
  expect(shop('/api/x')?.pass).toMatchObject({
    kind: 'proxy',
    upstream: 'app',
    tls: false,
    peers: [
      { host: '10.0.0.11', port: 80, maxFails: 3, failTimeoutMs: 5000 },
      { host: '10.0.0.12', port: 80, backup: true },
      { socket: '/run/x.sock', down: true },
    ],
  });
  expect(shop('/api/fast/')?.pass).toMatchObject({ tls: true, upstream: null, peers: [{ host: '10.9.9.9', port: 8443 }] });
  expect(shop('/api/x.json')?.pass).toMatchObject({ target: 'http://$backend', peers: [] });
  expect(shop('/x.php')?.pass).toMatchObject({ kind: 'fastcgi', peers: [{ socket: '/run/php.sock', port: null }] });
  expect(shop('/orders?x=1')).toMatchObject({ through: ['/orders?x=1', '/index.php'], pass: { kind: 'fastcgi' } });
  expect(shop('/')).toMatchObject({ through: ['/', '/index.php'], pass: { kind: 'fastcgi' } });
  expect(shop('/health.html')?.pass).toBeNull();
  expect(passOf(config, null)).toBeNull();
  expect(upstreamMembers(config, 'nobody')).toBeNull();
  expect(normalizeUri('http://h/a//./b/../c/?q')).toBe('/a/c/');
});
