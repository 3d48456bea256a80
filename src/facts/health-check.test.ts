import { expect, it } from 'vitest';

import { expects } from './health-check.ts';

it.for([
  ['2xx,3xx', 302, true],
  ['2xx,3xx', 404, false],
  ['2XX', 204, true],
  ['200', 204, false],
  ['200-399,401', 401, true],
  ['200-399, 401', 400, false],
  ['200-299,304', 304, true],
] as const)('%s counts %i: %s', ([text, status, counts]) => {
  expect(expects(text, status)).toBe(counts);
});
