// The report as one self-contained page: no script, nothing loaded, readable by keyboard, on a phone, on paper and in the dark.
import { plain } from '../model/neutral.ts';
import type { Report, ReportCause } from '../model/report.ts';
import { placeHops } from './draw-path.ts';
import { styleSheet, styleSheetHash } from './html-style.ts';
import { markup, nothing, type Html } from './html-text.ts';
import { labelsIn, wordFor, type Labels } from './labels.ts';
import { logsNext, logsWhats, occurrenceOf, occurrenceText, scannedText } from './logs-phrases.ts';
import { occurrenceHtml, restHtml, tablesHtml, timelineHtml } from './logs-html.ts';
import { logsStyleSheet, logsStyleSheetHash } from './logs-html-style.ts';
import {
  docsText,
  durationText,
  headline,
  saysPlace,
  stateText,
  sureText,
  symptomText,
  timeText,
  titleOf,
  unprovenText,
  wantedAccesses,
  whereText,
} from './phrases.ts';
import { shellLines } from './shell.ts';
import { proofOf } from './value.ts';

// Only these very style sheets may apply: no script, no request, no form, whatever should slip through.
function policyOf(styles: string): string {
  return `default-src 'none'; style-src ${styles}; img-src data:; base-uri 'none'; form-action 'none'`;
}

/** A complete HTML document. Everything from the report passes through `escapeHtml`. */
export function renderHtml(report: Report): string {
  const labels = labelsIn(report.language);
  const tone = report.outcome === 'healthy' ? 'good' : report.outcome === 'cause-found' ? 'bad' : 'warn';
  const mark = report.outcome === 'healthy' ? '✓' : report.outcome === 'cause-found' ? '✗' : '?';
  const several = report.causes.length > 1;
  const { logs } = report;
  const policy = policyOf(logs === undefined ? `'${styleSheetHash}'` : `'${styleSheetHash}' '${logsStyleSheetHash}'`);
  const page = markup`<!doctype html>
    <html lang="${report.language === 'zh' ? 'zh-CN' : 'en'}">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${{ html: policy }}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <meta name="robots" content="noindex" />
        <link rel="icon" href="data:," />
        <title>${plain(headline(report))}</title>
        <style>${{ html: styleSheet }}</style>${
          logs === undefined
            ? nothing
            : markup`
        <style>${{ html: logsStyleSheet }}</style>`
        }
      </head>
      <body>
        <a class="skip" href="#answer">${labels.skip}</a>
        <main id="answer" tabindex="-1">
          <h1>
            <span class="${tone}"><span aria-hidden="true">${mark}</span> ${titleOf(report)}</span>
          </h1>
          <p class="quiet">${plain(report.site)}${report.url === '' ? nothing : markup` · <code>${plain(report.url)}</code>`}</p>
          ${answer(report, labels)} ${logs === undefined ? nothing : timelineHtml(report, logs)} ${report.causes.map((cause, i) => causeSection(report, cause, several ? i + 1 : null, labels))}
          ${several || report.causes.length === 0 ? pathSection(report, labels) : nothing} ${logs === undefined ? nothing : tablesHtml(report, logs)}
          ${adviceSection(report, labels)} ${logs === undefined ? untestedSection(report, labels) : restHtml(report, logs)} ${ruledOutSection(report, labels)} ${stepsSection(report, labels)}
          ${evidenceSection(report, labels)}
        </main>
        <footer>
          <p>
            ${logs === undefined ? nothing : markup`${scannedText(logs, report.language)} · `}${timeText(report.startedAt)} · ${labels.took} ${durationText(report.tookMs, report.language)} · why5xx ${plain(report.tool)}
          </p>
        </footer>
      </body>
    </html> `;
  return page.html;
}

function row(label: string, value: string | Html): Html {
  return markup`<dt>${label}</dt>
    <dd>${value}</dd> `;
}

function answer(report: Report, labels: Labels): Html {
  const { logs } = report;
  const texts =
    logs === undefined
      ? report.symptoms.map((each) => symptomText(each, report.language, each.url !== report.url))
      : logsWhats(report, logs);
  const whats = texts.map((each) => markup`<p>${each}</p>`);
  const rows: Html[] = whats.length > 0 ? [row(labels.what, markup`${whats}`)] : [];
  if (report.outcome === 'healthy' && logs === undefined) rows.push(row(labels.what, labels.healthyText));
  if (report.outcome === 'cause-unproven') {
    const layer = report.suspectedLayer;
    rows.push(
      row(
        labels.where,
        layer === null ? labels.unknownPlace : `${wordFor('layer', layer, report.language)}${labels.colon}${labels.suspected}`,
      ),
    );
    rows.push(row(labels.why, unprovenText(report)), row(labels.next, nextSteps(report, labels)));
  }
  const [only, ...more] = report.causes;
  if (logs !== undefined && more.length > 0) rows.push(row(labels.cause, causeList(report, logs)));
  if (only !== undefined && more.length === 0) rows.push(...causeRows(report, only, labels));
  return markup`<dl class="answer">${rows}</dl>`;
}

