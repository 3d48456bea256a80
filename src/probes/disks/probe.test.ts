// The snippet run for real, its numbers held against what the kernel was made to do.
import { describe, expect, it } from 'vitest';
import { openNamespace } from '../../facts/testing/namespaces.ts';
import { startNginx } from '../testing/nginx.ts';
import { measure } from '../testing/run-probe.ts';
import { survivesEverywhere } from '../testing/everywhere.ts';
import { groupByFilesystem } from './filesystems.ts';
import { disks } from './probe.ts';

describe('everywhere', () => survivesEverywhere(disks));

it.for([
  ['in the mounts of the host', false, ['sh']],
  ['in mounts of its own', true, ['sh']],
  ['in mounts of its own, busybox', true, ['busybox', 'sh']],
] as const)('a full disk under the body directory of nginx, %s', { timeout: 20_000 }, async ([, ownMounts, shell]) => {
  const namespace = await openNamespace();
  await namespace.must('ip link set lo up');
  const nginx = await startNginx(namespace, {
    ownMounts,
    http: (directory) => `client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/missing/deeper;`,
    // proxy_temp_path is made by nginx only one level deep.
    before: 'mount -t tmpfs -o size=1m,nr_inodes=50 tmpfs "$1/body"; mkdir "$1/missing"',
  });
  try {
    await namespace.must(
      `nsenter --target ${nginx.pid} --mount sh -c 'head -c 3000000 /dev/zero >"$1/body/fill" 2>/dev/null; mount -o remount,ro "$1/body"' sh ${nginx.directory} || true`,
    );
    const { filesystems } = await measure(disks, { prefix: namespace.prefix, shell });
    const full = filesystems.find((each) => each.uses.some((use) => use.what === 'nginx client_body_temp'));
    expect(full).toMatchObject({
      device: 'tmpfs',
      mount: `${nginx.directory}/body`,
      sizeBytes: 1_048_576,
      availableBytes: 0,
      inodes: 50,
      readOnly: true,
      uses: [{ what: 'nginx client_body_temp', path: `${nginx.directory}/body` }],
    });
    expect(full?.inodesFree).toBeLessThan(50);
    const root = filesystems.find((each) => each.uses.some((use) => use.what === 'root' && use.path === '/'));
    expect(root?.availableBytes).toBeGreaterThan(0);
    expect(root?.uses.map((use) => `${use.what} ${use.path}`)).toEqual(
      expect.arrayContaining([`nginx logs ${nginx.directory}/logs`, `nginx proxy_temp ${nginx.directory}/missing/deeper`, 'tmp /tmp']),
    );
  } finally {
    await nginx.close();
    await namespace.close();
  }
});

it('reads df where stat cannot, mounts that cover others, and blanks in names', () => {
  const parts = new Map([
    ['uses', 'tmp\t/tmp\t\nlogs\t/var/log\t\nnginx logs\t/mnt/my disk/log\t\nnginx proxy_temp\t/var/lib/nginx/proxy\t/proc/42/root'],
    [
      'df',
      'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 1000 400 600 40% /\n/dev/sdb1 50 50 0 100% /mnt/my disk\n',
    ],
    ['mounts self', '/dev/sda1 / ext4 ro,relatime 0 0\n/dev/sda2 / ext4 rw 0 0\n/dev/sdb1 /mnt/my\\040disk xfs ro 0 0\n'],
  ]);
  expect(groupByFilesystem(parts)).toEqual([
    {
      mount: '/',
      device: '/dev/sda2',
      sizeBytes: 1_024_000,
      availableBytes: 614_400,
      inodes: null,
      inodesFree: null,
      readOnly: false,
      uses: [
        { what: 'tmp', path: '/tmp' },
        { what: 'logs', path: '/var/log' },
      ],
    },
    {
      mount: '/mnt/my disk',
      device: '/dev/sdb1',
      sizeBytes: 51_200,
      availableBytes: 0,
      inodes: null,
      inodesFree: null,
      readOnly: true,
      uses: [{ what: 'nginx logs', path: '/mnt/my disk/log' }],
    },
  ]);
});
