// Text at the edge: nothing that could act on a terminal survives, widths count columns, quoting gives back the same words.
import { spawnSync } from 'node:child_process';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { hasUnsafe, plain, plainBlock } from '../../src/model/neutral.ts';
import { shellLines } from '../../src/report/shell.ts';
import { cutTo, displayWidth, padTo, wrap } from '../../src/report/width.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 60 });

describe('plain', () => {
  it.for([
    ['\u001b[31mred', String.raw`\x1b[31mred`],
    ['a\r\nb\tc', String.raw`a\r\nb\tc`],
    ['\u009b2J', String.raw`\x9b2J`],
    ['\u202egnp.exe', String.raw`\u202egnp.exe`],
    ['zero\u200bwidth\ufeff', String.raw`zero\u200bwidth\ufeff`],
    ['tag\u{e0041}', String.raw`tag\u{e0041}`],
    ['half \ud800 pair', String.raw`half \ud800 pair`],
    ['naïve 中文 😀 ❤️', 'naïve 中文 😀 ❤️'],
  ])('shows %j as %s', ([text, shown]) => {
    expect(plain(text ?? '')).toBe(shown);
  });

  it('leaves nothing unsafe in any text, and is then done', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const once = plain(text);
        expect(hasUnsafe(once)).toBe(false);
        expect(plain(once)).toBe(once);
        expect(hasUnsafe(plainBlock(text).replaceAll('\n', ''))).toBe(false);
      }),
    );
  });
});

describe('width', () => {
  it.for([
    ['abc', 3],
    ['中文，', 6],
    ['e\u0301', 1],
    ['😀', 2],
    ['❤️', 2],
    ['🇨🇳', 2],
    ['─│✓', 3],
    ['ｆｕｌｌ', 8],
  ] as const)('%s takes %i columns', ([text, columns]) => {
    expect(displayWidth(text)).toBe(columns);
  });

  it('wraps between Chinese characters and keeps punctuation off the start of a line', () => {
    expect(wrap('负载均衡返回错误，请检查后端', 16)).toEqual(['负载均衡返回错', '误，请检查后端']);
    expect(wrap('（见 e12）', 8)).toEqual(['（见', 'e12）']);
  });

  it('keeps words whole where they fit and cuts them where they cannot', () => {
    expect(wrap('the balancer gave up', 12)).toEqual(['the balancer', 'gave up']);
    expect(wrap('a/very/long/path/that/fits/nowhere', 10)).toEqual(['a/very/lon', 'g/path/tha', 't/fits/now', 'here']);
  });

  it('never exceeds the width and loses nothing but spaces', () => {
    const words = fc.array(fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('负载均衡', '后端，', 'ok', '（见下）', '😀')), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(words, fc.integer({ min: 4, max: 40 }), (parts, columns) => {
        const text = plain(parts.join(' '));
        const lines = wrap(text, columns);
        for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
      }),
    );
  });

  it('pads and cuts by columns', () => {
    expect(padTo('中文', 6)).toBe('中文  ');
    expect(cutTo('中文测试', 6)).toBe('中文…');
    expect(cutTo('short', 10)).toBe('short');
  });
});

describe('shell quoting', () => {
  it('gives the same words back in a real bash', () => {
    const words = fc
      .sample(
        fc.oneof(
          fc.string({ unit: 'binary', minLength: 0, maxLength: 20 }),
          fc.constantFrom(
            "it's",
            '',
            '-n',
            '~root',
            '$(reboot)',
            '`id`',
            'a\nb',
            '\u001b[2J',
            '!!',
            '*',
            '\u009b',
            '\u202e',
            '\u{e0041}',
            'a\\b',
            "\u0007'\\",
          ),
        ),
        200,
      )
      // NUL cannot be in an argument; a lone surrogate is no character.
      .map((word) => word.toWellFormed().replaceAll('\0', ''));
    const script = shellLines(['printf', String.raw`%s\0`, 'start', ...words], 60).join('\n');
    const ran = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8', env: { LC_ALL: 'C.UTF-8', PATH: process.env['PATH'] } });
    expect(ran.stderr).toBe('');
    expect(ran.stdout.split('\0').slice(1, -1)).toEqual(words);
  });

  it('breaks long commands between arguments and keeps an option with its value', () => {
    expect(shellLines(['nft', 'add', 'rule', '--comment', 'load balancer', 'accept'], 24)).toEqual([
      'nft add rule \\',
      "  --comment 'load balancer' \\",
      '  accept',
    ]);
  });
});
