// The throughput bench is only worth something when its data is the same everywhere and a wrong answer is noticed.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { cellsAnswer, disagreements, ourAnswer } from '../bench/logs/answers.ts';
import { clean, generate } from '../bench/logs/generate.ts';

describe('data', () => {
  let dir = '';
  beforeAll(() => {
    dir = mkdtempSync(path.join(os.tmpdir(), 'why5xx-bench-test-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('is the same for the same seed, used again when it is there, and removed without a trace', () => {
    const said: string[] = [];
    const digests = ['a', 'b'].map((name) => {
      const folder = path.join(dir, name);
      const { nginx, json, error, haproxy } = generate(folder, 1, 7, (text) => said.push(text));
      const hash = createHash('sha256');
      for (const { file } of [nginx, json, error, haproxy]) hash.update(readFileSync(file));
      return hash.digest('hex');
    });
    expect(digests[0]).toBe(digests[1]);
    const before = said.length;
    const again = generate(path.join(dir, 'a'), 1, 7, (text) => said.push(text));
    expect(said.length).toBe(before);
    const lines = readFileSync(again.nginx.file, 'latin1').trimEnd().split('\n');
    expect([lines.length, lines.filter((line) => /" 5\d\d \d+ "/.test(line)).length]).toEqual([again.nginx.lines, again.nginx.failed]);
    // As the same requests: what fails in one fails in the other.
    expect([again.json.lines, again.json.failed]).toEqual([again.nginx.lines, again.nginx.failed]);
    clean(path.join(dir, 'a'));
    expect(readdirSync(dir)).toEqual(['b']);
  });
});

describe('answers', () => {
  const output = (a: number, b: number): string =>
    `R\t22/Nov/2026:10:00\ta:80\t${a}\nR\t22/Nov/2026:10:01\tb:80\t${b}\nF\t22/Nov/2026:10:00\ta:80\t2\nK\t2\n`;
  const truth = cellsAnswer(output(5, 4));
  const report = (requests: number[], rows: object[], stepSeconds = 60): string =>
    JSON.stringify({
      logs: {
        requests: 9,
        failed: 2,
        timeline: { start: '2026-11-22T10:00:00Z', stepSeconds, requests, failed: requests.map((_, index) => (index === 0 ? 2 : 0)) },
        byBackend: { rows },
      },
    });
  const rows = [
    { key: 'a:80', requests: 5, failed: 2 },
    { key: 'b:80', requests: 4, failed: 0 },
  ];

  it('agree, whatever the notation of dates and the step of the timeline', () => {
    expect(disagreements(cellsAnswer(output(5, 4).replaceAll('22/Nov/2026:10', '2026-11-22T10')), truth)).toEqual([]);
    expect(disagreements(ourAnswer(report([5, 4], rows)), truth)).toEqual([]);
    expect(disagreements(ourAnswer(report([9], rows, 120)), truth)).toEqual([]);
  });

  it('are caught when only the totals agree', () => {
    expect(disagreements(cellsAnswer(output(4, 5)), truth)).toEqual([
      'cells by minute and server differ',
      'server a:80: 4/2 and 5/2',
      'server b:80: 5/0 and 4/0',
      'minute 29922360: 4/2 and 5/2',
      'minute 29922361: 5/0 and 4/0',
    ]);
    expect(disagreements(ourAnswer(report([5, 4], rows.slice(0, 1))), truth)).toEqual(['server b:80: 0/0 and 4/0']);
    expect(disagreements({ lines: 8, failed: 2 }, truth)).toEqual(['lines 8 and 9']);
  });
});
