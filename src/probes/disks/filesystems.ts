// Puts paths, sizes and mounts together: one row per file system, with the directories that lie on it.
import type { Disks } from '../../model/observations.ts';

type Filesystem = Disks['filesystems'][number];
interface Mount {
  readonly device: string;
  readonly point: string;
  readonly readOnly: boolean;
}
interface Size {
  readonly sizeBytes: number;
  readonly availableBytes: number;
  readonly inodes: number | null;
  readonly inodesFree: number | null;
}

/** Reads the parts `uses`, `stat` or `df`, `mounts self` and `mounts PID`. */
export function groupByFilesystem(parts: ReadonlyMap<string, string>): Filesystem[] {
  const sizes = readSizes(parts);
  const rows = new Map<
    string,
    { readonly mount: Mount; readonly size: Size; readonly uses: Map<string, { what: string; path: string }> }
  >();
  for (const line of (parts.get('uses') ?? '').split('\n')) {
    const [what, path, prefix] = line.split('\t');
    if (what === undefined || path === undefined || prefix === undefined) continue;
    const measured = existing(`${prefix}${path}`, sizes);
    if (measured === null) continue;
    const pid = /^\/proc\/(\d+)\/root/.exec(prefix)?.[1];
    const mounts = readMounts(parts.get(`mounts ${pid ?? 'self'}`) ?? '');
    const shown = pid === undefined ? measured.path : measured.path.slice(prefix.length) || '/';
    const mount = mountOf(shown, mounts) ?? { device: '', point: '/', readOnly: false };
    const key = `${pid ?? ''} ${mount.point}`;
    // A process with a mount namespace of its own still shares most file systems with the host.
    const same = [...rows.values()].find(
      (row) =>
        row.mount.point === mount.point &&
        row.mount.device === mount.device &&
        row.size.sizeBytes === measured.size.sizeBytes &&
        row.size.availableBytes === measured.size.availableBytes,
    );
    const row = rows.get(key) ?? same ?? { mount, size: measured.size, uses: new Map() };
    rows.set(key, row);
    row.uses.set(`${what} ${path}`, { what, path });
  }
  return [...new Set(rows.values())].map((row) => ({
    mount: row.mount.point,
    device: row.mount.device,
    ...row.size,
    readOnly: parts.has('mounts self') ? row.mount.readOnly : null,
    uses: [...row.uses.values()],
  }));
}

// The shell measured the nearest directory above a path that does not exist.
function existing(path: string, sizes: ReadonlyMap<string, Size>): { path: string; size: Size } | null {
  let at = path;
  while (at !== '') {
    const size = sizes.get(at);
    if (size) return { path: at, size };
    at = at.slice(0, at.lastIndexOf('/'));
  }
  // What a process sees below its own root is not what we see below ours.
  const root = /^\/proc\/\d+\/root/.test(path) ? undefined : sizes.get('/');
  return root ? { path: '/', size: root } : null;
}

function readSizes(parts: ReadonlyMap<string, string>): Map<string, Size> {
  const sizes = new Map<string, Size>();
  for (const match of (parts.get('stat') ?? '').matchAll(/^(\S+) (\d+) (\d+) (\d+) (\d+) (\d+) (\/.*)$/gm)) {
    const [, , block, blocks, available, inodes, inodesFree, path = ''] = match;
    // Some file systems (btrfs, overlays on it) count no inodes.
    const counted = Number(inodes) > 0;
    sizes.set(path, {
      sizeBytes: Number(blocks) * Number(block),
      availableBytes: Number(available) * Number(block),
      inodes: counted ? Number(inodes) : null,
      inodesFree: counted ? Number(inodesFree) : null,
    });
  }
  for (const match of (parts.get('df') ?? '').matchAll(/^\S+ +(\d+) +\d+ +(\d+) +\S+ (\/.*)$/gm)) {
    sizes.set(match[3] ?? '', {
      sizeBytes: Number(match[1]) * 1024,
      availableBytes: Number(match[2]) * 1024,
      inodes: null,
      inodesFree: null,
    });
  }
  return sizes;
}

function readMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [device, point, , options] = line.split(' ');
    if (device === undefined || point === undefined || options === undefined) return [];
    return [{ device: unescape(device), point: unescape(point), readOnly: options.split(',').includes('ro') }];
  });
}

function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

// The longest mount point above the path; of several at the same place the last covers the others.
function mountOf(path: string, mounts: readonly Mount[]): Mount | null {
  let best: Mount | null = null;
  for (const mount of mounts) {
    const above = mount.point === '/' || path === mount.point || path.startsWith(`${mount.point}/`);
    if (above && (best === null || mount.point.length >= best.point.length)) best = mount;
  }
  return best;
}
