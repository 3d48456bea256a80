// A site that does not come from src/lab: plain `ip netns` hosts that share one file system and one process table, servers as their packages
// ship them, other names, ports, paths and pages. Judges that only know our own lab show themselves here.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { makeWorld } from './world.ts';
import type { Ran } from './world.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const root = '/run/acme';

export type OtherKind = 'nginx' | 'haproxy' | 'haproxy-node';
/** How much the site file lets why5xx see: everything, no look into the balancer, or nothing but the URL. */
export type OtherAccess = 'full' | 'backends' | 'url';

/** What a case reads of `-o json`. */
export interface OtherReport {
  readonly code: number | null;
  readonly outcome: string;
  readonly causes: readonly {
    readonly id: string;
    readonly host: string | null;
    readonly certainty: string;
    readonly chain: readonly string[];
  }[];
  readonly advice: readonly { readonly id: string; readonly host: string | null }[];
  readonly ruledOut: readonly { readonly id: string }[];
  readonly suspectedLayer: string | null;
}

export interface OtherSite extends AsyncDisposable {
  /** Runs a shell script in the site's world; `in1 CMD…` and `in2 CMD…` run on the backends, `inlb CMD…` on the balancer. Rejects unless it exits 0. */
  sh(script: string): Promise<string>;
  /** Makes everything as it was built, with processes that remember nothing. */
  heal(): Promise<void>;
  /** The real command line on a hand-written site file. `save` keeps the bundle there. */
  diagnose(options?: { readonly access?: OtherAccess; readonly save?: string }): Promise<OtherReport>;
}

/** Files beside an application that make it misbehave. */
const flags = 'slow hang fatal own500 crash hangup';

const functions = `inlb() { ip netns exec lb "$@"; }; in1() { ip netns exec app1 "$@"; }; in2() { ip netns exec app2 "$@"; }
each() { for n in app1 app2; do ip netns exec $n "$@" || return; done; }
web() { ip netns exec "$1" nginx -c ${root}/$1/nginx.conf -e ${root}/$1/err.log; }
fpm() { ip netns exec "$1" php-fpm8.2 -y ${root}/$1/fpm.conf; }
app() { setsid ip netns exec "$1" "$NODE" ${root}/$1/app.mjs >> ${root}/$1/app.log 2>&1 < /dev/null & echo $! > ${root}/$1/app.pid; }
lb() { if [ -e ${root}/lb/haproxy.cfg ]; then setsid sh ${root}/lb/start.sh > /dev/null 2>&1 < /dev/null & sleep 0.3; else web lb; fi; }
end() { p=$(cat "$1"); kill "$p" && while kill -0 "$p" 2>/dev/null; do sleep 0.05; done; }
`;

// HAProxy takes the append flag off its standard output, so a restart would write over the log: a pipe keeps it whole.
const startHaproxy = `ip netns exec lb sh -c 'echo $$ > ${root}/lb/pid; exec haproxy -db -f ${root}/lb/haproxy.cfg' 2>&1 | cat >> ${root}/lb/traffic.log\n`;

const network = `mkdir -p /run/netns ${root}; chmod 755 ${root}
for n in lb app1 app2; do ip netns add $n; ip -n $n link set lo up; mkdir -p ${root}/$n/tmp ${root}/$n/www; chown www-data ${root}/$n/tmp; done
ip link add c0 type veth peer name e0 netns lb; ip addr add 172.20.0.1/24 dev c0; ip link set c0 up; ip -n lb addr add 172.20.0.2/24 dev e0; ip -n lb link set e0 up
ip netns add sw; ip -n sw link add br0 type bridge; ip -n sw link set br0 up
i=10; for n in lb app1 app2; do
  ip link add eth0 netns $n type veth peer name p-$n netns sw; ip -n sw link set p-$n master br0 up
  ip -n $n addr add 10.9.8.$i/24 dev eth0; ip -n $n link set eth0 up; i=$((i+1))
done
`;

function nginxHead(host: string): string {
  const tmp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((each) => `${each}_temp_path ${root}/${host}/tmp/${each};`)
    .join(' ');
  return `user www-data; worker_processes 1; pid ${root}/${host}/web.pid; error_log ${root}/${host}/err.log;
events { worker_connections 512; }
http { access_log ${root}/${host}/acc.log; ${tmp}\n`;
}

const balancerNginx = `${nginxHead('lb')}upstream pool { server 10.9.8.11:8080; server 10.9.8.12:8080; }
server { listen 80; location / { proxy_pass http://pool; proxy_set_header Host $host; proxy_connect_timeout 2s; proxy_read_timeout 5s; } } }`;

function balancerHaproxy(port: number): string {
  return `global
  log stdout format raw local0
  stats socket ${root}/lb/admin.sock mode 600 level admin
defaults
  mode http
  log global
  option httplog
  retries 3
  timeout connect 2s
  timeout client 30s
  timeout server 5s
frontend public
  bind :8000
  default_backend farm
backend farm
  option httpchk
  server s1 10.9.8.11:${port} check inter 1s
  server s2 10.9.8.12:${port} check inter 1s
`;
}

