// The rule over all formats: every sample is read by its own family and by no other, every field that a record has is documented, and no line,
// however hostile, makes a reader throw or take more than linear time.
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { AccessRecord, ErrorRecord, FormatHints, LogFamily, LogFormat } from '../records.ts';
import { readLine } from './detect.ts';
import { formatsPage } from './document.ts';
import { allFormats, datedAtBeginning, detectFormat, families, layoutOf, openFormat } from './index.ts';

const hints: FormatHints = { nginxFormats: [], year: 2026 };
const every = allFormats(hints);

/** What of a sample is a record: the last line below a header, the whole of a record that spans lines. */
function recordOf(format: LogFormat, sample: string): string {
  return format.begins === null ? (sample.split('\n').at(-1) ?? '') : sample;
}

const samples = families.flatMap((family) => family.samples.map((sample) => [family, sample] as const));
const named = samples.map(([family, sample]) => [family.id, sample.slice(0, 120), family, sample] as const);

function ownFormat(family: LogFamily, sample: string): LogFormat {
  const format = detectFormat(sample.split('\n'), hints);
  expect(format?.id).toBe(family.id);
  if (format === null) throw new Error('not detected');
  return format;
}

describe('samples', () => {
  it.for(named)('%s reads %s, and nobody else does', ([, , family, sample]) => {
    const format = ownFormat(family, sample);
    const record = recordOf(format, sample);
    expect(readLine(format, record)).not.toBeNull();
    const others = every.filter((other) => other.id !== family.id && readLine(other, record) !== null);
    expect(others.map((other) => other.id)).toEqual([]);
  });

  it.for(named)('%s opens again with its dialect: %s', ([, , family, sample]) => {
    const format = ownFormat(family, sample);
    const again = openFormat(format.id, format.dialect, hints);
    const record = recordOf(format, sample);
    expect(again === null ? null : readLine(again, record)).toEqual(readLine(format, record));
  });

  it('has families with unique ids, each with samples', () => {
    expect(new Set(families.map((family) => family.id)).size).toBe(families.length);
    for (const family of families) expect(family.samples.length).toBeGreaterThan(0);
  });

  it('names the formats that are dated at the beginning of a request by their ids', () => {
    const ids = new Set(families.map((family) => family.id));
    expect([...datedAtBeginning].filter((id) => !ids.has(id))).toEqual([]);
  });

  it('names a format also where a few lines are garbage', () => {
    for (const [family, sample] of samples) {
      const format = ownFormat(family, sample);
      if (format.begins !== null) continue;
      const lines = [...sample.split('\n'), 'what is this', '\u0000\u0001\u0002', ...sample.split('\n')];
      expect(detectFormat(lines, hints)?.id).toBe(family.id);
    }
  });

  it('finds nothing in garbage', () => {
    expect(detectFormat([], hints)).toBeNull();
    expect(detectFormat(['what is this', '', '502', '{"a":1}', '\u001B[31m'], hints)).toBeNull();
  });
});

const words: Readonly<Partial<Record<keyof AccessRecord | keyof ErrorRecord, RegExp>>> = {
  at: /when|date|time/,
  client: /client/,
  method: /method/,
  path: /path/,
  host: /host/,
  status: /status/,
  durationMs: /duration/,
  requestId: /request id/,
  tries: /tr(?:y|ies)|server|backend|seconds|milliseconds|answered/,
  backend: /backend|server|pool/,
  reason: /reason/,
  level: /level/,
  message: /message/,
  upstream: /upstream|request it is/,
  request: /request/,
  pid: /process|worker|master/i,
};

describe('documentation', () => {
  it.for(families.map((family) => [family.id, family] as const))('%s documents every field that its records have', ([, family]) => {
    const text = family.fields.map(({ name, meaning }) => `${name} ${meaning}`).join('\n');
    for (const field of family.fields) {
      expect(field.name).not.toBe('');
      expect(field.meaning).not.toBe('');
    }
    for (const sample of family.samples) {
      const format = ownFormat(family, sample);
      const record: object = readLine(format, recordOf(format, sample)) ?? {};
      for (const [key, value] of Object.entries(record)) {
        const word = Object.entries(words).find(([name]) => name === key)?.[1];
        if (word === undefined || value === null || (Array.isArray(value) && value.length === 0)) continue;
        expect(text, `${family.id}: ${key}`).toMatch(word);
      }
    }
  });

  it('is the page docs/log-formats.md', async () => {
    await expect(formatsPage()).toMatchFileSnapshot(path.join(import.meta.dirname, '../../../docs/log-formats.md'));
  });
});

