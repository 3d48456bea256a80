import { describe, expect, it } from 'vitest';

import { errorLine, findingsOf, logLines, nginxConfig, accessLine } from '../../engine/testing/scenes.ts';
import type { About, Made, Request } from '../../engine/testing/scenes.ts';
import type { Disks } from '../../model/observations.ts';
import { diskFull } from './cause.ts';

/** A root file system with room, and one that has as much as given and holds nginx's request bodies. */
function disks(availableBytes: number, options: Partial<Disks['filesystems'][number]> = {}): Disks {
  const rest = { device: '/dev/sda1', sizeBytes: 1e9, inodes: 1000, inodesFree: 900, readOnly: false };
  return {
    filesystems: [
      { ...rest, mount: '/', availableBytes: 5e8, uses: [{ what: 'root', path: '/' }] },
      { ...rest, mount: '/srv/tmp', availableBytes, uses: [{ what: 'nginx client_body_temp', path: '/srv/tmp/body' }], ...options },
    ],
  };
}
const logsDisk = { mount: '/var/log', uses: [{ what: 'nginx logs', path: '/var/log/nginx' }] };
const noSpace = errorLine('temp-no-space', {
  request: 'POST /cart HTTP/1.1',
  upstream: null,
  fields: { path: '/srv/tmp/body/0000000004', errno: '28' },
  text: 'pwrite() "/srv/tmp/body/0000000004" failed (28: No space left on device)',
});
const fatal = (message: string) =>
  errorLine('php-fatal', {
    text: `FastCGI sent in stderr: "PHP message: PHP Fatal error:  Uncaught ErrorException: ${message} in /srv/app.php:3"`,
  });
const warning = errorLine('php-warning', {
  text: 'FastCGI sent in stderr: "PHP message: PHP Warning:  file_put_contents(/srv/tmp/cache/1): Failed to open stream: No space left on device in /srv/app.php on line 3"',
});
const upload = (n: number, status: number, bytes = 60_000): Request => ({
  n,
  status,
  ms: 9,
  method: 'POST',
  seen: { requestBodyBytes: bytes },
});
const site = nginxConfig('http { client_body_buffer_size 8k; server { listen 8000; } }');

/** A POST that got 500 from app-1, as app-1's own log says. */
function made(about: About, options: Partial<Made> = {}): Made {
  return { requests: [upload(1, 500), upload(2, 200)], ...options, hosts: { ...options.hosts, 'app-1': about } };
}
const failed = { ...accessLine(1, 500), method: 'POST' };

interface Case {
  readonly why: string;
  readonly made: Made;
  readonly is: string;
  readonly explains?: readonly string[];
}
const cases: readonly Case[] = [
  {
    why: 'nginx could not write our request’s body',
    made: made({ disks: disks(0), logs: logLines([failed], [noSpace]) }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'the same by inodes',
    made: made({ disks: disks(5e8, { inodesFree: 0 }), logs: logLines([failed], [noSpace]) }),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'an application stopped for lack of space',
    made: made(
      { disks: disks(0), logs: logLines([accessLine(1, 500)], [fatal('write failed: No space left on device (28)')]) },
      { requests: [{ n: 1, status: 500, ms: 9 }] },
    ),
    is: 'confirmed',
    explains: ['s1'],
  },
  {
    why: 'an application only warned of it',
    made: made({ disks: disks(0), logs: logLines([accessLine(1, 500)], [warning]) }, { requests: [{ n: 1, status: 500, ms: 9 }] }),
    is: 'likely',
    explains: ['s1'],
  },
  {
    why: 'the log is silent, the body is larger than the buffer and its directory is full',
    made: made({ disks: disks(0), 'nginx-config': site, logs: logLines([failed]) }),
    is: 'confirmed',
    explains: ['s1'],
  },
  { why: 'the same, but who answered is not known', made: made({ disks: disks(0), 'nginx-config': site }), is: 'likely', explains: ['s1'] },
  {
    why: 'the body fits into the buffer',
    made: made(
      { disks: disks(0), 'nginx-config': site, logs: logLines([failed]) },
      { requests: [upload(1, 500, 4000), upload(2, 200, 4000)] },
    ),
    is: 'advice',
  },
  {
    why: 'a full file system that the request does not need',
    made: made({ disks: disks(0, logsDisk), 'nginx-config': site, logs: logLines([failed]) }),
    is: 'advice',
  },
  { why: 'a full file system on a healthy site', made: made({ disks: disks(0) }, { requests: [upload(1, 200)] }), is: 'advice' },
  {
    why: 'an old line, and room again',
    made: made({ disks: disks(5e8), logs: logLines([failed], [{ ...noSpace, ours: false }]) }),
    is: 'ruled-out',
  },
  {
    why: 'an application that fails for another reason',
    made: made(
      { disks: disks(5e8), logs: logLines([accessLine(1, 500)], [fatal('Call to undefined function nope()')]) },
      { requests: [{ n: 1, status: 500, ms: 9 }] },
    ),
    is: 'ruled-out',
  },
  { why: 'a file system that nobody may write to', made: made({ disks: disks(0, { readOnly: true }) }), is: 'ruled-out' },
  { why: 'a file system that counts no inodes', made: made({ disks: disks(5e8, { inodes: 0, inodesFree: 0 }) }), is: 'ruled-out' },
];

describe('disk-full', () => {
  it.for(cases)('$why: $is', ({ made: scene, is, explains }) => {
    const finding = findingsOf(diskFull, scene)['app-1'];
    expect(finding?.is).toBe(is);
    if (explains !== undefined) expect(finding).toMatchObject({ explains });
  });

  it('finds the balancer’s own disk, and leaves the backend alone', () => {
    const made: Made = {
      requests: [upload(1, 500)],
      hosts: { lb: { disks: disks(0), logs: logLines([failed], [noSpace]) }, 'app-1': { disks: disks(5e8), logs: logLines([]) } },
    };
    const findings = findingsOf(diskFull, made);
    expect(findings.lb).toMatchObject({ is: 'confirmed', explains: ['s1'] });
    expect(findings['app-1']?.is).toBe('ruled-out');
  });
});
