// What a report of `why5xx logs` shows as HTML beside the answer: timelines as inline drawings, tables, the lines themselves. No script:
// every drawing tells its figures in tooltips, and again in a table that opens.
import type { LogAnalysis } from '../model/log-analysis.ts';
import { plain } from '../model/neutral.ts';
import type { Report, ReportCause } from '../model/report.ts';
import type { Language } from '../model/text.ts';
import { markup, nothing, type Html } from './html-text.ts';
import { labelsIn } from './labels.ts';
import {
  answererText,
  correlationTexts,
  inputText,
  momentText,
  occurrenceOf,
  occurrenceText,
  placeText,
  rateText,
  spanOfTimes,
  zoneNote,
} from './logs-phrases.ts';
import { axisEnds, dayAndClock, peakOf, pictureOf, type Picture, type Row } from './logs-timeline.ts';
import { countText, logWordsIn, shareText, spanText, type LogWords } from './logs-words.ts';

type SampleLine = LogAnalysis['unexplained'][number]['samples'][number];

/** More bars than this are thinner than a phone's pixels. */
const maxBars = 120;
const colours = 8;

/** A row with the name and the colour that it has everywhere on the page. */
interface Series {
  readonly name: string;
  readonly colour: string;
  readonly row: Row;
}

/** The timelines: all failures stacked by cause, then a strip for each cause, backend and path. */
export function timelineHtml(report: Report, logs: LogAnalysis): Html {
  const words = logWordsIn(report.language);
  if (logs.timeline.failed.every((count) => count === 0)) return nothing;
  const picture = pictureOf(logs.timeline, maxBars);
  if (picture === null)
    return markup`<h2>${words.timeline}</h2>
    <p>${words.noDates}</p>`;
  const { language } = report;
  const causes = picture.byCause.map((row, i) => ({
    name: row.key === null ? words.unexplainedRow : plain(row.key),
    colour: row.key === null ? 'cu' : `c${i % colours}`,
    row,
  }));
  const named = (rows: readonly Row[]): readonly Series[] =>
    rows.map((row) => ({ name: row.key === null || row.key === '' ? words.none : plain(row.key), colour: 'c1', row }));
  // One bar from end to end would look like a stretch of time.
  if (picture.buckets === 1)
    return markup`<h2>${words.timeline}</h2>
    <p class="quiet">${zoneNote(logs, language)}</p>
    ${figures(picture, causes, logs, words)}`;
  return markup`<h2>${words.timeline}</h2>
    <p class="quiet">${`1 ${words.bar} = ${spanText(picture.stepSeconds, language)}${language === 'zh' ? '。' : '. '}${zoneNote(logs, language)}`}</p>
    ${stacked(picture, causes, logs, language)} ${strips(words.byCauseTitle, causes, picture, language, false)}
    ${strips(words.byBackendTitle, named(picture.byBackend), picture, language, true)}
    ${strips(words.byPathTitle, named(picture.byPath), picture, language, true)}
    <details>
      <summary>${words.asTable}</summary>
      ${figures(picture, causes, logs, words)}
    </details>`;
}

/** `2026-11-23 02:14` of a bucket. */
function bucketText(picture: Picture, bucket: number): string {
  const { day, clock } = dayAndClock(picture.startMs + bucket * picture.stepSeconds * 1000);
  return `${day} ${picture.stepSeconds % 60 === 0 ? clock.slice(0, 5) : clock}`;
}

function axis(picture: Picture): Html {
  const { from, to } = axisEnds(picture, 60);
  return markup`<div class="axis" aria-hidden="true"><span>${from}</span><span>${to}</span></div>`;
}

function chart(kind: string, label: string, bars: readonly Html[], buckets: number): Html {
  return markup`<svg class="chart ${kind}" role="img" aria-label="${label}" viewBox="0 0 ${buckets} 100" preserveAspectRatio="none">${bars}</svg>`;
}

function stacked(picture: Picture, causes: readonly Series[], logs: LogAnalysis, language: Language): Html {
  const words = logWordsIn(language);
  const most = Math.max(1, peakOf(picture.failed));
  const bars = picture.failed.map((failed, i) => {
    if (failed === 0 && (picture.requests[i] ?? 0) === 0) return nothing;
    let top = 100;
    const parts = causes.map(({ colour, row }) => {
      const height = ((row.counts[i] ?? 0) / most) * 100;
      top -= height;
      return height === 0
        ? nothing
        : markup`<rect class="${colour}" x="${i + 0.05}" y="${round(top)}" width="0.9" height="${round(height)}"/>`;
    });
    const told = causes.filter(({ row }) => (row.counts[i] ?? 0) > 0).map(({ name, row }) => `${name} ${countText(row.counts[i] ?? 0)}`);
    const of = logs.requests === null ? '' : ` / ${countText(picture.requests[i] ?? 0)} ${words.allRequests}`;
    const title = [`${bucketText(picture, i)} · ${countText(failed)} ${words.failedShort}${of}`, ...told].join('\n');
    return markup`<g><title>${title}</title><rect class="hit" x="${i}" y="0" width="1" height="100"/>${parts}</g>`;
  });
  const total = picture.failed.reduce((sum, count) => sum + count, 0);
  const caption = `${countText(total)} · ${words.peak} ${countText(most)}`;
  return markup`<figure>
    <figcaption><strong>${words.allFailed}</strong><span>${caption}</span></figcaption>
    ${chart('tall', `${words.allFailed} ${caption}`, bars, picture.buckets)} ${logs.requests === null ? nothing : traffic(picture, words)} ${axis(picture)}
  </figure>`;
}