function webNginx(host: string): string {
  return `${nginxHead(host)}server { listen 8080; server_name www.acme.test; root ${root}/${host}/www;
  location = /ping { return 200 "pong\\n"; }
  location / { try_files $uri /index.php?$args; }
  location ~ \\.php$ { include /etc/nginx/fastcgi_params; fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name; fastcgi_pass 127.0.0.1:9000; fastcgi_read_timeout 6s; } } }`;
}

function fpmConf(host: string): string {
  return `[global]
pid = ${root}/${host}/fpm.pid
error_log = ${root}/${host}/fpm.log
[site]
user = www-data
group = www-data
listen = 127.0.0.1:9000
pm = static
pm.max_children = 3
`;
}

function page(host: string): string {
  return `<?php
if (isset($_GET['s'])) { sleep((int) $_GET['s']); }
$cart = strtok($_SERVER['REQUEST_URI'], '?') === '/cart';
if ($cart && file_exists('${root}/${host}/slow')) { sleep(20); }
if (file_exists('${root}/${host}/hang')) { sleep(20); }
if (file_exists('${root}/${host}/fatal')) { acme_missing(); }
if ($cart && file_exists('${root}/${host}/own500')) { http_response_code(500); echo '<h1>Our shop is having a bad day</h1>'; exit; }
echo 'hello';
`;
}

function nodeApp(host: string): string {
  return `import { createServer } from 'node:http';
import { existsSync } from 'node:fs';
const is = (name) => existsSync('${root}/${host}/' + name);
process.on('uncaughtException', (error) => { console.error(error.stack); process.exit(1); });
createServer((request, response) => {
  if (request.url === '/ping' || request.method === 'OPTIONS') return response.end('pong');
  if (request.url.split('?')[0] !== '/cart') { response.statusCode = 404; return response.end('no such page'); }
  if (is('slow')) return void setTimeout(() => response.end('late'), 20_000);
  if (is('own500')) { response.statusCode = 500; return response.end('{"error":"cart service unavailable"}'); }
  if (is('crash')) throw new TypeError('cart is undefined');
  if (is('hangup')) return request.socket.destroy();
  response.end('hello');
}).listen(3000);
`;
}

function siteFile(kind: OtherKind, access: OtherAccess): string {
  const port = kind === 'nginx' ? 80 : 8000;
  const authority = `www.acme.test${port === 80 ? '' : `:${port}`}`;
  const urls = `why5xx: 1
name: acme
url: http://${authority}/cart
resolve: { www.acme.test: 172.20.0.2 }
`;
  if (access === 'url') return urls;
  const of = (host: string, files: string): string =>
    kind === 'haproxy-node' ? '' : `, paths: { ${files.replaceAll('@', `${root}/${host}`)} }`;
  const looks =
    access !== 'full'
      ? ''
      : kind === 'nginx'
        ? `
  exec: [ip, netns, exec, lb]
  paths: { nginxConfig: ${root}/lb/nginx.conf, nginxErrorLog: ${root}/lb/err.log, nginxAccessLog: ${root}/lb/acc.log }`
        : `
  exec: [ip, netns, exec, lb]
  paths: { haproxyLog: ${root}/lb/traffic.log }`;
  const backendPort = kind === 'haproxy-node' ? 3000 : 8080;
  const web = 'nginxConfig: @/nginx.conf, nginxErrorLog: @/err.log, nginxAccessLog: @/acc.log, fpmConfig: @/fpm.conf, fpmLog: @/fpm.log';
  return `${urls}static: http://${authority}/ping
balancer:
  name: front
  kind: ${kind === 'nginx' ? 'nginx' : 'haproxy'}
  address: 172.20.0.2
  backendSources: [10.9.8.10/32]${looks}
  listeners: [ { port: ${port}, protocol: http, readTimeout: 5s, connectTimeout: 2s } ]
backends:
  - { name: blue, address: "10.9.8.11:${backendPort}", exec: [ip, netns, exec, app1]${of('app1', web)} }
  - { name: green, address: "10.9.8.12:${backendPort}", exec: [ip, netns, exec, app2] }
`;
}

