import { describe, expect, it } from 'vitest';

import { accessLine, appNginx, errorLine, findingsOf, fpm, fpmPool, logLines } from '../../engine/testing/scenes.ts';
import type { About, Made } from '../../engine/testing/scenes.ts';
import { fpmTerminateTimeout } from './cause.ts';

const limited = fpm([fpmPool({ requestTerminateTimeoutMs: 3_000 })]);
const reset = errorLine('reset-reading-header');
const kill = errorLine('fpm-terminating', {
  source: 'php-fpm',
  request: 'GET /cart.php',
  fields: { pool: 'app', pid: '31', seconds: '3.61', script: '/srv/cart.php' },
});

/** Our request ended with 502 after 3.7 s under a limit of 3 s. */
function made(about: About = {}, ms = 3_700, status = 502): Made {
  return {
    requests: [{ n: 1, status, ms }],
    direct: { 'app-1': [{ n: 2, status, ms }] },
    hosts: { 'app-1': { fpm: limited, 'nginx-config': appNginx(), logs: logLines([accessLine(1, status)], [reset, kill]), ...about } },
  };
}

const cases: readonly { readonly why: string; readonly made: Made; readonly is: string; readonly explains?: readonly string[] }[] = [
  { why: 'php-fpm says that it ended the request', made: made(), is: 'confirmed', explains: ['s1'] },
  { why: 'after a wait in the queue', made: made({}, 9_000), is: 'confirmed', explains: ['s1'] },
  {
    why: 'php-fpm’s log cannot be read',
    made: made({ logs: logLines([accessLine(1, 502)], [reset], ['php-fpm']) }),
    is: 'likely',
    explains: ['s1'],
  },
  { why: 'other users’ requests are ended, ours failed earlier', made: made({}, 20), is: 'advice' },
  {
    why: 'a reset that php-fpm knows nothing of: a crash',
    made: made({ logs: logLines([accessLine(1, 502)], [reset, errorLine('fpm-child-signal', { source: 'php-fpm', request: null })]) }),
    is: 'ruled-out',
  },
  {
    why: 'a line older than our requests',
    made: made({ logs: logLines([accessLine(1, 502)], [reset, { ...kill, ours: false }]) }),
    is: 'ruled-out',
  },
  { why: 'the setting is off', made: made({ fpm: fpm() }), is: 'ruled-out' },
  {
    why: 'the limit belongs to a pool that the page does not use',
    made: made({ fpm: fpm([fpmPool(), fpmPool({ name: 'other', listen: '/srv/run/other.sock', requestTerminateTimeoutMs: 3_000 })]) }),
    is: 'ruled-out',
  },
  { why: 'a 504 is nobody’s kill', made: made({}, 3_700, 504), is: 'advice' },
  { why: 'php-fpm does not run', made: made({ fpm: fpm([fpmPool({ requestTerminateTimeoutMs: 3_000 })], false) }), is: 'not-applicable' },
];

describe('fpm-terminate-timeout', () => {
  it.for(cases)('$is: $why', ({ made: scene, is, explains }) => {
    const finding = findingsOf(fpmTerminateTimeout, scene)['app-1'];
    expect(finding?.is).toBe(is);
    if (explains !== undefined) expect(finding).toMatchObject({ explains });
  });
});
