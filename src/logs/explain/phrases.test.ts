// Sentences of rules, filled in: the number of the noun follows the count.
import { expect, it } from 'vitest';

import { say } from '../../model/text.ts';
import { filled } from './phrases.ts';

it.each([
  ['{count} attempts were refused at {host}.', '1', '1 attempt was refused at web-1.'],
  ['{count} attempts were refused at {host}.', '2', '2 attempts were refused at web-1.'],
  ['{host} refused {count} TLS handshakes.', '1', 'web-1 refused 1 TLS handshake.'],
  ['Two files were full: {count} requests failed.', '1', 'Two files were full: 1 request failed.'],
  ['a timeout: {count} got 502, {other}.', '1', 'a timeout: 1 got 502, ….'],
])('%s with %s', (sentence, count, expected) => {
  expect(filled(say(sentence, ''), { count, host: 'web-1' }).en).toBe(expected);
});
