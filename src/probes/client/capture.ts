// Listens with tcpdump, where this process is root and the program is there, for the TTL of resets and SYN-ACKs: a reset whose TTL is not
// that of the SYN-ACK was sent by something in between. A run never waits for it nor fails by it.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestSpec } from '../../model/exchange.ts';
import type { SendOptions } from './requester.ts';

/** Hop limits as they arrived here. */
export interface Ttls {
  readonly resetTtl: number | null;
  readonly synAckTtl: number | null;
}

/** A capture under way. `stop` gives what was seen by `ttlKey`, and always comes back within 400 ms. */
export interface Capture {
  stop(): Promise<ReadonlyMap<string, Ttls>>;
}

/** Key of one connection; a refused one has no local port that we know, and is found by where it went. */
export function ttlKey(remoteAddress: string, remotePort: number, localPort: number | null): string {
  return localPort === null ? `${remoteAddress}:${remotePort} refused` : `${remoteAddress} ${localPort}`;
}

const startWaitMs = 300;
const packetsKept = 4000;

/** Starts listening for the ports that these requests go to; null where that is not possible within 300 ms. */
export async function startCapture(
  specs: readonly RequestSpec[],
  options: Pick<SendOptions, 'signal' | 'concurrency'>,
): Promise<Capture | null> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || specs.length === 0 || options.signal.aborted) return null;
  const ports = [...new Set(specs.map(portOf).filter((port) => port !== null))];
  if (ports.length === 0 || ports.length > 32) return null;
  const from = ports.map((port) => `src port ${port}`).join(' or ');
  const filter = `tcp and (${from}) and ((ip and tcp[13] & 6 != 0) or (ip6 and ip6[53] & 6 != 0))`;
  const child = spawn('tcpdump', ['-i', 'any', '-nn', '-v', '-l', '--immediate-mode', '-s', '128', '-c', String(packetsKept), filter], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`, LC_ALL: 'C' },
  });
  const longestMs = Math.max(...specs.map((spec) => spec.timeoutMs)) * Math.ceil(specs.length / Math.max(1, options.concurrency)) + 2000;
  const killer = setTimeout(() => child.kill('SIGKILL'), Math.min(longestMs, 2_000_000_000));
  killer.unref();
  const ended = new Promise<'ended'>((resolve) => {
    child.once('error', () => resolve('ended'));
    child.once('close', () => resolve('ended'));
  });
  void ended.then(() => clearTimeout(killer));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (output.length < packetsKept * 300) output += text;
  });
  const ready = new Promise<'ready'>((resolve) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (said.length < 4096) said += text;
      if (said.includes('listening on')) resolve('ready');
    });
  });
  const waited = new AbortController();
  const first = await Promise.race([
    ready,
    ended,
    sleep(startWaitMs, 'late' as const, { signal: waited.signal }).catch(() => 'late' as const),
  ]);
  waited.abort();
  if (first !== 'ready') {
    child.kill('SIGKILL');
    return null;
  }
  return {
    async stop() {
      await sleep(20); // packets on their way through the pipe
      child.kill('SIGTERM');
      await Promise.race([ended, sleep(350, null, { ref: false })]);
      child.kill('SIGKILL');
      return ttlsIn(output);
    },
  };
}

function portOf(spec: RequestSpec): number | null {
  if (spec.connectTo !== null) return spec.connectTo.port;
  if (!URL.canParse(spec.url)) return null;
  const url = new URL(spec.url);
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

/** Reads the output of `tcpdump -nn -v`. */
export function ttlsIn(output: string): ReadonlyMap<string, Ttls> {
  const found = new Map<string, Ttls>();
  const packet = /\bIP6? \([^\n]*?\b(?:ttl|hlim) (\d+)[^\n]*?\)\s+(\S+)\.(\d+) > (\S+)\.(\d+): Flags \[([A-Za-z.]+)\]/g;
  for (const [, ttl, remote = '', port, , localPort, flags = ''] of output.matchAll(packet)) {
    const key = ttlKey(remote, Number(port), Number(localPort));
    const before = found.get(key) ?? { resetTtl: null, synAckTtl: null };
    if (flags.includes('R')) {
      found.set(key, { ...before, resetTtl: Number(ttl) });
      // A reset without a SYN-ACK before it is what a refused connect got.
      if (before.synAckTtl === null) found.set(ttlKey(remote, Number(port), null), { resetTtl: Number(ttl), synAckTtl: null });
    } else if (flags === 'S.') found.set(key, { ...before, synAckTtl: Number(ttl) });
  }
  return found;
}
