// `--since` and `--until` of `why5xx logs`: a window of whole minutes, for dates with a zone and for those without.
import { isWithin, type TimeWindow } from '../logs/scan/state.ts';
import type { Tally } from '../logs/records.ts';
import type { Moment, Zone } from './log-times.ts';

const minuteMs = 60_000;

/** Milliseconds since 1970 of a moment; a local one is taken in `zone`. */
export function utcOf(moment: Moment, zone: Zone): number {
  return moment.zoned ? moment.at : moment.at - zone.minutesEastAt(moment.at) * minuteMs;
}

/** The same as the clocks of `zone` show it, as if that were UTC. */
function localOf(moment: Moment, zone: Zone): number {
  return moment.zoned ? moment.at + zone.minutesEastAt(moment.at) * minuteMs : moment.at;
}

/** The window between two moments, the minutes of both included as far as they are begun; undefined where neither is given. */
export function windowOf(since: Moment | undefined, until: Moment | undefined, zone: Zone): TimeWindow | undefined {
  if (since === undefined && until === undefined) return undefined;
  const between = (ms: (moment: Moment, zone: Zone) => number): TimeWindow['zoned'] => ({
    from: since === undefined ? Number.NEGATIVE_INFINITY : Math.floor(ms(since, zone) / minuteMs),
    until: until === undefined ? Number.POSITIVE_INFINITY : Math.ceil(ms(until, zone) / minuteMs),
  });
  return { zoned: between(utcOf), local: between(localOf) };
}

/** A tally whose failures were counted in the window only, with the requests of the window only; says so in the notes of its inputs. */
export function withinWindow(tally: Tally, window: TimeWindow | undefined): Tally {
  if (window === undefined) return tally;
  const ends = ({ from, until }: TimeWindow['zoned']): string =>
    [Number.isFinite(from) ? ` from ${minuteText(from)}` : '', Number.isFinite(until) ? ` to ${minuteText(until)}` : ''].join('');
  return {
    ...tally,
    cells: tally.cells.filter((cell) => isWithin(window, cell.minute * minuteMs, tally.inputs[cell.input]?.zoned ?? true)),
    inputs: tally.inputs.map((input) => {
      const counted = input.zoned ? `${ends(window.zoned)} UTC` : `${ends(window.local)} by its own clock`;
      return input.lines === 0 ? input : { ...input, notes: [...(input.notes ?? []), `only requests and errors${counted} are counted`] };
    }),
  };
}

function minuteText(minute: number): string {
  return new Date(minute * minuteMs).toISOString().slice(0, 16).replace('T', ' ');
}
