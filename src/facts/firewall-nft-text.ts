// Writes a rule of nft's JSON back as the text that `nft list ruleset` prints, so that a report names what an operator can find.
import type { NftObject } from '../model/observations.ts';
import { isRecord, type Json } from './firewall-nft-values.ts';

/** The rule's text without handle. Expressions of newer nft versions that are not known here appear as their JSON. */
export function renderRule(rule: NftObject): string {
  const statements = Array.isArray(rule['expr']) ? (rule['expr'] as Json[]) : [];
  const words = statements.map((statement, index) => renderStatement(statement, statements, index)).filter((text) => text !== '');
  if (typeof rule['comment'] === 'string') words.push(`comment ${quote(rule['comment'])}`);
  return words.join(' ');
}

type Writer = (body: Json) => string;

const statementWriters: Readonly<Record<string, Writer>> = {
  match: renderMatch,
  counter: (body) =>
    isRecord(body)
      ? `counter packets ${text(body['packets'])} bytes ${text(body['bytes'])}`
      : typeof body === 'string'
        ? `counter name ${quote(body)}`
        : 'counter',
  accept: () => 'accept',
  drop: () => 'drop',
  continue: () => 'continue',
  return: () => 'return',
  notrack: () => 'notrack',
  jump: (body) => `jump ${target(body)}`,
  goto: (body) => `goto ${target(body)}`,
  vmap: (body) => (isRecord(body) ? `${expression(body['key'])} vmap ${dataOf(body)}` : json(body)),
  limit: (body) => (typeof body === 'string' ? `limit name ${quote(body)}` : limit(body)),
  quota: (body) =>
    typeof body === 'string'
      ? `quota name ${quote(body)}`
      : isRecord(body)
        ? `quota ${body['inv'] === true ? 'over ' : ''}${text(body['val'])} ${text(body['val_unit'])}${body['used'] === undefined ? '' : ` used ${text(body['used'])} ${text(body['used_unit'])}`}`
        : json(body),
  'ct count': (body) => (isRecord(body) ? `ct count ${body['inv'] === true ? 'over ' : ''}${text(body['val'])}` : json(body)),
  'ct helper': (body) => `ct helper set ${quote(text(body))}`,
  'ct timeout': (body) => `ct timeout set ${quote(text(body))}`,
  reject: renderReject,
  log: renderLog,
  queue: (body) =>
    isRecord(body)
      ? `queue${body['flags'] === undefined ? '' : ` flags ${list(body['flags']).map(text).join(',')}`} to ${expression(body['num'])}`
      : 'queue to 0',
  mangle: (body) => (isRecord(body) ? renderMangle(body) : json(body)),
  set: renderDynamicSet,
  map: renderDynamicSet,
  flow: (body) => (isRecord(body) ? `flow ${text(body['op'])} ${text(body['flowtable'])}` : json(body)),
  xt: (body) => (isRecord(body) ? `xt ${text(body['type'])} ${text(body['name'])}` : 'xt'),
  dnat: (body) => nat('dnat', body),
  snat: (body) => nat('snat', body),
  masquerade: (body) => nat('masquerade', body),
  redirect: (body) => nat('redirect', body),
  tproxy: (body) => nat('tproxy', body),
  dup: (body) =>
    isRecord(body)
      ? `dup to ${expression(body['addr'])}${body['dev'] === undefined ? '' : ` device ${expression(body['dev'])}`}`
      : json(body),
  fwd: (body) =>
    isRecord(body)
      ? `fwd to ${body['addr'] === undefined ? '' : `${expression(body['addr'])} device `}${expression(body['dev'])}`
      : json(body),
  last: (body) => (isRecord(body) && body['used'] !== undefined ? `last used ${text(body['used'])}` : 'last used never'),
};

function renderStatement(statement: Json, all: readonly Json[], index: number): string {
  if (!isRecord(statement)) return typeof statement === 'string' ? statement : json(statement);
  const [kind, body] = Object.entries(statement)[0] ?? ['', null];
  // nft prints a reset without its own protocol match only in the families that have it implied; the JSON has the match as it is.
  if (kind === 'match' && impliedByReject(body, all[index + 1])) return '';
  const write = statementWriters[kind];
  return write ? write(body) : json(statement);
}

