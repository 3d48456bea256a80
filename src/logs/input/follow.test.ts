// Real files, a real writer in another process, every way of rotation: each numbered line has to arrive exactly once.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { follow } from './follow.ts';
import type { FollowEvent, FollowOptions } from './follow.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'why5xx-follow-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});
const at = (name: string): string => path.join(dir, name);

/** Collects what a follower says, in the way that a scanner would: lines do not go on from one stream to the next. */
class Reader {
  readonly lines: string[] = [];
  readonly log: string[] = [];
  private readonly rests = new Map<number, string>();
  private readonly controller = new AbortController();
  private readonly done: Promise<void>;

  constructor(paths: readonly string[], options: Partial<FollowOptions> = {}) {
    this.done = this.run(follow(paths, { from: 'start', pollMs: 20, ...options, signal: this.controller.signal }));
  }

  private async run(events: AsyncIterable<FollowEvent>): Promise<void> {
    for await (const event of events) this.take(event);
  }

  private take(event: FollowEvent): void {
    if (event.kind === 'problem') this.log.push(`${path.basename(event.path)}: ${event.problem.kind}`);
    else if (event.kind === 'bytes') {
      const parts = ((this.rests.get(event.stream.id) ?? '') + Buffer.from(event.bytes).toString('latin1')).split('\n');
      this.rests.set(event.stream.id, parts.pop() ?? '');
      this.lines.push(...parts);
    } else {
      this.log.push(`${event.kind} ${event.stream.id} ${path.basename(event.stream.path)}${event.kind === 'ended' ? ` ${event.why}` : ''}`);
      if (event.kind === 'ended' && this.rests.get(event.stream.id) !== '') this.lines.push(this.rests.get(event.stream.id) ?? '');
    }
  }

  async until(condition: () => boolean, ms = 8000): Promise<void> {
    const deadline = Date.now() + ms;
    while (!condition() && Date.now() < deadline) await sleep(10);
  }

  async stop(): Promise<void> {
    this.controller.abort();
    await this.done;
  }
}

function openFiles(): string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    })
    .filter((target) => target.startsWith(dir));
}

