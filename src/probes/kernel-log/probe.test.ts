// The snippet run for real, its numbers held against what the kernel was made to do.
import { describe, expect, it } from 'vitest';
import { contextAt } from '../testing/run-probe.ts';
import { survivesEverywhere } from '../testing/everywhere.ts';
import { kernelLog } from './probe.ts';

describe('everywhere', () => survivesEverywhere(kernelLog));

const around = (line: string): string => `@uptime 1000.00 5.0\n@netns 4026532315\n@readable\n@log\n${line}\n`;

it.for([
  ['[  990.500000] php-fpm8.2 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0', 'oom', 9.5, null, 'php-fpm8.2'],
  [
    '[  990.500000] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/w5,task_memcg=/w5,task=php-fpm8.2,pid=4321,uid=33',
    'oom',
    9.5,
    4321,
    'php-fpm8.2',
  ],
  [
    '[  990.500000] Memory cgroup out of memory: Killed process 4321 (php-fpm8.2) total-vm:300000kB, anon-rss:60000kB',
    'oom',
    9.5,
    4321,
    'php-fpm8.2',
  ],
  [
    '[  999.900000] php-fpm8.2[77]: segfault at 0 ip 000055d0 sp 00007ffc error 4 in php-fpm8.2[55d000+1000] likely on CPU 0 (core 0, socket 0)',
    'segfault',
    0.1,
    77,
    'php-fpm8.2',
  ],
  ['[  900.000000] nf_conntrack: nf_conntrack: table full in netns 4026532315, dropping packet', 'conntrack', 100, null, null],
  ['[  900.000000] nf_conntrack: table full, dropping packet', 'conntrack', 100, null, null],
  ['[  900.000000] TCP: request_sock_TCP: Possible SYN flooding on port 0.0.0.0:80. Sending cookies.', 'syn-flood', 100, null, null],
  ['[  900.000000] IPv4: martian source 10.77.2.2 from 10.77.2.2, on dev rsbe0', 'martian', 100, null, null],
  ['[  900.000000] INFO: task nginx:812 blocked for more than 120 seconds.', 'hung-task', 100, 812, 'nginx'],
  [
    '[  900.000000] EXT4-fs error (device vda1): ext4_find_entry:1455: inode #2: comm nginx: reading directory lblock 0',
    'filesystem',
    100,
    null,
    null,
  ],
  ['[  900.000000] web-1 kernel: neighbour: arp_cache: neighbor table overflow!', 'other', 100, null, null],
  ['<4>[  900.000000] Out of memory: Killed process 9 (mysqld), UID 27', 'oom', 100, 9, 'mysqld'],
] as const)('%s', ([line, kind, ageSeconds, pid, process]) => {
  expect(kernelLog.parse(around(line), contextAt(0, 1)).lines).toMatchObject([{ kind, ageSeconds, pid, process }]);
});

it.for([
  '[  900.000000] nf_conntrack: nf_conntrack: table full in netns 4026999999, dropping packet',
  '[  900.000000] EXT4-fs (vda1): mounted filesystem with ordered data mode. Opts: (null)',
  '[  900.000000] nf_conntrack version 0.5.0 (65536 buckets, 262144 max)',
  '[  900.000000] br-isp-a: port 3(p-here) entered forwarding state',
])('is no trouble of this host: %s', (line) => {
  expect(kernelLog.parse(around(line), contextAt(0, 1)).lines).toEqual([]);
});

it('keeps the newest 200, without control characters', () => {
  const lines = Array.from(
    { length: 300 },
    (_, index) => `[  ${String(600 + index)}.000000] x\u001b[31m[${String(index)}]: segfault at 0`,
  ).join('\n');
  const read = kernelLog.parse(around(lines), contextAt(0, 1)).lines;
  expect(read).toHaveLength(200);
  expect(read.at(-1)).toMatchObject({ ageSeconds: 101, text: 'x?[31m[299]: segfault at 0' });
});

it('says when it could not be read', () => {
  expect(kernelLog.parse('@uptime 1.0 1.0\n@netns \n@log\n\n', contextAt(0, 1))).toEqual({ readable: false, lines: [] });
});