// `reject with icmp …` in an inet table implies `meta nfproto`, which newer JSON spells out and the text leaves away.
function impliedByReject(body: Json, next: Json): boolean {
  if (!isRecord(body) || !isRecord(next) || !isRecord(next['reject'])) return false;
  const left = body['left'];
  const type = next['reject']['type'];
  return (
    isRecord(left) &&
    isRecord(left['meta']) &&
    left['meta']['key'] === 'nfproto' &&
    ((type === 'icmp' && body['right'] === 'ipv4') || (type === 'icmpv6' && body['right'] === 'ipv6'))
  );
}

function renderMatch(body: Json): string {
  if (!isRecord(body)) return json(body);
  const operator = String(body['op']);
  const { left, right } = body;
  const masked = maskedFlags(left);
  if (masked && (operator === '==' || operator === '!='))
    return `tcp flags ${operator === '!=' ? '!= ' : ''}${flags(right)} / ${flags(masked)}`;
  const key = keyOf(left);
  if (isRecord(left) && isRecord(left['fib']) && left['fib']['result'] === 'oif' && typeof right === 'boolean')
    return `${expression(left)} ${right ? 'exists' : 'missing'}`;
  if (typeof right === 'boolean') return `${expression(left)} ${right ? 'exists' : 'missing'}`;
  const shown = operator === '==' || operator === 'in' ? '' : `${operator} `;
  // The implicit operator would read as something else behind a computed left side.
  const explicit = shown === '' && isRecord(left) && ['&', '|', '^', '<<', '>>'].some((name) => name in left) ? '== ' : shown;
  return `${expression(left)} ${explicit}${operand(right, key)}`;
}

function maskedFlags(left: Json): Json {
  if (!isRecord(left) || !Array.isArray(left['&'])) return null;
  const [field, mask] = left['&'] as Json[];
  return isRecord(field) && isRecord(field['payload']) && field['payload']['field'] === 'flags' && field['payload']['protocol'] === 'tcp'
    ? mask
    : null;
}

function flags(value: Json): string {
  if (Array.isArray(value)) return value.map(text).join(',');
  if (isRecord(value) && Array.isArray(value['|'])) return (value['|'] as Json[]).map(flags).join(',');
  return text(value);
}

/** What kind of value stands left, as far as it changes how the right side is printed. */
type Key = 'name' | 'quoted' | 'mark' | 'raw' | 'other' | readonly Key[];

function keyOf(left: Json): Key {
  if (!isRecord(left)) return 'other';
  if (Array.isArray(left['concat'])) return (left['concat'] as Json[]).map(keyOf);
  if (Array.isArray(left['&'])) return keyOf((left['&'] as Json[])[0]);
  if (Array.isArray(left['|'])) return keyOf((left['|'] as Json[])[0]);
  if (isRecord(left['meta'])) {
    const key = String(left['meta']['key']);
    if (
      [
        'iifname',
        'oifname',
        'iif',
        'oif',
        'iifkind',
        'oifkind',
        'bri_iifname',
        'bri_oifname',
        'ibrname',
        'obrname',
        'hour',
        'day',
        'time',
      ].includes(key)
    )
      return 'quoted';
    return key === 'mark' ? 'mark' : 'other';
  }
  if (isRecord(left['ct'])) return left['ct']['key'] === 'mark' ? 'mark' : left['ct']['key'] === 'helper' ? 'quoted' : 'other';
  if (isRecord(left['payload']) && left['payload']['base'] !== undefined) return 'raw';
  if (isRecord(left['fib']) && left['fib']['result'] === 'oifname') return 'quoted';
  return 'other';
}

function operand(value: Json, key: Key): string {
  if (Array.isArray(value)) return value.map((item) => operand(item, key)).join(',');
  if (isRecord(value)) {
    if (Array.isArray(value['set'])) return `{ ${(value['set'] as Json[]).map((item) => element(item, key)).join(', ')} }`;
    if (Array.isArray(value['range'])) return (value['range'] as Json[]).map((item) => operand(item, key)).join('-');
    if (Array.isArray(value['concat']))
      return (value['concat'] as Json[])
        .map((item, index) => operand(item, Array.isArray(key) ? ((key as readonly Key[])[index] ?? 'other') : 'other'))
        .join(' . ');
    if (Array.isArray(value['|'])) return (value['|'] as Json[]).map((item) => operand(item, key)).join(' | ');
    if (isRecord(value['elem'])) return element(value, key);
    return expression(value);
  }
  if (typeof value === 'number' && key === 'mark') return `0x${value.toString(16).padStart(8, '0')}`;
  if (typeof value === 'number' && key === 'raw') return `0x${value.toString(16)}`;
  if (typeof value === 'string' && key === 'quoted' && !value.startsWith('@')) return quote(value);
  return text(value);
}

