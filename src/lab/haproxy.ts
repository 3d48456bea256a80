// What the lab's HAProxy thinks of its servers, asked over its own socket.
import { createConnection } from 'node:net';

import type { LabState } from './state.ts';

/** The servers of all pools with their state (`UP`, `DOWN 1/2`, `no check` …). Empty where the socket does not answer within 2 s. */
export function haproxyServers(
  state: LabState,
): Promise<readonly { readonly pool: string; readonly name: string; readonly status: string }[]> {
  return new Promise((resolve) => {
    const socket = createConnection({ path: `/proc/${state.hosts['slb']?.pid ?? 0}/root/run/haproxy/admin.sock` });
    let text = '';
    const finish = () => {
      socket.destroy();
      const [head = '', ...rows] = text.trim().split('\n');
      const column = head.replace(/^# /, '').split(',').indexOf('status');
      resolve(
        rows.flatMap((row) => {
          const cells = row.split(',');
          const [pool = '', name = ''] = cells;
          return name === 'FRONTEND' || name === 'BACKEND' ? [] : [{ pool, name, status: cells[column] ?? '' }];
        }),
      );
    };
    socket.setTimeout(2_000, finish);
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => (text += chunk));
    socket.on('error', finish);
    socket.on('end', finish);
    socket.end('show stat\n');
  });
}
