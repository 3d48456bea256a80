// Marked requests from a host that has curl: one script for a whole batch. Everything that varies reaches curl as a configuration on a
// pipe, so neither the script nor the process list ever holds a value.
import { isIP } from 'node:net';
import { randomBytes } from 'node:crypto';
import type { Exchange, RequestSpec } from '../../model/exchange.ts';
import type { Transport } from '../../model/transport.ts';
import { curlFailure } from './curl-failure.ts';
import { exchangeOf, notSent, type Observed } from './exchange-of.ts';
import { fixedAddress, wireRequest, type WireRequest } from './request-head.ts';
import type { Requester, SendOptions } from './requester.ts';
import { bodyCapBytes, headCapBytes, parseHead } from './response-reader.ts';

// $1 token, $2 requests at a time, $3 addresses that the requests go to, then three words a request: configuration, bytes of body, extra trust anchor.
// Each request has three streams: o (start of the body) and h (headers) in hex, e (what curl says). Every line is one short write, so
// that lines of requests under way at the same time do not mix. SIGPIPE is ignored: curl must live to tell that we stopped reading.
const script = `
set -u
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin; export PATH
w5_token=$1; w5_many=$2; w5_to=$3; shift 3
w5_tag() { while IFS= read -r w5_l || [ -n "$w5_l" ]; do printf '%s %s %s\\n' "$w5_token" "$1" "$w5_l"; done; }
w5_hex() { { head -c "$1" | od -An -v -tx1 | tr -d ' \\n' | fold -w 900; } ; head -c "$2" >/dev/null; }
w5_says() { while IFS= read -r w5_l || [ -n "$w5_l" ]; do case $w5_l in ??:??:??.??????' * '*|'curl: ('*|'w '*|'exit '*) printf '%s %s %.900s\\n' "$w5_token" "$1" "$w5_l" ;; esac; done; }
w5_body() { [ "$1" -eq 0 ] || head -c "$1" /dev/zero | tr '\\0' x; }
w5_anchors() {
  [ -n "$1" ] || return 0
  for w5_f in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
    if [ -r "$w5_f" ]; then cat "$w5_f"; break; fi
  done
  printf '\\n%s\\n' "$1"
}
w5_curl() {
  w5_body "$2" 2>/dev/null | {
    exec 7<&0
    w5_anchors "$3" 2>/dev/null | {
      exec 8<&0
      printf '%s' "$1" | { exec 6<&0; curl -q -K /dev/fd/6 <&7; printf 'exit %s\\n' "$?"; }
    }
  }
}
w5_one() {
  {
    {
      { w5_curl "$2" "$3" "$4" 5>&1 1>&3 2>&3 | w5_hex 4096 ${bodyCapBytes} 2>/dev/null | w5_tag "$1 o" >&4; } 9>&1 |
        w5_hex ${headCapBytes + 4096} ${bodyCapBytes} 2>/dev/null | w5_tag "$1 h" >&4
    } 3>&1 | w5_says "$1 e" >&4
  } 4>&1
}
w5_worker() {
  trap '' PIPE
  w5_i=$1; shift
  while [ $((w5_i * 3)) -lt $# ]; do
    eval "w5_one \\$w5_i \\"\\\${$((w5_i * 3 + 1))}\\" \\"\\\${$((w5_i * 3 + 2))}\\" \\"\\\${$((w5_i * 3 + 3))}\\""
    w5_i=$((w5_i + w5_many))
  done
}
# A connection that never opened does not say where it was tried from: the routing table does.
for w5_a in $w5_to; do
  w5_r=$(ip route get "$w5_a" 2>/dev/null) || continue
  case $w5_r in *' src '*) w5_r=\${w5_r#* src }; printf '%s - %s %s\\n' "$w5_token" "$w5_a" "\${w5_r%%[!0-9a-fA-F.:]*}" ;; esac
done
w5_k=0
while [ "$w5_k" -lt "$w5_many" ]; do w5_worker "$w5_k" "$@" </dev/null & w5_k=$((w5_k + 1)); done
wait
`;

const writeOut =
  'w %{http_code}|%{size_download}|%{time_namelookup}|%{time_connect}|%{time_appconnect}|%{time_starttransfer}|%{time_total}|%{remote_ip}|%{local_ip}|%{size_upload}\\n';

/** The requester of a host with curl, of that version. */
export function curlRequester(from: string, transport: Transport, version: readonly [number, number]): Requester {
  return {
    from,
    async send(specs, options) {
      const startedAtMs = Date.now();
      const many = Math.max(1, Math.min(options.concurrency, specs.length));
      const token = randomBytes(8).toString('hex');
      const wires = specs.map((spec) => wireOf(spec, options));
      const args = specs.flatMap((spec, i) => {
        const wire = wires[i];
        return wire == null
          ? ['', '0', '']
          : [configOf(spec, wire, options, version), String(spec.bodyBytes), wire.secure ? (spec.ca ?? '') : ''];
      });
      const targets = new Set(
        wires
          .flatMap((wire) => (wire === null ? [] : [fixedAddress(wire.connectHost, options.resolve) ?? '']))
          .filter((each) => isIP(each) !== 0),
      );
      const { stdout } = await transport.sh(script, {
        signal: options.signal,
        timeoutMs: batchDeadlineMs(specs, many),
        maxOutputBytes: 1_000_000 + specs.length * 600_000,
        args: [token, String(many), [...targets].slice(0, 8).join(' '), ...args],
      });
      return readBatch(stdout, token, specs, wires, { startedAtMs, many, secrets: options.secrets, resolve: options.resolve });
    },
  };
}