function element(item: Json, key: Key): string {
  if (Array.isArray(item)) return `${element(item[0], key)} : ${mapData(item[1])}`;
  if (!isRecord(item) || !isRecord(item['elem'])) return operand(item, key);
  const body = item['elem'];
  return [
    operand(body['val'], key),
    body['timeout'] === undefined ? '' : `timeout ${seconds(body['timeout'])}`,
    body['expires'] === undefined ? '' : `expires ${seconds(body['expires'])}`,
    body['comment'] === undefined ? '' : `comment ${quote(text(body['comment']))}`,
  ]
    .filter((part) => part !== '')
    .join(' ');
}

function mapData(data: Json): string {
  if (!isRecord(data)) return text(data);
  const [kind, body] = Object.entries(data)[0] ?? ['', null];
  if (kind === 'jump' || kind === 'goto') return `${kind} ${target(body)}`;
  if (kind === 'accept' || kind === 'drop' || kind === 'continue' || kind === 'return') return kind;
  return operand(data, 'other');
}

function expression(value: Json): string {
  if (!isRecord(value)) return Array.isArray(value) ? value.map(expression).join(',') : text(value);
  const [kind, body] = Object.entries(value)[0] ?? ['', null];
  if (kind === 'payload' && isRecord(body))
    return body['protocol'] === undefined
      ? `@${text(body['base'])},${text(body['offset'])},${text(body['len'])}`
      : `${text(body['protocol'])} ${text(body['field'])}`;
  if (kind === 'meta' && isRecord(body)) {
    const key = String(body['key']);
    return ['iifname', 'oifname', 'iif', 'oif', 'iifgroup', 'oifgroup', 'ibrname', 'obrname'].includes(key) ? key : `meta ${key}`;
  }
  if (kind === 'ct' && isRecord(body))
    return body['dir'] === undefined ? `ct ${text(body['key'])}` : `ct ${text(body['dir'])} ${text(body['key'])}`;
  if (kind === 'fib' && isRecord(body)) return `fib ${list(body['flags']).map(text).join(' . ')} ${text(body['result'])}`;
  if (kind === 'rt' && isRecord(body)) return `rt ${body['family'] === undefined ? '' : `${text(body['family'])} `}${text(body['key'])}`;
  if (kind === 'socket' && isRecord(body)) return `socket ${text(body['key'])}`;
  if (kind === 'tcp option' && isRecord(body))
    return `tcp option ${text(body['name'])}${body['field'] === undefined ? '' : ` ${text(body['field'])}`}`;
  if (kind === 'numgen' && isRecord(body)) return `numgen ${text(body['mode'])} mod ${text(body['mod'])}${offset(body)}`;
  if (kind === 'jhash' && isRecord(body))
    return `jhash ${expression(body['expr'])} mod ${text(body['mod'])}${body['seed'] === undefined ? '' : ` seed 0x${Number(body['seed']).toString(16)}`}${offset(body)}`;
  if (kind === 'symhash' && isRecord(body)) return `symhash mod ${text(body['mod'])}${offset(body)}`;
  if (kind === 'concat' && Array.isArray(body)) return body.map(expression).join(' . ');
  if (kind === 'prefix' && isRecord(body)) return `${expression(body['addr'])}/${text(body['len'])}`;
  if (kind === 'range' && Array.isArray(body)) return body.map(expression).join('-');
  if (kind === 'set') return operand(value, 'other');
  if (kind === 'map' && isRecord(body)) return `${expression(body['key'])} map ${dataOf(body)}`;
  if (['&', '|', '^', '<<', '>>'].includes(kind) && Array.isArray(body))
    return body.map((item, index) => (index === 0 ? expression(item) : operand(item, keyOf(body[0])))).join(` ${kind} `);
  if (kind === 'elem') return element(value, 'other');
  return json(value);
}

function dataOf(body: Readonly<Record<string, Json>>): string {
  const { data } = body;
  return isRecord(data) && Array.isArray(data['set']) ? operand(data, keyOf(body['key'])) : expression(data);
}