/** Shell: errors of every kind, twenty minutes old, in every log. */
export const oldNoise = `D=$(date -u -d '-20 min' +%Y/%m/%d\\ %H:%M:%S); F=$(date -u -d '-20 min' +%d-%b-%Y\\ %H:%M:%S); A=$(date -u -d '-20 min' +%d/%b/%Y:%H:%M:%S)
for n in app1 app2 lb; do [ -e ${root}/$n/err.log ] && cat >> ${root}/$n/err.log <<E
$D [error] 12#12: *3 connect() failed (111: Connection refused) while connecting to upstream, client: 10.9.8.10, server: www.acme.test, request: "GET /cart HTTP/1.0", upstream: "fastcgi://127.0.0.1:9000", host: "www.acme.test"
$D [error] 12#12: *4 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 172.20.0.1, server: , request: "GET /cart HTTP/1.1", upstream: "http://10.9.8.11:8080/cart", host: "www.acme.test"
$D [error] 12#12: *5 no live upstreams while connecting to upstream, client: 172.20.0.1, server: , request: "GET /cart HTTP/1.1", upstream: "http://pool/cart", host: "www.acme.test"
$D [crit] 12#12: *6 connect() to unix:/run/php/x.sock failed (13: Permission denied) while connecting to upstream, client: 10.9.8.10, server: www.acme.test, request: "GET /cart HTTP/1.0", upstream: "fastcgi://unix:/run/php/x.sock:", host: "www.acme.test"
$D [crit] 12#12: *7 open() "/var/lib/x" failed (28: No space left on device)
$D [error] 12#12: *8 upstream sent too big header while reading response header from upstream, client: 10.9.8.10, server: www.acme.test, request: "GET /cart HTTP/1.0", upstream: "fastcgi://127.0.0.1:9000", host: "www.acme.test"
$D [error] 12#12: *9 FastCGI sent in stderr: "PHP message: PHP Fatal error:  Uncaught Error: Call to undefined function acme_missing() in /run/acme/app1/www/index.php:4" while reading response header from upstream, client: 10.9.8.10, server: www.acme.test, request: "GET /cart HTTP/1.0", upstream: "fastcgi://127.0.0.1:9000", host: "www.acme.test"
$D [alert] 12#12: 512 worker_connections are not enough
E
done
for n in app1 app2; do cat >> ${root}/$n/fpm.log <<E
[$F] WARNING: [pool site] server reached pm.max_children setting (3), consider raising it
[$F] WARNING: [pool site] child 77, script '${root}/$n/www/index.php' (request: "GET /index.php") execution timed out (30.1 sec), terminating
[$F] WARNING: [pool site] child 78 exited on signal 11 (SIGSEGV) after 3.0 seconds from start
E
echo "10.9.8.10 - - [$A +0000] \\"GET /cart HTTP/1.0\\" 502 157 \\"-\\" \\"Mozilla/5.0\\"" >> ${root}/$n/acc.log; done
[ -e ${root}/lb/traffic.log ] && echo "172.20.0.9:51000 [$A.123] public farm/s1 0/0/1/-1/5001 504 194 - - sH-- 1/1/0/0/0 0/0 \\"GET /cart HTTP/1.1\\"" >> ${root}/lb/traffic.log
true`;

/** Builds the site in a world of its own, healthy. It goes down with the world. */
export async function otherSite(kind: OtherKind): Promise<OtherSite> {
  const world = await makeWorld();
  const sh = (script: string): Promise<string> =>
    world.must(['sh', '-c', `set -e\n${functions}${script}`], { env: { NODE: process.execPath }, timeoutMs: 60_000 });
  const put = (path: string, input: string): Promise<string> =>
    world.must(['sh', '-c', 'umask 022; cat > "$1"', 'sh', `${root}/${path}`], { input });
  const start = async (): Promise<void> => {
    for (const host of ['app1', 'app2']) {
      if (kind === 'haproxy-node') await put(`${host}/app.mjs`, nodeApp(host));
      else {
        await put(`${host}/nginx.conf`, webNginx(host));
        await put(`${host}/fpm.conf`, fpmConf(host));
        await put(`${host}/www/index.php`, page(host));
      }
      await sh(kind === 'haproxy-node' ? `app ${host}` : `fpm ${host}; web ${host}`);
    }
    if (kind === 'nginx') await put('lb/nginx.conf', balancerNginx);
    else {
      await put('lb/start.sh', startHaproxy);
      await put('lb/haproxy.cfg', balancerHaproxy(kind === 'haproxy' ? 8080 : 3000));
    }
    const ping = `http://172.20.0.2:${kind === 'nginx' ? 80 : 8000}/ping`;
    await sh(`lb; for n in 1 2 3 4 5 6 7 8 9 10; do curl -fs -o /dev/null -m 1 ${ping} && exit; sleep 0.3; done; exit 1`);
  };
  try {
    await sh(network);
    await start();
  } catch (error) {
    await world[Symbol.asyncDispose]();
    throw error;
  }
  const run = async (access: OtherAccess, args: readonly string[]): Promise<Ran> => {
    const file = join(world.folder, `${access}.yaml`);
    writeFileSync(file, siteFile(kind, access));
    return world.run([process.execPath, main, file, '--quiet', ...args], { timeoutMs: 110_000 });
  };
  return {
    sh,
    async heal() {
      await sh(`for n in app1 app2 lb; do cd ${root}/$n; for p in fpm.pid web.pid app.pid pid; do [ ! -e $p ] || end $p || true; rm -f $p; done; rm -f ${flags}; done
each nft flush ruleset; each iptables -F`);
      await start();
    },
    async diagnose({ access = 'full', save } = {}) {
      const ran = await run(access, ['-o', 'json', ...(save === undefined ? [] : ['--save', save])]);
      if (ran.code === null || ran.code === 2) throw new Error(`why5xx: exit ${ran.code}: ${ran.stderr}`);
      return { ...(JSON.parse(ran.stdout) as Omit<OtherReport, 'code'>), code: ran.code };
    },
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}