function wireOf(spec: RequestSpec, options: SendOptions): WireRequest | null {
  try {
    return wireRequest(spec, options.version);
  } catch {
    return null;
  }
}

/** How long a whole batch may take: each worker's requests one after the other, and a little for starting programs. */
export function batchDeadlineMs(specs: readonly RequestSpec[], many: number): number {
  const workers = Array.from({ length: many }, (_, k) =>
    specs.filter((_spec, i) => i % many === k).reduce((sum, spec) => sum + spec.timeoutMs + 250, 0),
  );
  return Math.max(...workers, 0) + 10_000;
}

function quoted(value: string): string {
  return `"${value
    .replace(/[\r\n\0]/g, '')
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\t', '\\t')}"`;
}

function configOf(spec: RequestSpec, wire: WireRequest, options: SendOptions, [major, minor]: readonly [number, number]): string {
  const since = (wantMajor: number, wantMinor: number): boolean => major > wantMajor || (major === wantMajor && minor >= wantMinor);
  const seconds = (ms: number): string => (since(7, 32) ? (ms / 1000).toFixed(3) : String(Math.ceil(ms / 1000)));
  const inUrl = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host);
  const target = fixedAddress(wire.connectHost, options.resolve) ?? wire.connectHost;
  const lines = ['silent', 'show-error', 'verbose', 'globoff', 'no-keepalive', 'trace-time'];
  if (since(7, 42)) lines.push('path-as-is');
  const set = (option: string, value: string): void => void lines.push(`${option} = ${quoted(value)}`);
  set('url', `${wire.secure ? 'https' : 'http'}://${inUrl(wire.checkedName)}:${wire.connectPort}${wire.path}`);
  if (target !== wire.checkedName) {
    // --resolve is older than --connect-to and enough where a name stands for an address.
    if (isIP(wire.checkedName) === 0 && isIP(target) !== 0) set('resolve', `${wire.checkedName}:${wire.connectPort}:${target}`);
    else set('connect-to', `::${inUrl(target)}:${wire.connectPort}`);
  }
  if (spec.method === 'HEAD') lines.push('head');
  else set('request', spec.method);
  lines.push(wire.version === '1.0' ? 'http1.0' : 'http1.1');
  set('noproxy', '*');
  set('proto', '=http,https');
  set('max-time', seconds(spec.timeoutMs));
  set('connect-timeout', seconds(spec.connectTimeoutMs));
  set('output', '/dev/fd/5');
  set('dump-header', '/dev/fd/9');
  set('write-out', writeOut);
  if (wire.hostHeader === null) set('header', 'Host:');
  for (const [name, value] of wire.headers) {
    if (name === 'Content-Length' && spec.bodyBytes > 0) continue;
    set('header', value === '' ? `${name};` : `${name}: ${value}`);
  }
  if (spec.bodyBytes > 0) {
    set('data-binary', '@-');
    set('header', 'Expect:');
  }
  if (wire.secure && spec.ca !== undefined) set('cacert', '/dev/fd/8');
  return `${lines.join('\n')}\n`;
}

interface Streams {
  body: string;
  head: string;
  notes: string[];
  written: string | null;
  exit: number | null;
}

interface Batch {
  readonly startedAtMs: number;
  readonly many: number;
  readonly secrets: readonly string[];
  readonly resolve: Readonly<Record<string, string>>;
}

function readBatch(
  stdout: string,
  token: string,
  specs: readonly RequestSpec[],
  wires: readonly (WireRequest | null)[],
  batch: Batch,
): readonly Exchange[] {
  const streams: Streams[] = specs.map(() => ({ body: '', head: '', notes: [], written: null, exit: null }));
  const sources = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const [mark, index, stream] = line.split(' ', 3);
    if (mark === token && index === '-' && stream !== undefined) {
      const source = line.split(' ')[3] ?? '';
      if (isIP(source) !== 0) sources.set(stream, source);
      continue;
    }
    const each = mark === token ? streams[Number(index)] : undefined;
    if (each === undefined || stream === undefined) continue;
    const text = line.slice(token.length + (index ?? '').length + stream.length + 3);
    if (stream === 'o') each.body += text;
    else if (stream === 'h') each.head += text;
    else if (text.startsWith('w ')) each.written = text.slice(2);
    else if (text.startsWith('exit ')) each.exit = Number(text.slice(5));
    else each.notes.push(text);
  }
  // Requests of one worker run one after the other: the clock of each starts where the one before it ended.
  const clocks = Array.from({ length: batch.many }, () => batch.startedAtMs);
  return specs.map((spec, i) => {
    const wire = wires[i] ?? null;
    const streamed = streams[i];
    const worker = i % batch.many;
    const startedAtMs = clocks[worker] ?? batch.startedAtMs;
    const seen =
      wire === null || streamed === undefined
        ? notSent(spec, startedAtMs, 'other', null, 'ERR_INVALID_URL')
        : observed(spec, wire, streamed, startedAtMs, batch.resolve, sources);
    clocks[worker] = startedAtMs + seen.phases.totalMs;
    return exchangeOf(spec, wire, seen, batch.secrets);
  });
}

