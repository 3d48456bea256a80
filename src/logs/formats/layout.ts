// What an access-log format string says: literals and variables in order. nginx's and Apache's strings become the same layout, so that one
// reader, and one plan of the scanner, serves both.

/** One piece of a layout. Variables are named as nginx names them; what only Apache has is named `request_us`, `request_ms`, `request_s`. */
export type LayoutPart = { readonly kind: 'literal'; readonly text: string } | { readonly kind: 'variable'; readonly name: string };

/** nginx's own default format. */
export const combinedFormat =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';

const lit = (text: string): LayoutPart => ({ kind: 'literal', text });
const variable = (name: string): LayoutPart => ({ kind: 'variable', name });

/** Puts neighbouring literals together, and drops a variable that directly follows another: such values cannot be told apart. */
function joined(parts: readonly LayoutPart[]): LayoutPart[] {
  const result: LayoutPart[] = [];
  for (const part of parts) {
    const last = result.at(-1);
    if (part.kind === 'literal') {
      if (part.text === '') continue;
      if (last?.kind === 'literal') result[result.length - 1] = lit(last.text + part.text);
      else result.push(part);
    } else if (last?.kind !== 'variable') result.push(part);
  }
  return result;
}

/** The layout of an nginx `log_format` string (its parts already put together, without name and `escape=`). */
export function nginxLayout(format: string): readonly LayoutPart[] {
  const parts: LayoutPart[] = [];
  for (const match of format.matchAll(/\$\{(\w+)\}|\$(\w+)|([^$]+|\$)/gs)) {
    const name = match[1] ?? match[2];
    parts.push(name === undefined ? lit(match[3] ?? '') : variable(name));
  }
  return joined(parts);
}

const apacheLetters: Readonly<Record<string, string>> = {
  a: 'remote_addr',
  A: 'server_addr',
  b: 'body_bytes_sent',
  B: 'body_bytes_sent',
  D: 'request_us',
  h: 'remote_addr',
  H: 'server_protocol',
  I: 'request_length',
  k: 'connection_requests',
  l: 'remote_logname',
  L: 'request_log_id',
  m: 'request_method',
  O: 'bytes_sent',
  p: 'server_port',
  P: 'pid',
  q: 'query',
  r: 'request',
  R: 'handler',
  s: 'status',
  S: 'bytes_both',
  T: 'request_s',
  u: 'remote_user',
  U: 'uri',
  v: 'server_name',
  V: 'host',
  X: 'connection_status',
};

/** The variable that one directive of Apache stands for, with the literals around it. */
function apacheDirective(letter: string, argument: string | null): readonly LayoutPart[] {
  if (letter === '%') return [lit('%')];
  const name = (argument ?? '').toLowerCase().replaceAll(/\W/g, '_');
  if (letter === 't') return argument === null ? [lit('['), variable('time_local'), lit(']')] : [variable('time_custom')];
  if (letter === 'T' && argument !== null) return [variable(`request_${name}`)];
  if (letter === 'i') return [variable(`http_${name}`)];
  if (letter === 'o') return [variable(`sent_http_${name}`)];
  if (letter === 'e' || letter === 'n') return [variable(name)];
  return [variable(apacheLetters[letter] ?? `apache_${letter}`)];
}

/** The layout of an Apache `LogFormat` string. `\"` stands for a quote, as in its configuration. */
export function apacheLayout(format: string): readonly LayoutPart[] {
  const parts: LayoutPart[] = [];
  // %, conditions and < or >, an argument in braces, a letter (^FB, ^ti and ^to have two more).
  for (const match of format.replaceAll('\\"', '"').matchAll(/%[<>!\d,]*(?:\{([^}]*)\})?(\^..|[A-Za-z%])|([^%]+|%)/gs)) {
    const [, argument, letter, text] = match;
    if (letter === undefined) parts.push(lit(text ?? ''));
    else parts.push(...apacheDirective(letter, argument ?? null));
  }
  return joined(parts);
}
