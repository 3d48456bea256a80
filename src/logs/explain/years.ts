// Dates of syslog have no year and are read in the present one. Logs of an older incident tell which year they are of.
import type { Tally } from '../records.ts';
import type { Clocks } from './clocks.ts';

const dayMs = 86_400_000;
/** `Mar  6 11:22:33`, perhaps behind a priority. */
const yearless = /^(?:<\d{1,3}>)?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?! \d{4})/;

/** Puts inputs without a year into that of the others, where their days are then the same; else nothing changes. Pure. */
export function alignYears(tally: Tally, clocks: Clocks): Clocks {
  const samples = tally.inputs.map((_, input) =>
    [...tally.events, ...tally.failures].filter((each) => each.input === input).flatMap((each) => each.samples),
  );
  const lacks = samples.map((each) => each.length > 0 && each.every(({ text }) => yearless.test(text)));
  const spans = tally.inputs.map(({ first, last }, input) => {
    const shift = clocks.shiftMs[input] ?? 0;
    return first === null || last === null ? null : { first: first + shift, last: last + shift };
  });
  const known = spans.filter((each, input) => each !== null && lacks[input] !== true).filter((each) => each !== null);
  if (known.length === 0 || !lacks.includes(true)) return clocks;
  const meets = (span: { readonly first: number; readonly last: number }, by: number): boolean =>
    known.some((each) => span.first + by <= each.last + dayMs && span.last + by >= each.first - dayMs);
  const shiftMs = Float64Array.from(clocks.shiftMs, (shift, input) => {
    const span = spans[input];
    if (span === null || span === undefined || lacks[input] !== true || meets(span, 0)) return shift;
    const date = new Date(span.first);
    for (const each of known) {
      const there = new Date(date).setUTCFullYear(new Date(each.first).getUTCFullYear());
      if (meets(span, there - span.first)) return shift + there - span.first;
    }
    return shift;
  });
  return { ...clocks, shiftMs };
}
