// An nftables rule from `nft -j` in nft's own notation, for citations: people know the rule, not its JSON. Statements that are not
// known here are named, so a shown rule never looks shorter than it is.

type Json = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A word of a rule: strings and numbers as they are, anything else as JSON. */
function word(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : JSON.stringify(value);
}

function operand(value: unknown): string {
  if (Array.isArray(value)) return value.map(operand).join(', ');
  if (!isRecord(value)) return word(value);
  const payload = value['payload'];
  if (isRecord(payload)) return `${word(payload['protocol'])} ${word(payload['field'])}`;
  const meta = value['meta'];
  if (isRecord(meta)) return word(meta['key']);
  const ct = value['ct'];
  if (isRecord(ct)) return `ct ${word(ct['key'])}`;
  const prefix = value['prefix'];
  if (isRecord(prefix)) return `${operand(prefix['addr'])}/${word(prefix['len'])}`;
  const range = value['range'];
  if (Array.isArray(range)) return range.map(operand).join('-');
  const set = value['set'];
  if (set !== undefined) return `{ ${operand(set)} }`;
  const fib = value['fib'];
  if (isRecord(fib)) return `fib ${operand(fib['flags'])} ${word(fib['result'])}`;
  return JSON.stringify(value);
}

const verdicts = ['accept', 'drop', 'return', 'continue', 'queue', 'reject', 'masquerade', 'notrack'] as const;

function statement(value: unknown): string {
  if (!isRecord(value)) return word(value);
  const match = value['match'];
  if (isRecord(match)) {
    const operator = match['op'] === '==' || match['op'] === 'in' ? '' : `${word(match['op'])} `;
    return `${operand(match['left'])} ${operator}${operand(match['right'])}`;
  }
  const counter = value['counter'];
  if (isRecord(counter)) return `counter packets ${word(counter['packets'])}`;
  for (const name of ['jump', 'goto'] as const) {
    const to = value[name];
    if (isRecord(to)) return `${name} ${word(to['target'])}`;
  }
  const verdict = verdicts.find((name) => Object.hasOwn(value, name));
  if (verdict !== undefined) {
    const detail = value[verdict];
    return isRecord(detail) && detail['type'] !== undefined
      ? `${verdict} with ${word(detail['type'])}${detail['expr'] === undefined ? '' : ` ${operand(detail['expr'])}`}`
      : verdict;
  }
  return Object.keys(value).join(' ');
}

/** `inet filter input handle 12: ip saddr 100.64.0.0/10 tcp dport 80 counter packets 231 drop`; null for anything but a rule. */
export function nftRuleText(value: unknown): string | null {
  const rule = isRecord(value) ? value['rule'] : undefined;
  if (!isRecord(rule) || !Array.isArray(rule['expr'])) return null;
  const place = [rule['family'], rule['table'], rule['chain'], 'handle', rule['handle']].map(word).join(' ');
  const comment = typeof rule['comment'] === 'string' ? ` comment "${rule['comment']}"` : '';
  return `${place}: ${rule['expr'].map(statement).join(' ')}${comment}`;
}
