// The snippet run for real, its numbers held against what the kernel was made to do.
import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { join, openNamespace } from '../../facts/testing/namespaces.ts';
import { barePaths } from '../testing/everywhere.ts';
import { measure } from '../testing/run-probe.ts';
import { survivesEverywhere } from '../testing/everywhere.ts';
import { connections } from './probe.ts';

describe('everywhere', () => survivesEverywhere(connections));

const holds = (role: string): string => `const net = require('node:net'); ${role}; setTimeout(() => {}, 60000)`;

it('groups inbound by the port that listens and outbound by the port called; ss and /proc agree', async () => {
  const [client, server] = [await openNamespace(), await openNamespace()];
  await join(client, server, ['c0', 's0']);
  await client.must('ip addr add 10.9.0.1/24 dev c0; ip addr add fd09::1/64 dev c0 nodad');
  await server.must('ip addr add 10.9.0.2/24 dev s0; ip addr add fd09::2/64 dev s0 nodad');
  const start = async (prefix: readonly string[], role: string): Promise<{ kill(): void }> => {
    const [program = '', ...args]: readonly string[] = [...prefix, process.execPath, '-e', holds(role)];
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    return { kill: () => void child.kill('SIGKILL') };
  };
  const listening = await start(server.prefix, "net.createServer(() => {}).listen(8080, '::', () => console.log('ready'))");
  const calling = await start(
    client.prefix,
    "let n = 0; for (const host of ['10.9.0.2', '10.9.0.2', '10.9.0.2', 'fd09::2']) net.connect(8080, host, () => { n += 1; if (n === 4) console.log('ready'); })",
  );
  const bare = await barePaths();
  onTestFinished(() => rm(bare, { recursive: true }));
  try {
    for (const path of [undefined, `${bare}/core`, `${bare}/busybox`]) {
      const where = path === undefined ? {} : { path };
      const inbound = await measure(connections, { prefix: server.prefix, ...where });
      expect(inbound.total).toBe(4);
      expect(inbound.groups.map(({ processes: _processes, ...group }) => group)).toEqual([
        { state: 'ESTAB', local: '10.9.0.2', localPort: 8080, remote: '10.9.0.1', remotePort: null, count: 3 },
        { state: 'ESTAB', local: 'fd09::2', localPort: 8080, remote: 'fd09::1', remotePort: null, count: 1 },
      ]);
      const outbound = await measure(connections, { prefix: client.prefix, ...where });
      expect(outbound.groups.map(({ processes: _processes, ...group }) => group)).toEqual([
        { state: 'ESTAB', local: '10.9.0.1', localPort: null, remote: '10.9.0.2', remotePort: 8080, count: 3 },
        { state: 'ESTAB', local: 'fd09::1', localPort: null, remote: 'fd09::2', remotePort: 8080, count: 1 },
      ]);
      if (path === undefined) expect(outbound.groups[0]?.processes).toEqual([expect.stringMatching(/node|MainThread/)]);
    }
  } finally {
    calling.kill();
    listening.kill();
    await Promise.all([client.close(), server.close()]);
  }
});
