// nginx's access log in any `log_format`: given by the user or the configuration, one of the well-known ones, or guessed from the lines.
import type { FormatHints, LogFamily, LogFormat } from '../records.ts';
import { accessFormat, bestOf, linesRead } from './detect.ts';
import { compileLayout } from './layout-reader.ts';
import { combinedFormat, nginxLayout } from './layout.ts';
import { guessLayout } from './nginx-guess.ts';

const id = 'nginx-access';

/** The format for a `log_format` string. */
export function nginxAccessFormat(dialect: string): LogFormat {
  return accessFormat(id, 'nginx', dialect, compileLayout(nginxLayout(dialect)).read);
}

// `main` is what nginx.org's packages write; the next is ingress-nginx; the tails are those that guides to nginx timing recommend.
const wellKnown: readonly string[] = [
  combinedFormat,
  `${combinedFormat} "$http_x_forwarded_for"`,
  `${combinedFormat} $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id`,
  `${combinedFormat} $request_time $upstream_addr $upstream_status $upstream_response_time`,
  `${combinedFormat} rt=$request_time uct="$upstream_connect_time" uht="$upstream_header_time" urt="$upstream_response_time"`,
];
/** The same from the request on: who copies a line by hand leaves the client and the date behind. */
const headless: readonly string[] = [
  ...wellKnown.map((format) => format.slice(format.indexOf('"$request"'))),
  '"$request" $status $body_bytes_sent',
];

let known: readonly LogFormat[] | null = null;
const knownFormats = (): readonly LogFormat[] => (known ??= [...wellKnown, ...headless].map(nginxAccessFormat));

let hinted: { readonly formats: FormatHints['nginxFormats']; readonly ready: readonly LogFormat[] } | null = null;
/** A format without a status, or with nothing beside it, tells nothing of failures and would claim any line. */
const isTelling = (format: string): boolean => compileLayout(nginxLayout(format)).isTelling;

/** The formats of the hints; made once per list, because detection and the slow path ask for the same again and again. */
function hintedFormats(hints: FormatHints): readonly LogFormat[] {
  if (hinted?.formats !== hints.nginxFormats) {
    hinted = {
      formats: hints.nginxFormats,
      ready: hints.nginxFormats.filter(({ format }) => isTelling(format)).map(({ format }) => nginxAccessFormat(format)),
    };
  }
  return hinted.ready;
}

/** All formats that can be tried on a line without knowing its neighbours. */
export function nginxAccessCandidates(hints: FormatHints): readonly LogFormat[] {
  return [...hintedFormats(hints), ...knownFormats()];
}

/** nginx access log. */
export const nginxAccess: LogFamily = {
  id,
  title: 'nginx access log, any log_format',
  product: 'nginx',
  kind: 'access',
  fields: [
    { name: '$remote_addr, $realip_remote_addr', meaning: 'client' },
    { name: '$time_local, $time_iso8601, $msec', meaning: 'when the request ended' },
    { name: '$request, $request_method, $request_uri, $uri, $args', meaning: 'method and path' },
    { name: '$host, $http_host, $server_name', meaning: 'host' },
    { name: '$status', meaning: 'what the client got; 499 is a client that gave up' },
    { name: '$request_time', meaning: 'duration of the whole request, in seconds' },
    { name: '$upstream_addr', meaning: 'servers tried, joined by commas; a pool name means that no server was chosen' },
    { name: '$upstream_status', meaning: 'status per try; 502 and 504 may be written by nginx itself' },
    { name: '$upstream_connect_time', meaning: 'seconds until connected, per try' },
    { name: '$upstream_header_time', meaning: 'seconds until the header came, per try: a number proves that the server answered' },
    { name: '$upstream_response_time', meaning: 'seconds until the response ended, per try' },
    { name: '$upstream_bytes_received, $upstream_response_length', meaning: 'whether the server sent anything' },
    { name: '$request_id, $req_id, $http_x_request_id, $http_traceparent', meaning: 'request id' },
    { name: '$proxy_upstream_name, $proxy_host', meaning: 'pool, where no server was chosen' },
    { name: 'any other variable', meaning: 'skipped' },
  ],
  samples: [
    '127.0.0.1 - - [23/Nov/2026:07:11:54 +0800] "GET /a?b=c HTTP/1.1" 502 157 "-" "curl/7.88.1"',
    '10.77.1.2 - bob [23/Nov/2026:07:11:54 +0000] "GET /i HTTP/1.1" 504 167 "http://r.example/" "Mozilla/5.0" "203.0.113.7"',
    '10.77.1.2 - - [23/Nov/2026:07:11:54 +0000] "GET /refused/ HTTP/1.1" 502 157 "-" "curl/7.88.1" 0.001 10.77.2.2:8999, 10.77.2.3:8999 502, 502 0.000, 0.001',
    '10.77.1.2 - - [23/Nov/2026:07:11:54 +0000] "GET /i HTTP/1.1" 504 1 "-" "ua" 120 60.002 [ns-app-80] [] 10.0.0.1:80, 10.0.0.2:80 0, 0 30.000, 30.002 504, 504 f0a1b2c3d4e5f60718293a4b5c6d7e8f',
    '10.77.1.2 [2026-11-23T07:11:54+00:00] "GET /refused/ HTTP/1.1" st=502 bytes=157 rt=0.000 ua="10.77.2.2:8999" us="502" uct="-" uht="-" urt="0.000" conn=5/1 host="10.77.1.1"',
    '"GET /i HTTP/1.1" 502 560 "-" "ua"',
  ],
  detect(lines, hints) {
    const told = bestOf(hintedFormats(hints), lines);
    if (told !== null && linesRead(told, lines) * 2 > lines.length) return told;
    const guessed = guessLayout(lines);
    return bestOf([...(told === null ? [] : [told]), ...knownFormats(), ...(guessed === null ? [] : [nginxAccessFormat(guessed)])], lines);
  },
};