function observed(
  spec: RequestSpec,
  wire: WireRequest,
  streams: Streams,
  startedAtMs: number,
  resolve: Readonly<Record<string, string>>,
  sources: ReadonlyMap<string, string>,
): Observed {
  if (streams.written === null || streams.exit === null)
    return notSent(spec, startedAtMs, 'other', null, streams.exit === null ? 'NO_ANSWER' : `curl:${streams.exit}`);
  const [, downloaded, resolved, connected, secured, first, total, remote = '', local = '', uploaded] = streams.written.split('|');
  const ms = (seconds: string | undefined): number => Math.round(Number(seconds ?? 0) * 10_000) / 10;
  const headBytes = Buffer.from(streams.head, 'hex');
  const finalHead = lastHead(headBytes);
  const head = finalHead.complete ? parseHead(finalHead.bytes) : null;
  const notes = streams.notes.join('\n');
  const connectedMs = ms(connected) || noted(notes, 'Connected to ');
  const outcome = {
    exit: streams.exit,
    secure: wire.secure,
    resolvedMs: ms(resolved) || Math.min(noted(notes, 'Trying '), connectedMs || Infinity),
    connectedMs,
    securedMs: ms(secured),
    headComplete: head !== null,
    bodySent: Number(uploaded ?? 0) >= spec.bodyBytes,
    notes,
  };
  const { error, failedPhase } = curlFailure(outcome);
  const reached = (value: number): number | null => (value > 0 ? value : null);
  const hasBody = spec.method !== 'HEAD';
  const bytes = hasBody ? Math.min(Number(downloaded ?? 0), bodyCapBytes) : 0;
  const capped = streams.exit === 23 && error === null;
  const remoteAddress = remote === '' ? fixedAddress(wire.connectHost, resolve) : remote;
  return {
    startedAtMs,
    requestHeaderBytes: outcome.connectedMs > 0 && (!wire.secure || outcome.securedMs > 0) ? wire.head.length : 0,
    remoteAddress,
    remotePort: wire.connectPort,
    localAddress: local === '' ? (sources.get(remoteAddress ?? '') ?? null) : local,
    phases: {
      resolvedMs: reached(outcome.resolvedMs),
      connectedMs: reached(outcome.connectedMs),
      securedMs: wire.secure ? reached(outcome.securedMs) : null,
      firstByteMs: headBytes.length > 0 ? reached(ms(first)) : null,
      totalMs: ms(total),
    },
    status: head?.status ?? null,
    reason: head?.reason ?? null,
    headers: head?.headers ?? [],
    responseHeaderBytes: head?.bytes ?? null,
    body: hasBody && head !== null ? Buffer.from(streams.body, 'hex').toString('utf8') : '',
    bodyBytes: head === null ? 0 : capped ? bodyCapBytes : bytes,
    bodyComplete: error === null && !capped,
    error,
    failedPhase,
    errorCode: streams.exit === 0 ? null : capped ? 'BODY_CAP' : `curl:${streams.exit}`,
  };
}

/** Some versions of curl report no times at all after a failed connect or handshake; the stamps of `--trace-time` do. 0 where it was not reached. */
function noted(notes: string, what: 'Trying ' | 'Connected to '): number {
  const stamps = [...notes.matchAll(/^(\d\d):(\d\d):(\d\d\.\d{6}) \* +(Trying |Connected to )?/gm)];
  const at = (stamp: RegExpExecArray): number => (Number(stamp[1]) * 3600 + Number(stamp[2]) * 60 + Number(stamp[3])) * 1000;
  const [first] = stamps;
  const wanted = stamps.find((stamp) => stamp[4] === what);
  if (first === undefined || wanted === undefined) return 0;
  const tookMs = (at(wanted) - at(first) + 86_400_000) % 86_400_000;
  return Math.max(0.1, Math.round(tookMs * 10) / 10);
}

/** The last head in what `-D` wrote: interim answers come before it. */
function lastHead(bytes: Buffer): { readonly bytes: Buffer; readonly complete: boolean } {
  let rest = bytes;
  for (;;) {
    const end = /\r?\n\r?\n/.exec(rest.toString('latin1'));
    if (end === null) return { bytes: rest, complete: false };
    const length = end.index + end[0].length;
    if (length >= rest.length) return { bytes: rest, complete: true };
    rest = rest.subarray(length);
  }
}
