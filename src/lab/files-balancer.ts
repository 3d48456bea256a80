// Configuration files of the balancer, for each engine, and the kernel's layer-4 listener that both have.
import type { LabFacts } from '../model/fault.ts';
import { duration, type Files, nginxMain } from './files-web.ts';
import { haproxyTcpPort, type LabOptions } from './plan.ts';

function nginx(facts: LabFacts): Files {
  const servers = Object.values(facts.backendAddresses).map((address) => `  server ${address}:80 max_fails=0;`);
  return {
    '/etc/nginx/nginx.conf': nginxMain('upstream'),
    '/etc/nginx/sites-enabled/shop.conf': `upstream shop {
${servers.join('\n')}
}

server {
  listen 80 default_server;
  server_name ${facts.siteHost};
  client_max_body_size 100m;
  location / {
    proxy_pass http://shop;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_connect_timeout ${duration(facts.connectTimeoutMs)};
    proxy_read_timeout ${duration(facts.readTimeoutMs)};
    proxy_next_upstream off;
  }
}
`,
  };
}

function haproxy(facts: LabFacts): Files {
  const backends = Object.entries(facts.backendAddresses);
  return {
    '/etc/haproxy/haproxy.cfg': `global
  log stdout format rfc3164 local0
  log-send-hostname
  stats socket /run/haproxy/admin.sock mode 660 level admin
  stats timeout 30s
  user haproxy
  group haproxy
  maxconn 2000

defaults
  log global
  mode http
  option httplog
  option dontlognull
  timeout connect ${duration(facts.connectTimeoutMs)}
  timeout client 30s
  timeout server ${duration(facts.readTimeoutMs)}
  timeout check 1s

frontend shop
  bind :80
  option forwardfor
  capture request header Host len 64
  capture request header User-Agent len 128
  default_backend web

backend web
  balance roundrobin
  option httpchk GET /health.html
  http-check send hdr Host ${facts.siteHost}
  http-check expect status 200-399
  default-server check inter 500ms fall 2 rise 2
${backends.map(([name, address]) => `  server ${name} ${address}:80`).join('\n')}

listen shop-tcp
  bind :${haproxyTcpPort}
  mode tcp
  option tcplog
  balance roundrobin
  default-server check inter 500ms fall 2 rise 2
${backends.map(([name, address]) => `  server ${name} ${address}:80`).join('\n')}
`,
  };
}

/** The balancer's files. Layer 4 is DNAT in the kernel: it spreads connections over the backends and keeps the client's address. */
export function balancerFiles(options: LabOptions, facts: LabFacts): Files {
  const addresses = Object.values(facts.backendAddresses);
  return {
    ...(options.balancer === 'nginx' ? nginx(facts) : haproxy(facts)),
    '/etc/nftables.conf': `table ip slb {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr ${facts.balancerAddress} tcp dport ${facts.layer4Port} counter dnat to numgen inc mod ${addresses.length} map { ${addresses
      .map((address, i) => `${i} : ${address}`)
      .join(', ')} }:80
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "eth0" ip saddr 10.0.0.0/16 counter masquerade
  }
}
`,
  };
}
