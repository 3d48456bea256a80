// The page of one cause that only logs show, made from its rule and the samples of its lines: what `why5xx explain` prints where no hand
// has written a page.
import { inLanguage, say } from '../../model/text.ts';
import type { Language, Localised } from '../../model/text.ts';
import type { Signature } from '../signatures.ts';
import type { EventGroup } from '../records.ts';
import { messageTemplate } from '../template.ts';
import { filled } from './phrases.ts';
import type { JointWitness, LineWitness, LogRule, RequestWitness, Weight } from './rule.ts';

const words = {
  shows: say('How logs show it', '日志中的表现'),
  proves: say('This proves it:', '以下内容可以证实：'),
  suggests: say('This makes it likely:', '以下内容说明很可能如此：'),
  fits: say(
    'This fits, and other causes as well. It never convicts alone, but is named among what could not be decided:',
    '以下内容与之相符，也与其他原因相符；单凭它不作定论，但会列为未能判定的可能：',
  ),
  perRequest: say('a line about the failing request:', '关于失败请求的一行：'),
  near: say('a line of the same minutes:', '同一时段内的一行：'),
  narrowed: say('lines whose details point here', '细节指向此处的行'),
  request: say(
    'the access line of the failing request: status, who answered, how long it took',
    '失败请求自身的访问日志行：状态码、由谁应答、耗时',
  ),
  together: say('together, within {seconds} s:', '在 {seconds} 秒之内同时出现：'),
  tell: say('What would tell', '如何确认'),
  fix: say('Fix', '修复'),
  fixed: say('Fixed when: ', '修复的标志：'),
  deeper: say('When it is not this', '何时不是它'),
  consequence: say(
    'It may be a consequence of something deeper. Where one of these is found for the same requests, that is the answer:',
    '它可能是更深层原因的后果。若同一批请求查出以下某一项，则以该项为准：',
  ),
  origin: say('why5xx names this cause from logs alone: why5xx logs FILE…', '此原因由 why5xx 仅凭日志判定：why5xx logs FILE…'),
  count: say('N', 'N'),
  host: say('the host', '该主机'),
} satisfies Record<string, Localised>;

const weights: readonly Weight[] = ['proves', 'suggests', 'fits'];
/** Samples of one witness; the same line in the words of further programs adds nothing. */
const mostSamples = 3;

/** Markdown, in the order of the pages that are written by hand. `known` are all rules, `signatures` the catalogue of lines. */
export function logCausePage(rule: LogRule, known: readonly LogRule[], signatures: readonly Signature[], language: Language): string {
  const t = (text: Localised): string => inLanguage(text, language);
  const sentence = (text: Localised): string =>
    safe(t(filled(text, { count: words.count, host: words.host })).replaceAll(/ ?(该主机) ?/g, '$1'));
  const lines = [`# ${rule.cause}: ${safe(t(rule.title))}`, '', sentence(rule.summary), '', t(words.origin), ''];
  lines.push(`## ${t(words.shows)}`, '');
  for (const weight of weights) {
    const items = rule.witnesses.filter((each) => each.weight === weight).map((each) => item(each, signatures, t));
    if (items.length > 0) lines.push(t(words[weight]), '', ...new Set(items), '');
  }
  lines.push(`## ${t(words.tell)}`, '', sentence(rule.wouldTell), '');
  lines.push(`## ${t(words.fix)}`, '', sentence(rule.fix.summary), '');
  lines.push(...rule.fix.steps.map((step, at) => `${at + 1}. ${sentence(step)}`), '', `${t(words.fixed)}${sentence(rule.fix.verify)}`, '');
  if (rule.consequenceOf.length > 0) {
    const titleOf = (id: string): string => {
      const found = known.find((each) => each.cause === id);
      return found === undefined ? '' : `: ${safe(t(found.title))}`;
    };
    lines.push(`## ${t(words.deeper)}`, '', t(words.consequence), '', ...rule.consequenceOf.map((id) => `- ${id}${titleOf(id)}`), '');
  }
  return lines.join('\n');
}

type Say = (text: Localised) => string;

/** A list item with its samples below it. */
function item(witness: LineWitness | RequestWitness | JointWitness, signatures: readonly Signature[], t: Say): string {
  if (witness.kind !== 'together') return member(witness, signatures, t, '');
  const seconds = String(witness.withinSeconds);
  const members = witness.all.map((each) => member(each, signatures, t, '  '));
  return [`- ${t(words.together).replace('{seconds}', seconds)}`, ...members].join('\n');
}

function member(witness: LineWitness | RequestWitness, signatures: readonly Signature[], t: Say, indent: string): string {
  if (witness.kind === 'request') return `${indent}- ${t(words.request)}`;
  const named = signatures.filter((each) => witness.signatures.includes(each.id));
  const { where } = witness;
  const speaking = where === undefined ? named : named.filter((each) => where(eventOf(each)));
  const samples = speaking.slice(0, mostSamples).map((each) => `${each.source}: ${code(each.sample)}`);
  const sources = [...new Set(named.map(({ source }) => source))].join(', ');
  const shown = samples.length > 0 ? samples : [`${sources}: ${t(words.narrowed)}`];
  return [`${indent}- ${t(witness.perRequest ? words.perRequest : words.near)}`, ...shown.map((each) => `${indent}  - ${each}`)].join('\n');
}

/** The catalogue's sample as if a log had it, for conditions that look closer than the signature. */
function eventOf({ id, source, pattern, sample }: Signature): EventGroup {
  return {
    input: 0,
    format: source,
    product: source,
    level: null,
    signature: id,
    template: messageTemplate(sample),
    fields: { ...pattern.exec(sample)?.groups },
    upstream: null,
    host: null,
    count: 1,
    first: null,
    last: null,
    minutes: new Map(),
    samples: [{ input: 0, line: 1, at: null, text: sample }],
  };
}

/** A sample's first line as code, whatever signs it has. */
function code(sample: string): string {
  const [line = ''] = sample.split('\n');
  const short = line.length > 200 ? `${line.slice(0, 200)}…` : line;
  return short.includes('`') ? `\`\` ${short} \`\`` : `\`${short}\``;
}

/** Rules are plain text: what Markdown would take for markup is escaped. */
function safe(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>|#]/g, String.raw`\$&`);
}
