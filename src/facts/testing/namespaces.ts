// Two network namespaces joined by a wire, for tests that compare what we say about a kernel with what the kernel does.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What a command left behind. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One namespace, kept alive by a sleeping process of its own. */
export interface Namespace {
  readonly pid: number;
  /** Words to put before a command so that it runs inside. */
  readonly prefix: readonly string[];
  /** Runs a command inside and waits, at most 15 s. Never rejects for an exit code. */
  run(command: readonly string[], input?: string): Promise<Ran>;
  /** Runs a shell script inside; rejects unless it exits 0. */
  must(script: string): Promise<string>;
  close(): Promise<void>;
}

/** A new network and mount namespace. Works as root, or as a user where the kernel lets users make namespaces. */
export async function openNamespace(): Promise<Namespace> {
  const root = process.getuid?.() === 0;
  const child = spawn(
    'unshare',
    [...(root ? [] : ['--map-root-user']), '--net', '--mount', '--propagation', 'private', 'sh', '-c', 'echo ready; exec sleep 300'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error('no namespace could be made')));
    child.stdout.once('data', () => resolve());
  });
  const pid = child.pid ?? 0;
  const prefix = ['nsenter', '--target', String(pid), ...(root ? [] : ['--user', '--preserve-credentials']), '--net', '--mount', '--'];
  const run = (command: readonly string[], input = ''): Promise<Ran> =>
    new Promise((resolve) => {
      const [program = '', ...args]: readonly string[] = [...prefix, ...command];
      const ran = execFile(program, args, { timeout: 15_000, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 255, stdout, stderr });
      });
      ran.stdin?.on('error', () => undefined);
      ran.stdin?.end(input);
    });
  return {
    pid,
    prefix,
    run,
    async must(script) {
      const result = await run(['sh', '-e'], script);
      if (result.code !== 0) throw new Error(`exit ${result.code}: ${result.stderr}\n${script}`);
      return result.stdout;
    },
    close: () => end(child),
  };
}

/** Joins two namespaces: `a0` in the first, `b0` in the second, both up, without addresses. */
export async function join(first: Namespace, second: Namespace, names: readonly [string, string] = ['a0', 'b0']): Promise<void> {
  await first.must(
    `ip link add ${names[0]} type veth peer name ${names[1]} netns ${second.pid}\nip link set ${names[0]} up\nip link set lo up`,
  );
  await second.must(`ip link set ${names[1]} up\nip link set lo up`);
}

/** How a connection attempt ended. */
export type Ended = 'open' | 'refused' | 'unreachable' | 'prohibited' | 'timeout' | 'other';

/** A process inside a namespace that opens connections on demand; starting one per connection would cost more than the test. */
export interface Connector {
  /** `source` must be an address of the namespace. Gives up after 250 ms (IPv6: 1400 ms). */
  connect(source: string, address: string, port: number): Promise<Ended>;
  close(): Promise<void>;
}

const connectorSource = `
const net = require('node:net');
const names = { ECONNREFUSED: 'refused', EHOSTUNREACH: 'unreachable', ENETUNREACH: 'unreachable', EACCES: 'prohibited', EPERM: 'prohibited' };
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { source, address, port } = JSON.parse(line);
  const socket = net.connect({ host: address, port, localAddress: source });
  let done = false;
  const finish = (outcome) => { if (!done) { done = true; clearTimeout(timer); socket.destroy(); console.log(outcome); } };
  const timer = setTimeout(() => finish('timeout'), address.includes(':') ? 1400 : 250);
  socket.on('connect', () => finish('open'));
  socket.on('error', (error) => finish(names[error.code] || 'other'));
});`;

/**
 * On a wire without delay an ICMPv6 error comes back while connect() still holds the socket; the kernel then takes it only with the
 * first retransmission, a second later. Hence the longer deadline for IPv6.
 */
export function openConnector(namespace: Namespace): Connector {
  const [program = '', ...args]: readonly string[] = [...namespace.prefix, process.execPath, '-e', connectorSource];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting: ((outcome: Ended) => void)[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(line as Ended));
  return {
    connect: (source, address, port) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        child.stdin.write(`${JSON.stringify({ source, address, port })}\n`);
      }),
    close: () => end(child),
  };
}

/** Accepts connections on the ports, both families, until closed. */
export async function openListeners(namespace: Namespace, ports: readonly number[]): Promise<{ close(): Promise<void> }> {
  const source = `let open = 0; const ports = [${ports.map(Number).join(',')}]; for (const port of ports) require('node:net').createServer((socket) => { socket.on('error', () => {}); socket.end(); }).listen(port, '::', () => { open += 1; if (open === ports.length) console.log('ready'); });`;
  const [program = '', ...args]: readonly string[] = [...namespace.prefix, process.execPath, '-e', source];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(new Error('the listeners ended')));
    child.stdout.once('data', () => resolve());
  });
  return { close: () => end(child) };
}

/** Ends a process that this file started, and waits for it. */
function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
