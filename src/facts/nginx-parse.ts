// Reads the text that `nginx -T` prints into directives with file and line. An own parser, because judges and fixes point at lines and the
// parsers on npm drop positions.
import type { NginxDirective } from '../model/observations.ts';
import { isPlainHeader, isSecretName, redacted, redactText } from '../model/redact.ts';

interface Token {
  readonly text: string;
  readonly line: number;
  /** Quoted words are never punctuation. */
  readonly quoted: boolean;
}

/** A parsed configuration. `error` is the first thing that could not be understood; what stood before it is there. */
export interface ParsedNginx {
  readonly directives: readonly NginxDirective[];
  /** Every file that was dumped, the main one first. */
  readonly files: readonly string[];
  readonly error: string | null;
}

const maxDirectives = 20_000;
/** Blocks whose entries are data: kept short, since a `geo` of an address list has millions. */
const dataBlocks = new Set(['types', 'map', 'geo', 'charset_map', 'split_clients']);
const maxDataEntries = 100;

/** Index behind the `}` that closes a Lua block opened before `start`; strings and comments of Lua may hold braces. */
function skipLua(text: string, start: number): number {
  let depth = 1;
  let i = start;
  while (i < text.length && depth > 0) {
    const c = text[i];
    if (c === '-' && text[i + 1] === '-') {
      const long = /^--\[(=*)\[/.exec(text.slice(i, i + 20));
      const end = long ? text.indexOf(`]${long[1]}]`, i) : text.indexOf('\n', i);
      i = end < 0 ? text.length : end;
    } else if (c === '[' && /^\[=*\[/.test(text.slice(i, i + 18))) {
      const equals = /^\[(=*)\[/.exec(text.slice(i, i + 18))?.[1] ?? '';
      const end = text.indexOf(`]${equals}]`, i + 2);
      i = end < 0 ? text.length : end + equals.length + 1;
    } else if (c === '"' || c === "'") {
      i++;
      while (i < text.length && text[i] !== c && text[i] !== '\n') i += text[i] === '\\' ? 2 : 1;
    } else if (c === '{') depth++;
    else if (c === '}') depth--;
    i++;
  }
  return i;
}

/** Words and punctuation with their lines. */
function tokenize(text: string): { tokens: Token[]; error: string | null } {
  const tokens: Token[] = [];
  let line = 1;
  let i = 0;
  let statement = 0; // index of the first token of the running statement
  while (i < text.length) {
    const c = text[i] ?? '';
    if (c === '\n') line++;
    if (/\s/.test(c)) {
      i++;
    } else if (c === '#') {
      const end = text.indexOf('\n', i);
      i = end < 0 ? text.length : end;
    } else if (c === ';' || c === '}' || c === '{') {
      tokens.push({ text: c, line, quoted: false });
      i++;
      const name = tokens[statement]?.text ?? '';
      statement = tokens.length;
      if (c === '{' && name.endsWith('_by_lua_block')) {
        const end = skipLua(text, i);
        line += text.slice(i, end).split('\n').length - 1;
        tokens.push({ text: '}', line, quoted: false });
        statement = tokens.length;
        i = end;
      }
    } else if (c === '"' || c === "'") {
      const begin = line;
      let word = '';
      i++;
      while (i < text.length && text[i] !== c) {
        if (text[i] === '\n') line++;
        if (text[i] === '\\' && i + 1 < text.length) {
          const next = text[i + 1] ?? '';
          word += next === c || next === '\\' ? next : ({ n: '\n', r: '\r', t: '\t' }[next] ?? `\\${next}`);
          i += 2;
        } else word += text[i++];
      }
      if (i >= text.length) return { tokens, error: `line ${begin}: the quotation is not closed` };
      i++;
      tokens.push({ text: word, line, quoted: true });
    } else {
      const start = i;
      // As nginx does it: a brace ends a word unless it follows a dollar sign, which is why patterns with braces stand in quotes.
      while (i < text.length && !/[\s;]/.test(text[i] ?? '')) {
        if (text[i] === '{' && text[i - 1] !== '$') break;
        i += text[i] === '\\' ? 2 : 1;
      }
      i = Math.min(i, text.length);
      tokens.push({ text: text.slice(start, i).replaceAll(/\\([;\s"'])/g, '$1'), line, quoted: false });
    }
  }
  return { tokens, error: null };
}

/** Directives of one file, `include` left as it stands. */
export function parseNginxFile(text: string, file: string): { directives: NginxDirective[]; error: string | null } {
  const { tokens, error } = tokenize(text);
  interface Frame {
    readonly name: string;
    readonly args: readonly string[];
    readonly list: NginxDirective[];
  }
  const root: Frame = { name: '', args: [], list: [] };
  const stack: Frame[] = [root];
  let words: Token[] = [];
  let trouble = error;
  let count = 0;
  for (const token of tokens) {
    const top = stack.at(-1) ?? root;
    const punctuation = token.quoted ? '' : token.text;
    if (punctuation === '}') {
      if (stack.length === 1) trouble ??= `line ${token.line}: unexpected "}"`;
      else stack.pop();
      words = [];
    } else if (punctuation === ';' || punctuation === '{') {
      const [first, ...rest] = words;
      words = [];
      const block: NginxDirective[] | null = punctuation === '{' ? [] : null;
      if (first === undefined) {
        if (block === null) trouble ??= `line ${token.line}: unexpected "${punctuation}"`;
      } else {
        const kept =
          ++count <= maxDirectives && !(dataBlocks.has(top.name) && top.list.length >= (top.name === 'types' ? 0 : maxDataEntries));
        if (kept)
          top.list.push({
            name: isKeyOfSecret(first.text, top) ? redacted : first.text,
            args: hideSecrets(
              first.text,
              rest.map((word) => word.text),
              top,
            ),
            file,
            line: first.line,
            block,
          });
      }
      if (block !== null) stack.push({ name: first?.text ?? '', args: rest.map((word) => word.text), list: block });
    } else words.push(token);
  }
  if (stack.length > 1) trouble ??= `a "{" is not closed`;
  return { directives: root.list, error: trouble };
}

/** What a request brings along that may be a key: every query value and cookie, and headers that say nothing of how to handle it. */
const fromRequest =
  /\$(arg_\w+|cookie_\w+|http_(?!host\b|user_agent|upgrade|connection|accept|referer|origin|range|x_forwarded|x_real|x_requested|content_|if_|expect|te\b|via\b)\w+)/i;

/** In `map $cookie_session $role { KEY admin; }` the keys are what only some clients should know. */
function isKeyOfSecret(name: string, inside: { readonly name: string; readonly args: readonly string[] }): boolean {
  return inside.name === 'map' && fromRequest.test(inside.args[0] ?? '') && !/^(default|hostnames|volatile|include|)$/.test(name);
}

const headerSetters = new Set(['proxy_set_header', 'grpc_set_header', 'add_header', 'add_trailer']);
const plainParameter =
  /^(SCRIPT_(FILENAME|NAME)|PATH_(INFO|TRANSLATED)|QUERY_STRING|REQUEST_(METHOD|URI|SCHEME)|CONTENT_(TYPE|LENGTH)|DOCUMENT_(ROOT|URI)|SERVER_\w+|REMOTE_(ADDR|PORT|USER)|HTTPS|GATEWAY_INTERFACE|REDIRECT_STATUS|HTTP_(HOST|PROXY)|PHP_(ADMIN_)?VALUE)$/i;
/** Values that configure: numbers, switches, paths, addresses, names, other variables. */
const plainValue =
  /^(.{0,5}|[\d.]+[a-z]{0,2}|[a-z_]{1,24}|[a-z][a-z_-]{0,31}|(https?|fastcgi|grpcs?|unix):.*|\/.*|.*\$.*|[\w-]+(\.[\w-]+)+(:\d+)?|\[[\da-f:]+\](:\d+)?)$/i;

/** Arguments without secrets: what follows the name of a secret, and what is set under a name of somebody's own making. */
function hideSecrets(
  name: string,
  args: readonly string[],
  inside: { readonly name: string; readonly args: readonly string[] },
): readonly string[] {
  if (name === 'secure_link_md5' || name === 'secure_link_secret' || name === 'auth_jwt_key') return args.map(() => redacted);
  if (name === 'env') return args.map((arg) => arg.replace(/=.*/s, `=${redacted}`));
  if (name === 'if' && fromRequest.test(args.join(' '))) return ['(', redacted, ')'];
  if (dataBlocks.has(inside.name) && (isSecretName(name) || isSecretName((inside.args.at(-1) ?? '').replace(/^\$/, ''))))
    return args.map(() => redacted);
  const [first = ''] = args;
  const ownName =
    (headerSetters.has(name) && !isPlainHeader(first)) || (/^(fastcgi|uwsgi|scgi)_param$/.test(name) && !plainParameter.test(first));
  return args.map((arg, i) => {
    const before = args[i - 1];
    if (i > 0 && before !== undefined && isSecretName(before.replace(/^\$/, '').replace(/^http_/i, '')) && !/^\$\w+$/.test(arg))
      return redacted;
    if (i === 1 && ownName && !/^(\$\w+|\$\{\w+\}|[\s:;,/-])*$/.test(arg)) return redacted;
    if (i === 1 && name === 'set' && !plainValue.test(arg)) return redacted;
    return redactText(arg);
  });
}

/** Whether a path fits a shell pattern as `include` takes it: `*`, `?` and `[…]` stay inside one directory level. */
export function globMatches(pattern: string, path: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]')
    .replaceAll('[!', '[^');
  try {
    return new RegExp(`^${source}$`).test(path);
  } catch {
    return pattern === path;
  }
}

const banner = /^# configuration file (.+):$/;

/** Takes a dump with `# configuration file X:` lines apart, into files and texts. */
export function splitDump(dump: string): { file: string; text: string }[] {
  const files: { file: string; lines: string[] }[] = [];
  for (const line of dump.split('\n')) {
    const match = banner.exec(line);
    if (match) files.push({ file: match[1] ?? '', lines: [] });
    else files.at(-1)?.lines.push(line);
  }
  return files.map(({ file, lines }) => ({ file, text: lines.join('\n') }));
}

/** Parses a whole dump; every `include` is replaced by what it includes, secrets are removed. */
export function parseNginxDump(dump: string): ParsedNginx {
  const files = new Map<string, { directives: NginxDirective[]; error: string | null }>();
  for (const { file, text } of splitDump(dump)) if (!files.has(file)) files.set(file, parseNginxFile(text, file));
  const names = [...files.keys()];
  const main = names[0];
  if (main === undefined) return { directives: [], files: [], error: null };
  const folder = main.slice(0, main.lastIndexOf('/'));
  let budget = maxDirectives;
  const resolve = (list: readonly NginxDirective[], open: readonly string[]): NginxDirective[] =>
    list.flatMap((directive) => {
      if (--budget < 0) return [];
      const pattern = directive.args[0];
      if (directive.name === 'include' && directive.block === null && pattern !== undefined) {
        const absolute = pattern.startsWith('/') ? pattern : `${folder}/${pattern}`;
        const found = names.filter((name) => name !== main && !open.includes(name) && globMatches(absolute, name));
        if (found.length > 0 && open.length < 20)
          return found.toSorted().flatMap((name) => resolve(files.get(name)?.directives ?? [], [...open, name]));
        return [directive];
      }
      if (directive.name === 'types' && directive.block !== null) return [{ ...directive, block: [] }];
      return [directive.block === null ? directive : { ...directive, block: resolve(directive.block, open) }];
    });
  const broken = [...files].find(([, parsed]) => parsed.error !== null);
  return {
    directives: resolve(files.get(main)?.directives ?? [], [main]),
    files: names,
    error: broken ? `${broken[0]}: ${broken[1].error}` : null,
  };
}