/** Each cause with its place and its part of the failures, leading to its section. */
function causeList(report: Report, logs: NonNullable<Report['logs']>): Html {
  const items = report.causes.map((cause, i) => {
    const occurrence = occurrenceOf(logs, cause.id);
    const share = occurrence === undefined ? '' : ` · ${occurrenceText(logs, occurrence, report.language)}`;
    return markup`<li><a href="#cause-${i + 1}">${plain(cause.title)}</a> <span class="quiet">${whereText(cause, report.language)}${share}</span></li> `;
  });
  return markup`<ol>
    ${items}
  </ol>`;
}

function nextSteps(report: Report, labels: Labels): Html {
  const wanted = report.logs === undefined ? wantedAccesses(report).slice(0, 3) : logsNext(report, report.logs).map((needs) => ({ needs }));
  const list =
    wanted.length === 0
      ? nothing
      : markup`<p>${labels.unprovenNext}</p>
          <ul>
            ${wanted.map(({ needs }) => markup`<li>${needs}</li>`)}
          </ul>`;
  return report.logs === undefined
    ? markup`${list}
        <p>${labels.ticket}</p>`
    : list;
}

function causeRows(report: Report, cause: ReportCause, labels: Labels): readonly Html[] {
  return [
    row(labels.cause, markup`<code>${plain(cause.id)}</code>`),
    row(labels.where, whereText(cause, report.language)),
    row(labels.why, plain(cause.summary)),
    row(labels.sure, sureText(report, cause)),
    ...(cause.chain.length > 1 ? [row(labels.chain, cause.chain.map(plain).join(' → '))] : []),
    row(labels.do, markup`<strong>${plain(cause.fix.summary)}</strong>`),
  ];
}

function causeSection(report: Report, cause: ReportCause, number: number | null, labels: Labels): Html {
  const steps = cause.fix.steps.map((step) => {
    const place = step.host === null ? labels.byHand : `${labels.on} ${(step.hosts ?? [step.host]).map(plain).join(', ')}`;
    const risk = step.risk === 'none' ? '' : `${labels.comma}${labels.risk} ${wordFor('risk', step.risk, report.language)}`;
    return markup`<li>
      ${plain(step.title)} ${saysPlace(report) ? markup`<span class="quiet">${labels.open}${place}${risk}${labels.close}</span>` : nothing} ${
        step.config === undefined
          ? nothing
          : markup`<p class="quiet">${labels.write} <code>${plain(step.config.file)}</code></p>
              <pre>${step.config.text.trimEnd()}</pre>`
      }
      ${step.command === undefined ? nothing : markup`<pre>${shellLines(step.command, 100).join('\n')}</pre>`}
      ${step.undo === undefined ? nothing : markup`<p class="quiet">${labels.undo}${labels.colon}<code>${shellLines(step.undo).join(' ')}</code></p>`}
    </li> `;
  });
  const proofs = cause.because.map((citation) => markup`<li>${proofItem(report, citation)}</li> `);
  const heading =
    number === null
      ? nothing
      : markup`<h2${{ html: report.logs === undefined ? '' : ` id="cause-${number}"` }}>${number}. ${plain(cause.title)}</h2>
          <dl class="answer">${causeRows(report, cause, labels)}</dl>`;
  const sub = (title: string): Html => (number === null ? markup`<h2>${title}</h2>` : markup`<h3>${title}</h3>`);
  return markup`${heading} ${sub(labels.fix)}
    <ol>
      ${steps}
    </ol>
    <p>${labels.verify}${labels.colon}${plain(cause.fix.verify)}</p>
    <p class="quiet">${labels.docs}${labels.colon}<code>${docsText(report, cause)}</code></p>
    ${number === null ? pathSection(report, labels) : nothing} ${sub(labels.proof)}
    ${
      report.logs === undefined
        ? markup`<ol>
            ${proofs}
          </ol>`
        : occurrenceHtml(report, report.logs, cause)
    }`;
}

function proofItem(report: Report, citation: ReportCause['because'][number]): Html {
  const proof = proofOf(report, citation, 2000);
  const place = [proof.evidence, proof.probe, proof.host, timeText(proof.at)].filter((each) => each !== null).join(' · ');
  return markup`${proof.says}<br /><span class="quiet">${place} <code>${proof.path}</code></span>
    <pre class="value">${proof.value}</pre>`;
}

