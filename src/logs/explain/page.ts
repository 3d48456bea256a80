// The page of all causes that logs can show, made from the rules, so that it cannot say anything else than what convicts.
import type { JointWitness, LineWitness, LogRule, RequestWitness, Weight } from './rule.ts';

const words: Readonly<Record<Weight, string>> = { proves: 'proves it', suggests: 'makes it likely', fits: 'fits, among others' };

/** docs/log-causes.md: one section for each cause, in alphabetical order. */
export function logCausesPage(rules: readonly LogRule[]): string {
  const sorted = rules.toSorted((a, b) => (a.cause < b.cause ? -1 : 1));
  const known = new Set(sorted.map((each) => each.cause));
  return `# Causes that logs show

What \`why5xx logs\` looks for. Each cause says which error lines and which failing requests speak for it and how far: *proves it* makes
the cause confirmed, *makes it likely* is reported as likely, and what only *fits* is named among what could not be decided. The names in
code are those of the signatures in \`src/logs/signatures\`. This page is made from \`src/logs/explain/rules\`; a test keeps it in step.

${sorted.map((rule) => section(rule, known)).join('\n')}`;
}

function section(rule: LogRule, known: ReadonlySet<string>): string {
  const deeper = rule.consequenceOf.map((cause) => (known.has(cause) ? `[${cause}](#${cause})` : `\`${cause}\``));
  const lines = [
    `## ${rule.cause}`,
    '',
    `**${safe(rule.title.en)}** · ${safe(rule.title.zh)} · layer \`${rule.layer}\``,
    '',
    safe(rule.summary.en),
    '',
    'Seen by:',
    '',
    ...new Set(rule.witnesses.map((each) => `- ${witnessText(each)}`)),
    '',
    ...(deeper.length === 0 ? [] : [`May be a consequence of ${deeper.join(', ')}; where one of those is found, it is the answer.`, '']),
    `What would settle it: ${safe(rule.wouldTell.en)}`,
    '',
    `**What to do:** ${safe(rule.fix.summary.en)}`,
    '',
    ...rule.fix.steps.map((step, at) => `${at + 1}. ${safe(step.en)}`),
    '',
    `Then: ${safe(rule.fix.verify.en)}`,
    '',
  ];
  return lines.join('\n');
}

function witnessText(witness: LogRule['witnesses'][number]): string {
  return witness.kind === 'together'
    ? `${jointText(witness)}: ${words[witness.weight]}`
    : `${memberText(witness)}: ${words[witness.weight]}`;
}

function jointText({ all, withinSeconds }: JointWitness): string {
  return `${all.map((each) => memberText(each)).join(', together with ')}, within ${withinSeconds} s`;
}

function memberText(witness: LineWitness | RequestWitness): string {
  const backend = witness.served === true ? ', whose backend answered others' : '';
  if (witness.kind === 'request') return `what the access log says of the failing request${backend}`;
  const signatures = witness.signatures.map((each) => `\`${each}\``).join(' or ');
  const narrowed = witness.where === undefined ? '' : ', of a certain kind';
  return witness.perRequest
    ? `a line about the failing request${backend} (${signatures}${narrowed})`
    : `a line of ${witness.lasting === true ? 'any time' : 'the same minutes'} (${signatures}${narrowed})`;
}

/** Rules are plain text: what Markdown would take for markup is escaped, placeholders are shown as such. */
function safe(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>|#]/g, String.raw`\$&`).replaceAll(/\{(\w+)\}/g, '…');
}
