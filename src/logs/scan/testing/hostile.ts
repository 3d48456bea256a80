// Logs as nobody wants them: valid lines, changed ones, garbage, other programs' lines and records over several lines, mixed at random.
import fc from 'fast-check';

const two = (value: number): string => String(value).padStart(2, '0');
const client = fc.oneof(
  fc.tuple(fc.nat(3), fc.nat(255)).map(([a, b]) => `10.0.${a}.${b}`),
  fc.constantFrom('2001:db8::1', '::ffff:10.0.0.9', '-', 'unix:'),
);
const path = fc.constantFrom('/', '/a', '/cart?id=7', '/p/17', '/p/18?x="', '/ü', '/a b');
const server = fc.constantFrom('10.1.0.1:80', '10.1.0.2:80', 'unix:/run/php.sock', '[2001:db8::2]:80', 'pool');
const status = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('200', '304', '404', '499') },
  { weight: 3, arbitrary: fc.constantFrom('500', '502', '503', '504') },
  { weight: 1, arbitrary: fc.constantFrom('-', '', '600', '099', '5x2', '50', '5022') },
);
const zone = fc.oneof(
  { weight: 8, arbitrary: fc.constant('+0000') },
  { weight: 1, arbitrary: fc.constantFrom('+0800', '-0330', 'Z', '+99') },
);
const second = fc.oneof({ weight: 30, arbitrary: fc.nat(59) }, { weight: 1, arbitrary: fc.constantFrom(60, 61, 99) });
const time = fc.tuple(fc.integer({ min: 22, max: 24 }), fc.constantFrom(0, 11, 23), fc.nat(5), second);
const local = fc.tuple(time, zone).map(([[d, h, m, s], z]) => `${d}/Nov/2026:${two(h)}:${two(m)}:${two(s)} ${z}`);

const tries = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(server, status).map(([a, s]) => [a, s, '0.003'] as const) },
  { weight: 1, arbitrary: fc.constant(['-', '-', '-'] as const) },
  { weight: 2, arbitrary: fc.tuple(server, server, status).map(([a, b, s]) => [`${a}, ${b}`, `502, ${s}`, '0.001, 0.002'] as const) },
  { weight: 1, arbitrary: fc.tuple(server, server).map(([a, b]) => [`${a} : ${b}`, '404 : 200', '0.001 : -'] as const) },
);
const agent = fc.constantFrom('curl/8', '-', 'a \\x22 b', 'a \\" 502 "', '\\', 'Mozilla/5.0 (X11; Linux) "', 'ü', '');

/** nginx combined with a tail, as the goals of speed have it. */
export const nginxLine = fc
  .tuple(client, local, path, status, agent, tries)
  .map(
    ([c, t, p, s, a, [addresses, statuses, times]]) =>
      `${c} - - [${t}] "GET ${p} HTTP/1.1" ${s} 157 "-" "${a}" 0.004 ${addresses} ${statuses} ${times}`,
  );

/** JSON lines with the same fields. */
export const jsonLine = fc
  .tuple(client, time, path, status, agent, tries)
  .map(([c, [d, h, m, s], p, code, a, [addresses, statuses, times]]) =>
    JSON.stringify({
      time: `2026-11-${d}T${two(h)}:${two(m)}:${two(s)}+00:00`,
      remote_addr: c,
      request: `GET ${p} HTTP/1.1`,
      status: /^[1-9]\d\d$/.test(code) ? Number(code) : code,
      body_bytes_sent: 12,
      request_time: 0.004,
      http_user_agent: a,
      upstream_addr: addresses,
      upstream_status: statuses,
      upstream_response_time: times,
    }),
  );

/** HAProxy's http format behind a syslog header. */
export const haproxyLine = fc
  .tuple(client, time, path, status, fc.constantFrom('web-1', 'web-2', '<NOSRV>'), fc.constantFrom('----', 'SH--', 'sC--', 'CD--', 'PR--'))
  .map(
    ([c, [d, h, m, s], p, code, name, state]) =>
      `Nov ${d} ${two(h)}:${two(m)}:${two(s)} lb haproxy[812]: ${c}:4711 [${d}/Nov/2026:${two(h)}:${two(m)}:${two(s)}.123] www app/${name} 0/0/1/${state === 'SH--' ? -1 : 5}/6 ${code === '-' ? '-1' : code} 157 - - ${state} 1/1/0/0/0 0/0 "GET ${p} HTTP/1.1"`,
  );

const trouble = fc.constantFrom(
  'connect() failed (111: Connection refused) while connecting to upstream',
  'upstream timed out (110: Connection timed out) while reading response header from upstream',
  'open() "/var/www/x" failed (2: No such file or directory)',
  'FastCGI sent in stderr: "PHP message: PHP Fatal error:  boom\nStack trace:\n#0 {main}" while reading response header from upstream',
  'something new happened 17 times',
);
/** nginx's error log; records may span lines. */
export const nginxErrorRecord = fc
  .tuple(time, fc.constantFrom('error', 'warn', 'crit', 'notice'), trouble, client, path, server, fc.boolean())
  .map(([[d, h, m, s], level, what, c, p, a, hasContext]) => {
    const context = hasContext
      ? `, client: ${c}, server: shop, request: "GET ${p} HTTP/1.1", upstream: "http://${a}${p}", host: "shop.example"`
      : '';
    return `2026/11/${d} ${two(h)}:${two(m)}:${two(s)} [${level}] 12#12: *${s + 1} ${what}${context}`;
  });

const garbage = fc.oneof(
  fc.constantFrom(
    '',
    '',
    '#0 {main}',
    '  thrown in /var/www/x.php on line 3',
    'Stack trace:',
    '{',
    '{"status":502}',
    '\u0000\u0000',
    '\ufeff',
  ),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom('[23-Nov-2026 21:12:52] WARNING: [pool www] server reached pm.max_children setting (5), consider raising it'),
);

const mutated = (line: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(line, fc.nat(400), fc.nat(3), fc.constantFrom('', '"', ' ', '5', '\\', ', ', '\t', 'é')).map(([text, at, length, put]) => {
    const from = text.length === 0 ? 0 : at % text.length;
    return text.slice(0, from) + put + text.slice(from + length);
  });

/** A log whose lines are mostly `line`. */
export function hostileLog(line: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  const any = fc.oneof(
    { weight: 12, arbitrary: line },
    { weight: 3, arbitrary: mutated(line) },
    { weight: 2, arbitrary: garbage },
    { weight: 1, arbitrary: fc.oneof(nginxLine, jsonLine, haproxyLine, nginxErrorRecord) },
  );
  const long = fc.tuple(line, fc.constantFrom(65_530, 65_536, 65_537, 70_000, 200_000)).map(([text, size]) => text.padEnd(size, 'x'));
  return fc
    .tuple(
      fc.oneof(
        { weight: 1, arbitrary: fc.array(any, { maxLength: 5 }) },
        { weight: 4, arbitrary: fc.array(any, { minLength: 20, maxLength: 80 }) },
      ),
      fc.oneof({ weight: 15, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: long }),
      fc.constantFrom('\n', '\n', '\r\n'),
      fc.boolean(),
      fc.constantFrom('', '', '', '\ufeff'),
    )
    .map(([lines, overlong, end, isEnded, mark]) => {
      const all = overlong === null ? lines : [...lines.slice(0, lines.length / 2), overlong, ...lines.slice(lines.length / 2)];
      return Buffer.from(mark + all.join(end) + (isEnded ? end : ''), 'utf8');
    });
}