/** What breaks readers: floods of what they search for, control characters, half surrogates, deep JSON. */
const fillers = [
  '"',
  '\\',
  '\\"',
  ' ',
  ', ',
  ' : ',
  '[',
  ']',
  '{',
  '{"a":',
  '[[',
  '|',
  ':',
  '1',
  '1:',
  '/',
  '-',
  '.',
  '\u0000',
  '\uD800',
  '\u001B[',
  '=',
  'a=',
  '=>',
  '#012',
  'a',
];

describe('hostile lines', () => {
  it('never throw, whatever the beginning', () => {
    const heads = samples.map(([, sample]) => sample);
    fc.assert(
      fc.property(
        fc.constantFrom(...heads),
        fc.nat(400),
        fc.array(fc.constantFrom(...fillers, 'client: ', '] ', 'x\n', '"}'), { maxLength: 60 }).map((pieces) => pieces.join('')),
        (head, cut, rest) => {
          const line = `${head.slice(0, cut)}${rest}`;
          for (const format of every) {
            readLine(format, line);
            format.begins?.(line);
            format.isFurniture?.(line);
          }
          detectFormat([line, rest], hints);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('cost time linear in their length', () => {
    // Heads that get past the cheap looks of most readers.
    const heads = ['', ...samples.map(([, sample]) => sample.slice(0, Math.min(60, Math.floor(sample.length / 2))))];
    const slow: string[] = [];
    for (const format of every) {
      for (const filler of fillers) {
        const length = ['"', '\\', ' ', '{'].includes(filler) ? 1_000_000 : 150_000;
        const line = `${heads[(filler.length * 7 + format.id.length) % heads.length] ?? ''}${filler.repeat(length / filler.length)}`;
        const began = performance.now();
        readLine(format, line);
        const tookMs = performance.now() - began;
        // A quadratic reader needs tens of seconds for that many characters.
        if (tookMs > 1500) slow.push(`${format.id} ${JSON.stringify(filler)} ${Math.round(tookMs)} ms`);
      }
    }
    expect(slow).toEqual([]);
  }, 120_000);

  it.for(families.map((family) => [family.id, family] as const))(
    '%s reads its own samples with a megabyte behind them in linear time',
    ([, family]) => {
      for (const sample of family.samples) {
        const format = ownFormat(family, sample);
        const record = recordOf(format, sample);
        for (const filler of ['"', '\\', ' ', 'x ', '[', '{', ', ', '/', '1', ':']) {
          const at = Math.floor(record.length * 0.6);
          const line = `${record.slice(0, at)}${filler.repeat(200_000 / filler.length)}${record.slice(at)}`;
          const began = performance.now();
          readLine(format, line);
          expect(performance.now() - began).toBeLessThan(1500);
        }
      }
    },
  );
});

describe('layouts', () => {
  it('are told for positional formats only', () => {
    const nginx = detectFormat(['127.0.0.1 - - [23/Nov/2026:07:11:54 +0800] "GET /a HTTP/1.1" 502 157 "-" "curl/7.88.1"'], hints);
    const layout = nginx === null ? null : layoutOf(nginx);
    expect(layout?.filter((part) => part.kind === 'variable').map((part) => part.name)).toEqual([
      'remote_addr',
      'remote_user',
      'time_local',
      'request',
      'status',
      'body_bytes_sent',
      'http_referer',
      'http_user_agent',
    ]);
    expect(layout?.[1]).toEqual({ kind: 'literal', text: ' - ' });
    expect(every.filter((format) => layoutOf(format) !== null).map((format) => format.id)).toEqual(
      expect.arrayContaining(['nginx-access', 'apache-access']),
    );
    expect(every.filter((format) => format.dialect === null).every((format) => layoutOf(format) === null)).toBe(true);
  });
});