function pathSection(report: Report, labels: Labels): Html {
  if (report.path.length === 0) return nothing;
  const hops = placeHops(report.path).map(({ hop, depth }) => {
    const facts = [wordFor('role', hop.role, report.language), hop.address, hop.product]
      .filter((each) => each !== null)
      // A server that only logs name has its address for a name.
      .filter((each) => report.logs === undefined || each !== hop.name)
      .map((each) => plain(each));
    const tone = { ok: 'good', failing: 'warn', broken: 'bad', unknown: 'quiet' }[hop.state];
    const state = hop.state === 'broken' ? labels.brokenHere : stateText(hop, report.language);
    return markup`<li class="${hop.state} d${Math.min(depth, 6)}">
      <strong>${plain(hop.name)}</strong><span class="quiet">${facts.join(' · ')}</span> ·
      <span class="${tone}">${state}</span>${hop.note === null ? nothing : markup`<p>${plain(hop.note)}</p>`}
    </li> `;
  });
  return markup`<h2>${labels.path}</h2>
    <ol class="path">
      ${hops}
    </ol>`;
}

function adviceSection(report: Report, labels: Labels): Html {
  if (report.advice.length === 0) return nothing;
  const items = report.advice.map((each) => {
    const host = each.host === null ? '' : ` · ${plain(each.host)}`;
    return markup`<li>
      ${plain(each.summary)}
      <span class="quiet">${labels.open}${plain(each.id)}${host}${labels.close}</span
      >${each.because.map((citation) => markup`<div>${proofItem(report, citation)}</div>`)}
    </li> `;
  });
  return markup`<h2>${labels.advice}</h2>
    <ul>
      ${items}
    </ul>`;
}

function untestedSection(report: Report, labels: Labels): Html {
  const closed = report.hosts
    .filter((host) => host.access === 'failed')
    .map(
      (host) =>
        markup`<li>
          ${plain(host.host)}${labels.colon}${labels.accessFailed}${host.reason === null ? '' : `${labels.colon}${plain(host.reason)}`}
        </li> `,
    );
  const wanted = wantedAccesses(report).map(
    ({ needs, ids }) => markup`<li>${needs}<br /><span class="quiet">${labels.wouldTell}${labels.colon}${ids.join(', ')}</span></li> `,
  );
  if (closed.length + wanted.length === 0) return nothing;
  return markup`<h2>${labels.untested}</h2>
    <ul>
      ${closed}${wanted}
    </ul>`;
}

function folded(title: string, content: Html, open = false): Html {
  return markup`<details class="section"${{ html: open ? ' open' : '' }}>
    <summary><h2 class="inline">${title}</h2></summary>
    ${content}
  </details>`;
}

function ruledOutSection(report: Report, labels: Labels): Html {
  if (report.ruledOut.length === 0) return nothing;
  const items = report.ruledOut.map((each) => {
    const host = each.host === null ? '' : ` · ${plain(each.host)}`;
    return markup`<li>
      <strong>${plain(each.id)}</strong>${host}${each.because.map((citation) => markup`<div>${proofItem(report, citation)}</div>`)}
    </li> `;
  });
  return folded(
    `${labels.ruledOut}${labels.open}${report.ruledOut.length}${labels.close}`,
    markup`<ul>
      ${items}
    </ul>`,
  );
}

function stepsSection(report: Report, labels: Labels): Html {
  if (report.steps.length === 0) return nothing;
  const items = report.steps.map((step) => markup`<li><strong>${plain(step.title)}</strong>${labels.colon}${plain(step.result)}</li> `);
  return folded(
    labels.steps,
    markup`<ol>
      ${items}
    </ol>`,
    report.outcome === 'cause-unproven',
  );
}

function evidenceSection(report: Report, labels: Labels): Html {
  if (Object.keys(report.evidence).length === 0) return nothing;
  const items = Object.entries(report.evidence).map(([id, entry]) => {
    const facts = [plain(entry.probe), entry.host === null ? null : plain(entry.host), timeText(entry.at)]
      .filter((each) => each !== null)
      .join(' · ');
    const status =
      entry.status === 'ok' ? '' : `${labels.colon}${entry.status}${entry.reason === undefined ? '' : `, ${plain(entry.reason)}`}`;
    const data =
      entry.data === undefined
        ? nothing
        : markup`<details>
            <summary class="quiet">${labels.shows}</summary>
            <pre>${JSON.stringify(entry.data, null, 2)}</pre>
          </details>`;
    return markup`<li><strong>${plain(id)}</strong> ${facts}${status}${data}</li> `;
  });
  return folded(
    `${labels.evidence}${labels.open}${Object.keys(report.evidence).length}${labels.close}`,
    markup`<ul>
      ${items}
    </ul>`,
  );
}