/** All requests under the failures, on their own scale. */
function traffic(picture: Picture, words: LogWords): Html {
  const most = Math.max(1, peakOf(picture.requests));
  const bars = picture.requests.map((count, i) => {
    const height = (count / most) * 100;
    return count === 0
      ? nothing
      : markup`<g><title>${`${bucketText(picture, i)} · ${countText(count)} ${words.allRequests}`}</title><rect class="cr" x="${i}" y="${round(100 - height)}" width="1" height="${round(height)}"/></g>`;
  });
  const total = picture.requests.reduce((sum, count) => sum + count, 0);
  const caption = `${countText(total)} · ${words.peak} ${countText(most)}`;
  return markup`<div class="axis"><span>${words.allRequests}</span><span>${caption}</span></div>
    ${chart('low', `${words.allRequests} ${words.peak} ${countText(most)}`, bars, picture.buckets)}`;
}

function strips(title: string, all: readonly Series[], picture: Picture, language: Language, folded: boolean): Html {
  if (all.length === 0) return nothing;
  const words = logWordsIn(language);
  const shown = all.slice(0, 12);
  const most = Math.max(1, ...shown.map(({ row }) => peakOf(row.counts)));
  const charts = shown.map(({ name, colour, row }) => {
    const bars = row.counts.map((count, i) => {
      // A lone failure beside thousands still has to be seen.
      const height = Math.max(4, (count / most) * 100);
      return count === 0
        ? nothing
        : markup`<g><title>${`${bucketText(picture, i)} · ${name} ${countText(count)}`}</title><rect class="${colour}" x="${i}" y="${round(100 - height)}" width="1" height="${round(height)}"/></g>`;
    });
    const caption = `${countText(row.total)} · ${words.peak} ${countText(peakOf(row.counts))}`;
    const key = markup`<svg class="key" viewBox="0 0 1 1" aria-hidden="true"><rect class="${colour}" width="1" height="1"/></svg>`;
    return markup`<figure>
      <figcaption><span>${folded ? nothing : key}<code>${name}</code></span><span>${caption}</span></figcaption>
      ${chart('', `${name} ${caption}`, bars, picture.buckets)}
    </figure>`;
  });
  const more = all.length > shown.length ? markup`<p class="quiet">${`+${all.length - shown.length} ${words.andMore}`}</p>` : nothing;
  return markup`<h3>${title}</h3>
    ${charts} ${axis(picture)} ${more}`;
}

