// Apache's access log: common, vhost_combined, and the tails that people append. Plain `combined` is letter for letter nginx's default and
// belongs to that family, unless a line gives Apache away.
import type { LogFamily, LogFormat } from '../records.ts';
import { accessFormat, bestOf } from './detect.ts';
import { compileLayout } from './layout-reader.ts';
import { apacheLayout } from './layout.ts';

const combined = '%h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"';
const dialects: readonly string[] = [
  `%v:%p ${combined}`,
  '%h %l %u %t "%r" %>s %b',
  `${combined} %D`,
  `${combined} %T/%D`,
  `%v ${combined}`,
  `%v:%p ${combined} %D`,
  '%h %l %u %t "%r" %>s %b %D',
  `${combined} %T %D`,
];

const ready = new Map<string, LogFormat>();

/** The format for an Apache `LogFormat` string. */
export function apacheAccessFormat(dialect: string): LogFormat {
  const known = ready.get(dialect);
  if (known !== undefined) return known;
  const format = accessFormat('apache-access', 'apache', dialect, compileLayout(apacheLayout(dialect)).read);
  if (ready.size < 100) ready.set(dialect, format);
  return format;
}

/** `-` for no bytes, a quote escaped by a backslash, and the process that keeps idle children awake: nginx writes none of them. */
const isApaches = (line: string): boolean =>
  line.includes('(internal dummy connection)') ||
  /" \d{3} - "/.test(line.slice(0, 4096)) ||
  /"[A-Z]{3,16} [^" ]{0,2048}\\"/.test(line.slice(0, 4096));

/** Apache access log. */
export const apacheAccess: LogFamily = {
  id: 'apache-access',
  title: 'Apache access log: common, combined, vhost_combined, with %D or %T',
  product: 'apache',
  kind: 'access',
  fields: [
    { name: '%h, %a', meaning: 'client' },
    { name: '%t', meaning: 'when the request began' },
    { name: '%r, %m, %U, %q', meaning: 'method and path' },
    { name: '%v, %V, %{Host}i', meaning: 'host' },
    { name: '%>s', meaning: 'status' },
    { name: '%D, %T, %{ms}T, %{us}T', meaning: 'duration' },
    { name: '%{X-Request-Id}i, %{UNIQUE_ID}e', meaning: 'request id' },
    { name: 'all others', meaning: 'skipped' },
  ],
  // Recorded from Apache 2.4.
  samples: [
    'shop.example:80 127.0.0.1 - - [23/Nov/2026:23:52:02 +0000] "GET /refused HTTP/1.1" 503 529 "-" "curl/7.88.1"',
    '127.0.0.1 - - [23/Nov/2026:23:52:03 +0000] "GET /app/sleep HTTP/1.1" 502 381',
    '127.0.0.1 - - [23/Nov/2026:23:52:03 +0000] "GET /app/sleep HTTP/1.1" 502 544 "-" "curl/7.88.1" 2002426',
    '127.0.0.1 - - [23/Nov/2026:23:52:03 +0000] "GET /app/sleep HTTP/1.1" 502 544 "-" "curl/7.88.1" 2/2002426',
  ],
  detect(lines) {
    const told = lines.some(isApaches) ? [combined, ...dialects] : dialects;
    return bestOf(told.map(apacheAccessFormat), lines);
  },
};
