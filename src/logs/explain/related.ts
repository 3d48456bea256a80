// Which error lines may be about a failing request at all: mostly a small part of them, so that only that part is looked at closely.
import type { JoinKeys, Tally } from '../records.ts';
import { Sieve, mix } from './sorted-rows.ts';

const found = new WeakMap<JoinKeys, { readonly events: JoinKeys; readonly rows: Uint32Array }>();

/** Rows of error lines whose client and request are those of some failing request, and perhaps a few others; ascending. */
export function relatedLines({ failureKeys: failing, eventKeys: events }: Tally): Uint32Array {
  const before = found.get(failing);
  if (before?.events === events) return before.rows;
  const offered = new Sieve();
  for (let row = 0; row < failing.length; row++) offered.add(mix(failing.client[row] ?? 0, failing.request[row] ?? 0, 9));
  const rows = new Uint32Array(events.length);
  let length = 0;
  for (let row = 0; row < events.length; row++)
    if (offered.has(mix(events.client[row] ?? 0, events.request[row] ?? 0, 9))) rows[length++] = row;
  const related = rows.slice(0, length);
  found.set(failing, { events, rows: related });
  return related;
}