function offset(body: Readonly<Record<string, Json>>): string {
  return body['offset'] === undefined || body['offset'] === 0 ? '' : ` offset ${text(body['offset'])}`;
}

function renderMangle(body: Readonly<Record<string, Json>>): string {
  const { key, value } = body;
  return `${expression(key)} set ${isRecord(value) ? expression(value) : operand(value, keyOf(key))}`;
}

function renderDynamicSet(body: Json): string {
  if (!isRecord(body)) return json(body);
  const inner = list(body['stmt'])
    .filter((statement) => statement !== undefined)
    .map((statement) => renderStatement(statement, [], 0))
    .join(' ');
  const what = isRecord(body['elem']) && isRecord(body['elem']['elem']) ? body['elem']['elem'] : null;
  const shown =
    what === null
      ? expression(body['elem'])
      : `${expression(what['val'])}${what['timeout'] === undefined ? '' : ` timeout ${seconds(what['timeout'])}`}`;
  const mapped = body['data'] === undefined ? '' : ` : ${operand(body['data'], 'other')}`;
  return `${text(body['op'])} ${text(body['set'] ?? body['map'])} { ${shown}${inner === '' ? '' : ` ${inner}`}${mapped} }`;
}

function renderReject(body: Json): string {
  if (!isRecord(body)) return 'reject';
  if (body['type'] === 'tcp reset') return 'reject with tcp reset';
  // The default of each family is printed as plain `reject`.
  if (body['expr'] === undefined || body['expr'] === 'port-unreachable') return 'reject';
  return `reject with ${text(body['type'])} ${text(body['expr'])}`;
}

function renderLog(body: Json): string {
  if (!isRecord(body)) return 'log';
  const words = ['log'];
  if (body['prefix'] !== undefined) words.push(`prefix ${quote(text(body['prefix']))}`);
  if (body['level'] !== undefined) words.push(`level ${text(body['level'])}`);
  if (body['group'] !== undefined) words.push(`group ${text(body['group'])}`);
  if (body['snaplen'] !== undefined) words.push(`snaplen ${text(body['snaplen'])}`);
  if (body['queue-threshold'] !== undefined) words.push(`queue-threshold ${text(body['queue-threshold'])}`);
  if (body['flags'] !== undefined) words.push(`flags ${list(body['flags']).map(text).join(',')}`);
  return words.join(' ');
}

function limit(body: Json): string {
  if (!isRecord(body)) return json(body);
  const unit = body['rate_unit'] === undefined || body['rate_unit'] === 'packets' ? '' : ` ${text(body['rate_unit'])}`;
  const rate = `limit rate ${body['inv'] === true ? 'over ' : ''}${text(body['rate'])}${unit}/${text(body['per'])}`;
  const burstUnit = body['burst_unit'] === undefined || body['burst_unit'] === 'packets' ? 'packets' : text(body['burst_unit']);
  const unsaid = body['burst'] === undefined || body['burst'] === 0 || (burstUnit === 'packets' && body['burst'] === 5);
  return unsaid ? rate : `${rate} burst ${text(body['burst'])} ${burstUnit}`;
}

function nat(kind: string, body: Json): string {
  if (!isRecord(body)) return kind;
  const address = body['addr'];
  const host =
    address === undefined
      ? ''
      : isRecord(address)
        ? expression(address)
        : typeof address === 'string' && address.includes(':') && body['port'] !== undefined
          ? `[${address}]`
          : text(address);
  const port = body['port'] === undefined ? '' : `:${expression(body['port'])}`;
  const family = body['family'] === undefined ? '' : ` ${text(body['family'])}`;
  const options = list(body['flags'])
    .filter((flag) => flag !== undefined)
    .map(text);
  return `${kind}${host === '' && port === '' ? '' : `${family} to ${host}${port}`}${options.length === 0 ? '' : ` ${options.join(',')}`}`;
}

function target(body: Json): string {
  return isRecord(body) ? text(body['target']) : text(body);
}

function list(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [value];
}

function seconds(value: Json): string {
  let left = Number(value);
  if (!Number.isFinite(left) || left <= 0) return `${text(value)}s`;
  const parts: string[] = [];
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return parts.join('');
}

function quote(value: string): string {
  return `"${value}"`;
}

function text(value: Json): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : json(value);
}

function json(value: Json): string {
  return JSON.stringify(value) ?? '';
}