/** The drawing as figures, for those who cannot see it or want to copy it. Steps in which nothing failed are left out. */
function figures(picture: Picture, causes: readonly Series[], logs: LogAnalysis, words: LogWords): Html {
  const rows = picture.failed.flatMap((failed, i) => {
    if (failed === 0) return [];
    const parts = causes.filter(({ row }) => (row.counts[i] ?? 0) > 0).map(({ name, row }) => `${name} ${countText(row.counts[i] ?? 0)}`);
    return [
      markup`<tr><td>${bucketText(picture, i)}<br /><span class="quiet">${parts.join(' · ')}</span></td>${
        logs.requests === null ? nothing : markup`<td class="n">${countText(picture.requests[i] ?? 0)}</td>`
      }<td class="n">${countText(failed)}</td></tr>`,
    ];
  });
  return markup`<table>
    <thead><tr><th scope="col">${words.when}</th>${logs.requests === null ? nothing : markup`<th scope="col" class="n">${words.allRequests}</th>`}<th scope="col" class="n">${words.failedShort}</th></tr></thead>
    <tbody>${rows}</tbody>
  </table>`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Where the failures went: answerers, statuses, backends with their rates, paths, client networks. */
export function tablesHtml(report: Report, logs: LogAnalysis): Html {
  if (logs.failed === 0) return nothing;
  const { language } = report;
  const words = logWordsIn(language);
  const shares = (rows: LogAnalysis['byPath']['rows'], name: (key: string) => string = plain): readonly TableRow[] =>
    rows.map(({ key, count, share }) => ({ key: name(key), count: countText(count), note: shareText(share) }));
  const backends = logs.byBackend.rows.map(({ key, requests, failed, rate }) => ({
    key: key === '' ? words.none : plain(key),
    count: countText(failed),
    note: rate === null || requests === null ? '' : rateText(rate, requests, language),
  }));
  return markup`<h2>${words.tables}</h2>
    ${table(
      words.byAnswerer,
      shares(logs.byAnswerer.rows, (key) => answererText(key, language)),
      logs.byAnswerer.dropped,
      language,
    )}
    ${table(words.byStatus, shares(logs.byStatus.rows), logs.byStatus.dropped, language)}
    ${table(words.byBackend, backends, logs.byBackend.dropped, language)}
    ${table(words.byPath, shares(logs.byPath.rows), logs.byPath.dropped, language)}
    ${table(words.byClientNetwork, shares(logs.byClientNetwork.rows), logs.byClientNetwork.dropped, language)}`;
}

interface TableRow {
  readonly key: string;
  readonly count: string;
  readonly note: string;
}

function table(title: string, rows: readonly TableRow[], dropped: number, language: Language): Html {
  if (rows.length === 0 && dropped === 0) return nothing;
  const words = logWordsIn(language);
  const line = (each: TableRow): Html =>
    markup`<tr><td>${each.key}</td><td class="n">${each.count}</td><td class="n quiet">${each.note}</td></tr>`;
  const shown = 10;
  const rest =
    rows.length > shown
      ? markup`<details><summary>${`+${rows.length - shown} ${words.andMore}`}</summary><table><tbody>${rows.slice(shown).map(line)}</tbody></table></details>`
      : nothing;
  const lost = dropped === 0 ? nothing : markup`<p class="quiet">${`+${countText(dropped)} ${words.fullTable}`}</p>`;
  return markup`<table><caption>${title}</caption><tbody>${rows.slice(0, shown).map(line)}</tbody></table>${rest}${lost}`;
}

/** What the logs show for one cause, in place of the citations of a live diagnosis. */
export function occurrenceHtml(report: Report, logs: LogAnalysis, cause: ReportCause): Html {
  const words = logWordsIn(report.language);
  const occurrence = occurrenceOf(logs, cause.id);
  const says = cause.because.map((citation) => markup`<li>${plain(citation.says)}</li> `);
  const samples = (occurrence?.samples ?? []).map(
    ({ request, lines }) => markup`${request === null ? nothing : lineHtml(request)}
      <div class="lines">${lines.map(lineHtml)}</div>`,
  );
  const seen =
    occurrence === undefined
      ? nothing
      : markup`<p>${words.seen}${labelsIn(report.language).colon}${occurrenceText(logs, occurrence, report.language)}</p>`;
  return markup`${seen}
    <ul>
      ${says}
    </ul>
    ${samples}`;
}

function lineHtml(sample: SampleLine): Html {
  const when = sample.at === null ? '' : ` · ${momentText(sample.at)}`;
  return markup`<p class="quiet"><code>${placeText(sample)}</code>${when}</p>
    <pre class="value">${plain(sample.text)}</pre>`;
}

/** What nothing explains, the lines that nobody knows, what was read, and what was counted only in part. */
export function restHtml(report: Report, logs: LogAnalysis): Html {
  const { language } = report;
  const words = logWordsIn(language);
  const { colon } = labelsIn(language);
  const unexplained = logs.unexplained.map(
    (group) => markup`<li>
      ${`${countText(group.count)} × ${plain(group.what)}`}
      <p class="quiet">${words.needs}${colon}${plain(group.needs)}</p>
      ${group.samples.map(lineHtml)}
    </li> `,
  );
  const unknown = logs.unknownLines.map((group) => {
    const facts = [group.samples[0] === undefined ? null : placeText(group.samples[0]), spanOfTimes(group.first, group.last, language)];
    return markup`<tr><td>${plain(group.template)}<br /><span class="quiet">${facts.filter((fact) => fact !== null).join(' · ')}</span></td><td class="n">${countText(group.count)}</td></tr>`;
  });
  const inputs = logs.inputs.map(
    (input) => markup`<li>
      <strong>${plain(input.name)}</strong>
      <p class="quiet">${inputText(input, language)}</p>
      ${input.dialect === null ? nothing : markup`<details><summary class="quiet">${words.dialect}</summary><pre>${plain(input.dialect)}</pre></details>`}
      ${input.notes.map((note) => markup`<p class="warn">${plain(note)}</p>`)}
    </li> `,
  );
  const joined = correlationTexts(logs, language).map((each) => markup`<p>${each}</p>`);
  const list = (title: string, items: readonly Html[]): Html =>
    items.length === 0
      ? nothing
      : markup`<h2>${title}</h2>
          <ul>
            ${items}
          </ul>`;
  return markup`${list(words.unexplained, unexplained)} ${
    unknown.length === 0
      ? nothing
      : markup`<h2>${words.unknownLines}</h2>
          <table><tbody>${unknown}</tbody></table>`
  }
    <h2>${words.inputs}</h2>
    <ul class="inputs">
      ${inputs}
    </ul>
    ${joined} ${list(
      words.limits,
      logs.limits.map((each) => markup`<li>${plain(each)}</li> `),
    )}`;
}