describe('one file', () => {
  it('gives what is there and what comes, then ends with everything closed', async () => {
    writeFileSync(at('a.log'), 'old\n');
    const reader = new Reader([at('a.log')]);
    await reader.until(() => reader.lines.length === 1);
    appendFileSync(at('a.log'), 'ne');
    await sleep(60);
    appendFileSync(at('a.log'), 'w\n');
    await reader.until(() => reader.lines.length === 2);
    expect(openFiles()).toEqual([at('a.log')]);
    await reader.stop();
    expect([reader.lines, reader.log, openFiles()]).toEqual([['old', 'new'], ['opened 0 a.log'], []]);
  });

  it('begins at the end when told to, but reads new files whole', async () => {
    writeFileSync(at('a.log'), 'old\n');
    const reader = new Reader([at('a.log'), at('b.log')], { from: 'end' });
    await reader.until(() => reader.log.length === 1);
    appendFileSync(at('a.log'), 'new\n');
    writeFileSync(at('b.log'), 'first\n');
    await reader.until(() => reader.lines.length === 2);
    renameSync(at('a.log'), at('a.log.1'));
    writeFileSync(at('a.log'), 'next\n');
    await reader.until(() => reader.lines.length === 3);
    await reader.stop();
    expect(reader.lines.toSorted()).toEqual(['first', 'new', 'next']);
  });

  it('reads what is still written to a file that was renamed or removed', async () => {
    writeFileSync(at('a.log'), '1\n');
    const reader = new Reader([at('a.log')], { drainMs: 300 });
    await reader.until(() => reader.lines.length === 1);
    renameSync(at('a.log'), at('a.log.1'));
    appendFileSync(at('a.log.1'), '2\n');
    await reader.until(() => reader.lines.length === 2);
    writeFileSync(at('a.log'), '3\n');
    await reader.until(() => reader.lines.length === 3);
    appendFileSync(at('a.log.1'), '4\n');
    await reader.until(() => reader.lines.length === 4);
    await reader.until(() => reader.log.length === 3);
    unlinkSync(at('a.log'));
    await sleep(100);
    writeFileSync(at('a.log'), '5\n');
    await reader.until(() => reader.lines.length === 5);
    await reader.stop();
    expect(reader.lines).toEqual(['1', '2', '3', '4', '5']);
    expect(reader.log).toEqual(['opened 0 a.log', 'opened 1 a.log', 'ended 0 a.log rotated', 'opened 2 a.log']);
  });

  it('notices a truncation although the file has grown past its place, and finds the rest in the copy', async () => {
    writeFileSync(at('a.log'), 'a1\na2\n');
    const reader = new Reader([at('a.log')], { pollMs: 300 });
    await reader.until(() => reader.lines.length === 2);
    // All of this happens between two looks.
    appendFileSync(at('a.log'), 'a3\na4\n');
    copyFileSync(at('a.log'), at('a.log.1'));
    truncateSync(at('a.log'));
    appendFileSync(at('a.log'), 'b1\nb2\nb3\nb4\nb5\nb6\n');
    await reader.until(() => reader.lines.length === 10);
    await reader.stop();
    expect(reader.lines).toEqual(['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'b3', 'b4', 'b5', 'b6']);
    expect(reader.log).toEqual(['opened 0 a.log', 'ended 0 a.log truncated', 'opened 1 a.log']);
  });

  it('says when a truncation left no copy, and passes over the hole of a writer that kept its place', async () => {
    writeFileSync(at('a.log'), 'a1\na2\n');
    const reader = new Reader([at('a.log')]);
    await reader.until(() => reader.lines.length === 2);
    writeFileSync(at('a.log'), Buffer.concat([Buffer.alloc(600_000), Buffer.from('b1\nb2\n')]));
    await reader.until(() => reader.lines.length === 4);
    await reader.stop();
    expect(reader.lines).toEqual(['a1', 'a2', 'b1', 'b2']);
    expect(reader.log).toEqual(['opened 0 a.log', 'a.log: shrank', 'ended 0 a.log truncated', 'opened 1 a.log']);
  });

  it('does not lose a file that was made and rotated away between two looks', async () => {
    writeFileSync(at('a.log'), 'a\n');
    const reader = new Reader([at('a.log')], { pollMs: 400 });
    await reader.until(() => reader.lines.length === 1);
    for (const text of ['b\n', 'c\n', 'd\n']) {
      for (const number of [2, 1]) if (existsSync(at(`a.log.${number}`))) renameSync(at(`a.log.${number}`), at(`a.log.${number + 1}`));
      renameSync(at('a.log'), at('a.log.1'));
      writeFileSync(at('a.log'), text);
    }
    await reader.until(() => reader.lines.length === 4);
    await reader.stop();
    expect(reader.lines).toEqual(['a', 'b', 'c', 'd']);
  });

  it('wakes from idling, says once what cannot be followed, and waits for folders that are not there', async () => {
    mkdirSync(at('folder'));
    const reader = new Reader([at('later/a.log'), at('folder'), at('b.log')]);
    await sleep(2300);
    const began = Date.now();
    writeFileSync(at('b.log'), 'b\n');
    await reader.until(() => reader.lines.length === 1);
    expect(Date.now() - began).toBeLessThan(900);
    mkdirSync(at('later'));
    writeFileSync(at('later/a.log'), 'a\n');
    await reader.until(() => reader.lines.length === 2);
    await reader.stop();
    expect([reader.lines, reader.log]).toEqual([
      ['b', 'a'],
      ['folder: not-a-file', 'opened 0 b.log', 'opened 1 a.log'],
    ]);
  });
});

/** Writes numbered lines and rotates now and then, by itself so that nothing is lost between copying and truncating. */
const writer = `
import { closeSync, copyFileSync, ftruncateSync, openSync, renameSync, existsSync, writeSync } from 'node:fs';
const [file, kinds, total, perMs] = [process.argv[1], process.argv[2].split(','), Number(process.argv[3]), Number(process.argv[4])];
let fd = openSync(file, 'a');
let number = 0, stale = null;
const write = (to, count) => {
  let text = '';
  for (const end = Math.min(total, number + count); number < end; number++) text += number + ' ' + 'x'.repeat(40 + number * 7 % 120) + '\\n';
  if (text !== '') writeSync(to, text);
};
let round = 0;
const every = Math.ceil(total / (kinds.length + 1));
let last = Date.now();
const timer = setInterval(() => {
  const now = Date.now();
  write(fd, (now - last) * perMs);
  last = now;
  while (round < kinds.length && number >= (round + 1) * every) {
    const kind = kinds[round++];
    for (let old = 8; old >= 1; old--) if (existsSync(file + '.' + old)) renameSync(file + '.' + old, file + '.' + (old + 1));
    if (kind === 'copy') {
      copyFileSync(file, file + '.1');
      ftruncateSync(fd, 0);
    } else {
      renameSync(file, file + '.1');
      // As nginx does until it is told to reopen: the old file gets more lines, also after the new one is there.
      write(fd, 50);
      const next = openSync(file, 'a');
      write(next, 20);
      write(fd, 20);
      closeSync(fd);
      fd = next;
    }
    write(fd, 30);
  }
  if (number >= total) clearInterval(timer);
}, 5);
`;

it.for([
  { name: 'renamed', kinds: 'rename,rename,rename', buffer: 256 << 10, pollMs: 100 },
  { name: 'copied and truncated', kinds: 'copy,copy,copy', buffer: 256 << 10, pollMs: 100 },
  { name: 'both, with a small buffer', kinds: 'copy,rename,rename,copy,copy,rename', buffer: 4096, pollMs: 30 },
])('nothing is lost and nothing comes twice: $name', { timeout: 60_000 }, async ({ kinds, buffer, pollMs }) => {
  const total = 150_000;
  const reader = new Reader([at('access.log')], { buffer: new Uint8Array(buffer), pollMs });
  const child = spawn(process.execPath, ['--input-type=module', '-e', writer, at('access.log'), kinds, String(total), '50'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code] = (await once(child, 'exit')) as [number];
  await reader.until(() => reader.lines.length >= total);
  await sleep(300);
  await reader.stop();
  expect(code).toBe(0);
  const numbers = reader.lines.map((line) => Number(line.slice(0, line.indexOf(' ')))).toSorted((a, b) => a - b);
  expect(numbers.length).toBe(total);
  expect(numbers.findIndex((number, index) => number !== index)).toBe(-1);
  expect(reader.log.filter((entry) => entry.startsWith('opened')).length).toBe(kinds.split(',').length + 1);
});
