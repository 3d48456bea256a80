// Lines of the kernel log that explain failures of a web host.
import type { Signature } from './signatures.ts';

const of = (id: string, pattern: RegExp, sample: string, proves: string, doesNotProve: string): Signature => ({
  id,
  source: 'kernel',
  pattern,
  sample,
  proves,
  doesNotProve,
});

export const kernelSignatures: readonly Signature[] = [
  of(
    'kernel-oom-cgroup',
    /Memory cgroup out of memory: Kill(?:ed)? process (?<pid>\d+) \((?<process>[^)]*)\)/,
    'Memory cgroup out of memory: Killed process 4711 (php-fpm8.2) total-vm:231480kB, anon-rss:52160kB, file-rss:9216kB, shmem-rss:0kB, UID:33 pgtables:212kB oom_score_adj:0',
    'The memory limit of a control group was reached and the kernel killed this process.',
    'That the host is short of memory.',
  ),
  of(
    'kernel-oom',
    /^(?:\[[^\]]*\] )?Out of memory(?: \([^)]*\))?: Kill(?:ed)? process (?<pid>\d+) \((?<process>[^)]*)\)/,
    'Out of memory: Killed process 4711 (php-fpm8.2) total-vm:231480kB, anon-rss:52160kB, file-rss:9216kB, shmem-rss:0kB, UID:33 pgtables:212kB oom_score_adj:0',
    'The host had no memory left and the kernel killed this process.',
    'That this process used the most.',
  ),
  of(
    'kernel-oom-invoked',
    /(?:^|\s)(?<process>\S{1,64}) invoked oom-killer:/,
    'php-fpm8.2 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0',
    'This process asked for the memory that was not there.',
    'That it was the one killed.',
  ),
  of(
    'kernel-segfault',
    /(?:^|\s)(?<process>[^[\s]{1,64})\[(?<pid>\d+)\]: segfault at (?<address>[0-9a-f]+)/,
    'php-fpm8.2[4593]: segfault at 10 ip 00007f2a1c3d51f0 sp 00007ffd5d5b1a80 error 4 in apcu.so[7f2a1c3d0000+1a000] likely on CPU 1 (core 1, socket 0)',
    'The process crashed on a memory access.',
    'Which request did it.',
  ),
  of(
    'kernel-conntrack-full',
    /nf_conntrack: table full(?: in netns (?<netns>\d+))?, dropping packet/,
    'nf_conntrack: nf_conntrack: table full in netns 4026532315, dropping packet',
    'The connection table was full and packets of new connections were dropped.',
    'In which network namespace, on older kernels.',
  ),
  of(
    'kernel-syn-flood',
    /Possible SYN flooding on port (?<port>\S+?)\. (?<action>Sending cookies|Dropping request)/,
    'TCP: request_sock_TCP: Possible SYN flooding on port 0.0.0.0:80. Sending cookies.  Check SNMP counters.',
    'The queue of half-open connections of this port overflowed.',
    'An attack: a short backlog under a burst looks the same.',
  ),
  of(
    'kernel-martian',
    /martian source (?<to>\S+) from (?<from>\S+),? on dev (?<device>\S+)/,
    'IPv4: martian source 10.77.3.2 from 100.64.1.5, on dev eth1',
    'A packet was dropped because its source cannot be reached through the interface it came from.',
    'That it belonged to a request of ours.',
  ),
  of(
    'kernel-hung-task',
    /task (?<process>\S+):(?<pid>\d+) blocked for more than (?<seconds>\d+) seconds/,
    'INFO: task php-fpm8.2:4711 blocked for more than 120 seconds.',
    'The process waited for the kernel, mostly for a disk or a network file system.',
    'Which device.',
  ),
  of(
    'kernel-filesystem',
    /(?:EXT4-fs error|XFS .*(?:Corruption|metadata I\/O error|shutting down)|Remounting filesystem read-only|Buffer I\/O error|blk_update_request: I\/O error|BTRFS (?:error|critical))/,
    'EXT4-fs error (device vda1): ext4_find_entry:1683: inode #131073: comm php-fpm8.2: reading directory lblock 0',
    'A file system or its disk has errors.',
    'That the site uses it.',
  ),
];
