// Configuration files of the edge and of the backends, as a distribution would ship them plus what the shop needs.
import type { LabFacts } from '../model/fault.ts';
import { pages } from './pages.ts';
import { type LabOptions, timeouts } from './plan.ts';

/** Path inside a host → content. Directories are made as needed; owner is root unless the host's init says otherwise. */
export type Files = Readonly<Record<string, string>>;

const combinedPlus = `  log_format upstream '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
                      '"$http_referer" "$http_user_agent" rt=$request_time ua="$upstream_addr" us="$upstream_status" '
                      'uct="$upstream_connect_time" uht="$upstream_header_time" urt="$upstream_response_time" '
                      'conn=$connection/$connection_requests host="$host"';
`;

/** A main configuration in the shape that Debian ships. `logFormat` is that of the access log: `combined` or `upstream`. */
export function nginxMain(logFormat: 'combined' | 'upstream'): string {
  return `user www-data;
worker_processes 1;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
include /etc/nginx/modules-enabled/*.conf;

events {
  worker_connections 768;
}

http {
  sendfile on;
  tcp_nopush on;
  types_hash_max_size 2048;
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
${logFormat === 'upstream' ? combinedPlus : ''}  access_log /var/log/nginx/access.log${logFormat === 'upstream' ? ' upstream' : ''};
  gzip on;
  include /etc/nginx/conf.d/*.conf;
  include /etc/nginx/sites-enabled/*;
}
`;
}

/** Milliseconds as nginx and HAProxy write durations. */
export function duration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

const icpPage = `<!DOCTYPE html>
<html>
<head>
<meta http-equiv="Content-Type" content="textml;charset=UTF-8" />
<title>Non-compliance ICP Filing</title>
</head>
<body>
<div id="mainFrame">
<h1>Non-compliance ICP Filing</h1>
<p>According to the relevant laws and regulations, this website cannot be visited: its ICP filing is missing.</p>
<p><a href="https://www.aliyun.com/beian/beian-block">https://www.aliyun.com/beian/beian-block</a></p>
</div>
</body>
</html>
`;

/** The anti-DDoS edge: one forwarding rule for each Host, a placeholder for all others, and a list of unfiled domains (empty). */
export function edgeFiles(options: LabOptions, facts: LabFacts): Files {
  const rule = `server {
  listen 80;
  listen 443 ssl;
  server_name ${facts.siteHost};
  ssl_certificate /etc/nginx/tls/shop.crt;
  ssl_certificate_key /etc/nginx/tls/shop.key;
  client_max_body_size 100m;
  large_client_header_buffers 8 64k;

  location @interception {
    more_set_headers 'Server: Beaver' 'Cache-Control: no-cache';
    root /etc/nginx/pages;
    try_files /interception.html =404;
  }
  location / {
    error_page 403 @interception;
    if ($unfiled) {
      return 403;
    }
    proxy_pass http://${facts.balancerAddress}:${facts.httpPort};
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_connect_timeout ${duration(timeouts(options).connectMs)};
    proxy_read_timeout ${duration(timeouts(options).edgeReadMs)};
    proxy_buffer_size 256k;
    proxy_buffers 8 256k;
    proxy_busy_buffers_size 512k;
    proxy_next_upstream off;
  }
}
`;
  const placeholder = `server {
  listen 80 default_server;
  listen 443 ssl default_server;
  server_name _;
  ssl_certificate /etc/nginx/tls/placeholder.crt;
  ssl_certificate_key /etc/nginx/tls/placeholder.key;
  location / {
    default_type text/html;
    return 503 '<html><head><title>503 Service Temporarily Unavailable</title></head><body><center><h1>503 Service Temporarily Unavailable</h1></center><hr><center>anti-ddos</center></body></html>\\n';
  }
}
`;
  return {
    '/etc/nginx/nginx.conf': nginxMain('upstream'),
    '/etc/nginx/modules-enabled/50-mod-http-headers-more-filter.conf': 'load_module modules/ngx_http_headers_more_filter_module.so;\n',
    '/etc/nginx/conf.d/unfiled.conf': 'map $host $unfiled {\n  default 0;\n  include /etc/nginx/unfiled.map;\n}\n',
    '/etc/nginx/unfiled.map': '# domains without a filing, one a line: shop.example.com 1;\n',
    '/etc/nginx/pages/interception.html': icpPage,
    '/etc/nginx/sites-enabled/shop.conf': rule,
    '/etc/nginx/sites-enabled/default': placeholder,
    '/etc/nftables.conf': `table inet shield {
  set blocked {
    type ipv4_addr
    flags interval
  }
  set rejected {
    type ipv4_addr
    flags interval
  }
  chain input {
    type filter hook input priority filter; policy accept;
    ip saddr @blocked counter drop
    ip saddr @rejected tcp dport { 80, 443 } counter reject with tcp reset
  }
}
`,
  };
}

/** A backend: nginx in front of php-fpm on a unix socket, both with what Debian ships. */
export function backendFiles(options: LabOptions, facts: LabFacts, index: number): Files {
  const site = `server {
  listen 80 default_server;
  server_name ${facts.siteHost};
  root ${facts.paths.webRoot};
  index index.html;
  client_max_body_size 64m;

  location / {
    try_files $uri $uri/ =404;
  }
  location ~ ^/api/([a-z0-9-]+)$ {
    include fastcgi.conf;
    fastcgi_param SCRIPT_FILENAME $document_root/api/$1.php;
    fastcgi_param SCRIPT_NAME /api/$1.php;
    fastcgi_read_timeout ${duration(timeouts(options).fastcgiMs)};
    fastcgi_pass unix:${facts.paths.fpmSocket};
  }
}
`;
  const pool = `[www]
user = www-data
group = www-data
listen = ${facts.paths.fpmSocket}
listen.owner = www-data
listen.group = www-data
pm = dynamic
pm.max_children = 5
pm.start_servers = 2
pm.min_spare_servers = 1
pm.max_spare_servers = 3
`;
  return {
    // Some operators extended their access log, some did not.
    '/etc/nginx/nginx.conf': nginxMain(index % 2 === 0 ? 'upstream' : 'combined'),
    '/etc/nginx/sites-enabled/shop.conf': site,
    [facts.paths.fpmPool]: pool,
    ...Object.fromEntries(Object.entries(pages).map(([name, content]) => [`${facts.paths.webRoot}/${name}`, content])),
  };
}
