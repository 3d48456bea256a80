// Fills the log part of a report: everything that is counted, joined, unexplained or odd.
import type { LogAnalysis } from '../../model/log-analysis.ts';
import { plain } from '../../model/neutral.ts';
import { say } from '../../model/text.ts';
import type { Unproven } from './explain.ts';
import { inputNotes, limitsOf, missingLog, whatFailed, wouldTellAny, zoneText } from './phrases.ts';
import { occurrenceOf, sampleLine, timeOf } from './proof.ts';
import type { Book } from './proof.ts';
import { tablesOf, timelineOf } from './timeline.ts';
import type { Facts } from './timeline.ts';
import type { Units } from './units.ts';

const mostUnexplained = 12;
const mostUnknown = 20;
const noise: ReadonlySet<string | null> = new Set(['info', 'notice', 'debug']);

/** Pure. `requests` is null where no access log was read. */
export function analysisOf(facts: Facts, found: Units, book: Book, scanMs: number): LogAnalysis {
  const { tally, clocks, verdict } = facts;
  const failed = tally.failures.reduce((sum, each) => sum + each.count, 0) + tally.dropped.failures;
  const hasAccess = tally.inputs.some((each) => each.kind === 'access');
  const shown = tally.inputs.flatMap((each, input) =>
    !hasAccess || each.kind === 'access' ? [{ each, shift: clocks.shiftMs[input] ?? 0 }] : [],
  );
  const ends = (which: 'first' | 'last'): readonly number[] =>
    shown.flatMap(({ each, shift }) => (each[which] === null ? [] : [each[which] + shift]));
  const [firsts, lasts] = [ends('first'), ends('last')];
  return {
    from: timeOf(firsts.length > 0 ? Math.min(...firsts) : null, 0),
    to: timeOf(lasts.length > 0 ? Math.max(...lasts) : null, 0),
    requests: hasAccess && !book.errorsOnly ? tally.cells.reduce((sum, cell) => sum + cell.requests, 0) : null,
    failed,
    timeline: timelineOf(facts),
    ...tablesOf(facts, failed),
    occurrences: verdict.convictions.map((each) => occurrenceOf(each, found, book)),
    unexplained: unexplainedOf(facts, book),
    unknownLines: tally.events
      .filter((event) => event.signature === null && !noise.has(event.level))
      .toSorted((a, b) => b.count - a.count || (a.template < b.template ? -1 : 1))
      .slice(0, mostUnknown)
      .map((event) => ({
        template: plain(event.template),
        count: event.count,
        first: timeOf(event.first, clocks.shiftMs[event.input] ?? 0),
        last: timeOf(event.last, clocks.shiftMs[event.input] ?? 0),
        samples: event.samples.slice(0, 3).map((each) => sampleLine(each, book)),
      })),
    correlation: {
      joined: hasAccess ? found.joined : 0,
      of: failed,
      by: hasAccess ? { ...found.by } : {},
      skews: clocks.skews.map((each) => ({ ...each, input: plain(each.input), against: plain(each.against) })),
    },
    inputs: tally.inputs.map((each, input) => {
      const shift = clocks.shiftMs[input] ?? 0;
      const zone = clocks.zones[input];
      return {
        name: plain(each.name),
        format: each.format,
        dialect: each.dialect === null ? null : plain(each.dialect),
        compression: each.compression,
        bytes: each.bytes,
        lines: each.lines,
        parsed: each.parsed,
        furniture: each.furniture,
        unparsed: each.unparsed,
        otherFormats: { ...each.otherFormats },
        first: timeOf(each.first, shift),
        last: timeOf(each.last, shift),
        zone: each.first === null || zone === undefined ? null : book.say(zoneText(zone)),
        notes: [...(each.notes ?? []).map((note) => plain(note)), ...inputNotes(each).map((note) => book.say(note))],
      };
    }),
    limits: limitsOf(tally).map((each) => book.say(each)),
    bytes: tally.inputs.reduce((sum, each) => sum + each.bytes, 0),
    scanMs,
  };
}

/** Failing requests without a cause, one row for each failure group and set of causes that would fit. */
function unexplainedOf({ tally, units, verdict }: Facts, book: Book): LogAnalysis['unexplained'] {
  const semicolon = book.say(say('; ', '；'));
  const rows = new Map<string, Unproven[]>();
  for (const each of verdict.unproven) {
    const failure = units[each.unit]?.failure ?? 0;
    const key = `${failure} ${units[each.unit]?.events[0] ?? ''} ${each.fits.map((rule) => rule.cause).join(' ')}`;
    rows.set(key, [...(rows.get(key) ?? []), each]);
  }
  return [...rows.values()]
    .map((parts) => ({ parts, count: parts.reduce((sum, each) => sum + each.count, 0) }))
    .toSorted((a, b) => b.count - a.count)
    .slice(0, mostUnexplained)
    .flatMap(({ parts, count }) => {
      const failure = tally.failures[units[parts[0]?.unit ?? -1]?.failure ?? -1];
      if (failure === undefined) return [];
      const minutes = parts.flatMap((each) => [...each.minutes.keys()]);
      // What a line said about them, even though it convicts nobody.
      const line = tally.events[units[parts[0]?.unit ?? -1]?.events[0] ?? -1];
      const fits = parts[0]?.fits ?? [];
      const needs = fits.length === 0 ? [missingLog(failure, minutes, tally)] : wouldTellAny(fits.slice(0, 3), minutes);
      return [
        {
          what: [
            ...(book.errorsOnly ? [] : [book.say(whatFailed(failure))]),
            ...(line === undefined ? [] : [`${book.names[line.input] ?? ''}: ${plain(line.template).slice(0, 200)}`]),
          ].join(semicolon),
          count: Math.round(count),
          needs: needs.map((each) => book.say(each)).join(semicolon),
          samples: [
            ...(book.errorsOnly && line !== undefined ? [] : failure.samples.slice(0, 3)),
            ...(line?.samples.slice(0, 1) ?? []),
          ].map((each) => sampleLine(each, book)),
        },
      ];
    });
}
