// Quoting is proven by the shells themselves, byte by byte.
import { execFileSync } from 'node:child_process';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { assignment, displayCommand, quote } from './quote.ts';

describe.for([
  ['dash', ['/bin/dash', '-s']],
  ['busybox ash', ['/bin/busybox', 'ash', '-s']],
  ['bash', ['/bin/bash', '-s']],
] as const)('%s', ([, [shell, ...args]]) => {
  it('gives back any bytes but NUL', () => {
    const bytes = fc.uint8Array({ min: 1, max: 255, maxLength: 200 });
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 1, maxLength: 20 }), (values) => {
        // Latin-1 text stands for bytes here; quoting must not care.
        const words = values.map((value) => Buffer.from(value).toString('latin1'));
        const script = `LC_ALL=C; ${assignment('V', words[0] ?? '')}\nprintf '%s\\n' "$V" ${words.map(quote).join(' ')}\n`;
        const output = execFileSync(shell, args, { input: Buffer.from(script, 'latin1') });
        expect(output.toString('latin1')).toBe([words[0], ...words].map((word) => `${String(word)}\n`).join(''));
      }),
      { numRuns: 60 },
    );
  });

  it('gives back each single byte', () => {
    const words = Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1));
    const output = execFileSync(shell, args, { input: Buffer.from(`LC_ALL=C; printf '%s' ${words.map(quote).join(' ')}\n`, 'latin1') });
    expect(output.toString('latin1')).toBe(words.join(''));
  });
});

it('refuses NUL and names that are none', () => {
  expect(() => quote('a\0')).toThrow(RangeError);
  expect(() => assignment('a b', '')).toThrow(RangeError);
  expect(() => assignment('', '')).toThrow(RangeError);
});

it('shows plain words plainly', () => {
  expect(displayCommand(['ip', 'netns', 'exec', 'web 1', "it's"])).toBe(`ip netns exec 'web 1' 'it'\\''s'`);
});
