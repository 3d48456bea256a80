// Looks once which programs a vantage has for sending requests.
import { ProbeError } from '../../model/probe.ts';
import type { Transport } from '../../model/transport.ts';

/** What a host offers. Versions of curl as [major, minor]; the others are there or not. */
export interface Tools {
  readonly curl: readonly [number, number] | null;
  readonly python3: boolean;
  readonly perl: boolean;
  readonly openssl: boolean;
  /** `openbsd` keeps reading after its input ends; the others may hang up, so their input is kept open. */
  readonly nc: 'openbsd' | 'busybox' | 'other' | null;
}

// A program that is on the path but does not run (a broken shim, another libc) must not count as there.
const script = `
set -u
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin; export PATH
[ -c /dev/null ] && [ -e /dev/fd/0 ] && curl -q --version 2>/dev/null </dev/null | sed -n '1s/^curl \\([0-9]*\\)\\.\\([0-9]*\\).*/curl \\1 \\2/p'
python3 -c 'import socket, ssl; print("python3")' 2>/dev/null </dev/null
perl -MSocket -MErrno -MPOSIX -e 'print "perl\\n"' 2>/dev/null </dev/null
openssl version >/dev/null 2>&1 </dev/null && echo openssl
if command -v nc >/dev/null 2>&1; then
  case $(nc -h 2>&1 </dev/null | head -n 3) in *OpenBSD*) echo nc openbsd ;; *) echo nc other ;; esac
elif busybox nc --help >/dev/null 2>&1 </dev/null; then echo nc busybox
fi
:
`;

/** Asks the host. Rejects with TransportError where it cannot be reached. */
export async function detectTools(transport: Transport, signal: AbortSignal): Promise<Tools> {
  const { stdout } = await transport.sh(script, { signal, timeoutMs: 10_000, maxOutputBytes: 4096 });
  const lines = new Set(stdout.split('\n').map((line) => line.trim()));
  const curl = /^curl (\d+) (\d+)$/m.exec(stdout);
  return {
    curl: curl === null ? null : [Number(curl[1]), Number(curl[2])],
    python3: lines.has('python3'),
    perl: lines.has('perl'),
    openssl: lines.has('openssl'),
    nc: lines.has('nc openbsd') ? 'openbsd' : lines.has('nc other') ? 'other' : lines.has('nc busybox') ? 'busybox' : null,
  };
}

/** What to tell the reader when a vantage has nothing to send requests with. */
export function nothingToSendWith(transport: Transport, what: string): ProbeError {
  return new ProbeError(`${transport.describe} has no program that can send ${what} requests`, {
    status: 'skipped',
    needs: what === 'HTTPS' ? 'curl, python3 or openssl on that host' : 'curl, python3, perl or nc on that host',
  });
}
