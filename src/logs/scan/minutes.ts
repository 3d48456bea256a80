// Minutes as keys: where the logs span more of them than the tables should hold, they are rounded down to 2, 4, 8 … minutes. How far
// depends on the set of minutes alone.
import type { CellCount, TallyState } from './state.ts';

/** The key under which a minute counts. */
export function minuteKey(state: TallyState, minute: number): number {
  let key = floorTo(minute, state.minuteStep);
  if (!state.minutes.has(key)) {
    state.minutes.add(key);
    if (state.minutes.size > state.limits.minutes) {
      coarsen(state, state.minuteStep);
      key = floorTo(minute, state.minuteStep);
    }
  }
  return key;
}

const floorTo = (minute: number, step: number): number => (step === 1 ? minute : Math.floor(minute / step) * step);

/** Makes the step at least `least`, and wider until the minutes fit. */
export function coarsen(state: TallyState, least: number): void {
  const before = state.minuteStep;
  let step = Math.max(before, least);
  let minutes = new Set(Array.from(state.minutes, (minute) => floorTo(minute, step)));
  while (minutes.size > state.limits.minutes) {
    step *= 2;
    minutes = new Set(Array.from(minutes, (minute) => floorTo(minute, step)));
  }
  state.minutes = minutes;
  if (step === before) return;
  state.minuteStep = step;
  for (const table of [state.failures, state.events]) {
    for (const { value } of table.entries.values()) {
      const rounded = new Map<number, number>();
      for (const [minute, count] of value.minutes) addTo(rounded, floorTo(minute, step), count);
      value.minutes = rounded;
    }
  }
  for (const input of state.inputs) {
    for (const { value } of input.cells.entries.values()) roundCells(value, step);
    roundCells(input.otherCells, step);
  }
}

/** Adds to a count. */
export function addTo<K>(counts: Map<K, number>, key: K, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

/** Adds requests to the cell of a minute. */
export function addToCell(cells: Map<number, CellCount>, minute: number, requests: number, failed: number): void {
  const cell = cells.get(minute);
  if (cell === undefined) cells.set(minute, { requests, failed });
  else {
    cell.requests += requests;
    cell.failed += failed;
  }
}

function roundCells(cells: Map<number, CellCount>, step: number): void {
  const old = [...cells];
  cells.clear();
  for (const [minute, { requests, failed }] of old) addToCell(cells, floorTo(minute, step), requests, failed);
}
