// What a file is by its first bytes. Names are never asked: a `.gz` that somebody unpacked in place is a log like any other.

/** What the first bytes say. `plain` is everything that is not known to be something else. */
export type Content = 'plain' | 'gzip' | 'zstd' | 'xz' | 'bzip2' | 'lz4' | 'compress' | 'zip' | 'seven-zip' | 'tar' | 'utf-16';

/** Bytes that `contentOf` wants to see; fewer are fine where the file has no more. */
export const headBytes = 512;

const magics: readonly { readonly content: Content; readonly at: number; readonly bytes: readonly number[] }[] = [
  // 08 is deflate, the only method that gzip ever had.
  { content: 'gzip', at: 0, bytes: [0x1f, 0x8b, 0x08] },
  { content: 'zstd', at: 0, bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { content: 'xz', at: 0, bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { content: 'bzip2', at: 0, bytes: [0x42, 0x5a, 0x68] },
  { content: 'lz4', at: 0, bytes: [0x04, 0x22, 0x4d, 0x18] },
  { content: 'compress', at: 0, bytes: [0x1f, 0x9d] },
  { content: 'zip', at: 0, bytes: [0x50, 0x4b, 0x03, 0x04] },
  { content: 'seven-zip', at: 0, bytes: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c] },
  { content: 'tar', at: 257, bytes: [0x75, 0x73, 0x74, 0x61, 0x72] },
  { content: 'utf-16', at: 0, bytes: [0xff, 0xfe] },
  { content: 'utf-16', at: 0, bytes: [0xfe, 0xff] },
];

/** Tells what `head`, the first bytes of a file or of a decompressed stream, begins. */
export function contentOf(head: Uint8Array): Content {
  for (const { content, at, bytes } of magics) {
    if (!bytes.every((byte, index) => head[at + index] === byte)) continue;
    // A line of text may begin with `BZh`; the block's own magic (pi, or the root of it in an empty file) follows the level.
    if (content === 'bzip2' && !(head[4] === 0x31 && head[5] === 0x41) && !(head[4] === 0x17 && head[5] === 0x72)) continue;
    return content;
  }
  // A zstd file may begin with a frame to be skipped: 0x184D2A50 to 5F, least significant byte first.
  if (((head[0] ?? 0) & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18) return 'zstd';
  return 'plain';
}

/** Whether the head looks like something that no log is: it holds a NUL byte, or many other control bytes. */
export function looksBinary(head: Uint8Array): boolean {
  let controls = 0;
  for (const byte of head) {
    if (byte === 0) return true;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x1b) controls++;
  }
  return controls * 20 > head.length;
}

/** What to do about a file that is not read as it is, as one clause; null where it is read. */
export function adviceFor(content: Content): string | null {
  switch (content) {
    case 'plain':
    case 'gzip':
    case 'zstd':
      return null;
    case 'xz':
      return 'compressed with xz: unpack it on the way, `xz -dc FILE | why5xx logs -`';
    case 'bzip2':
      return 'compressed with bzip2: unpack it on the way, `bzip2 -dc FILE | why5xx logs -`';
    case 'lz4':
      return 'compressed with lz4: unpack it on the way, `lz4 -dc FILE | why5xx logs -`';
    case 'compress':
      return 'compressed with compress: unpack it on the way, `zcat FILE | why5xx logs -`';
    case 'zip':
      return 'a zip archive: unpack it first, or `unzip -p FILE | why5xx logs -`';
    case 'seven-zip':
      return 'a 7z archive: unpack it first, or `7z x -so FILE | why5xx logs -`';
    case 'tar':
      return 'a tar archive: unpack it first, or `tar -xOf FILE | why5xx logs -`';
    case 'utf-16':
      return 'UTF-16 text: convert it on the way, `iconv -f UTF-16 -t UTF-8 FILE | why5xx logs -`';
  }
}
