// Shapes of messages: lines that say the same about different requests become equal, so that unknown lines can be counted and shown.

const inputLimit = 1024;
const outputLimit = 200;
const wordLimit = 64;
const hole = '…';

/** Words with digits that name a thing and not an instance of it: `AH01114`, `ORA-12541`, `HTTP/1.1`, `utf8mb4`. */
const named =
  /^(?:[A-Z]{2,6}-?\d{3,6}|HTTP\/\d(?:\.\d)?|https?\d?|h2c?|IPv[46]|ipv[46]|sha\d+|md5|utf-?8\w{0,4}|x509|x86_64|php\d?|TLSv1(?:\.\d)?|SSLv\d|OAuth2?|base64)[:.]?$/u;

// Classes of characters: what separates words, and what a word may tell by.
const space = 1;
const quote = 2;
const bracket = 3;
const digit = 4;
const slash = 5;
const at = 6;
const classes = new Uint8Array(128).fill(space, 0, 33);
classes[127] = space;
for (const [characters, is] of [
  ['"`\'', quote],
  ['()[]{}<>,;=|', bracket],
  ['0123456789', digit],
  ['/', slash],
  ['@', at],
] as const) {
  for (const each of characters) classes[each.charCodeAt(0)] = is;
}
const classOf = (code: number): number =>
  code < 128 ? (classes[code] ?? 0) : code <= 0xa0 || code === 0x2028 || code === 0x2029 ? space : 0;
const endsWord = (is: number): boolean => is >= space && is <= bracket;
const endsValue = (is: number): boolean => is === space || is === quote || is === bracket;

/** A word with its changing parts left out; what ends a sentence stays. */
function shapeOf(word: string, hasDigit: boolean, slashes: number, hasAt: boolean): string {
  if (word.length > wordLimit || hasAt) return hole;
  if (hasDigit) {
    if (named.test(word)) return word;
    const last = word.charAt(word.length - 1);
    return last === ':' || last === '.' || last === '!' || last === '?' ? hole + last : hole;
  }
  if (slashes > 1 || word.startsWith('/')) return (word.startsWith('unix:') ? 'unix:' : '') + hole + (word.endsWith(':') ? ':' : '');
  return word;
}

/** The line of a record that says what happened: the first, and of a Python traceback the last. */
function essence(message: string): string {
  const head = message.length > inputLimit ? message.slice(0, inputLimit) : message;
  const end = head.indexOf('\n');
  if (end < 0) return head;
  const first = head.slice(0, end);
  if (!first.startsWith('Traceback (most recent call last)')) return first;
  const tail = message.slice(-inputLimit).trimEnd();
  return `${first} ${tail.slice(tail.lastIndexOf('\n') + 1)}`;
}

/**
 * The message with its changing parts (numbers, addresses, paths, quoted text, ids, dates, values) as `…`, at most 200 characters. Equal for
 * equal messages, and linear in the first KiB, which is all that counts.
 */
export function messageTemplate(message: string): string {
  const text = essence(message);
  const { length } = text;
  let out = '';
  // Where the last hole ended in `out`, and whether only separators followed: a list of changing parts is one hole.
  let holeEnd = -1;
  let i = 0;
  const put = (piece: string): void => {
    if (piece.startsWith(hole) && holeEnd >= 0) out = out.slice(0, holeEnd - hole.length);
    out += piece;
    holeEnd = piece.startsWith(hole) ? out.length - piece.length + hole.length : -1;
    if (piece.length > hole.length + 1) holeEnd = -1;
  };
  while (i < length && out.length <= outputLimit) {
    const code = text.charCodeAt(i);
    const is = classOf(code);
    if (is === space) {
      if (!out.endsWith(' ') && out !== '') out += ' ';
      i++;
      continue;
    }
    if (is === quote) {
      const mark = text.charAt(i);
      const inWord = mark === "'" && i > 0 && !endsWord(classOf(text.charCodeAt(i - 1)));
      const close = inWord ? -1 : text.indexOf(mark, i + 1);
      holeEnd = -1;
      if (mark === "'" && close < 0) {
        out += mark;
        i++;
      } else {
        out += mark + hole + mark;
        i = close < 0 ? length : close + 1;
      }
      continue;
    }
    if (is === bracket) {
      out += text.charAt(i);
      i++;
      if (code !== 0x2c && code !== 0x3b && code !== 0x7c) holeEnd = -1;
      if (code !== 0x3d) continue;
      let end = i;
      while (end < length && !endsValue(classOf(text.charCodeAt(end)))) end++;
      if (end > i) put(hole);
      i = end;
      continue;
    }
    let end = i;
    let hasDigit = false;
    let slashes = 0;
    let hasAt = false;
    for (; end < length; end++) {
      const next = classOf(text.charCodeAt(end));
      if (endsWord(next)) break;
      if (next === digit) hasDigit = true;
      else if (next === slash) slashes++;
      else if (next === at) hasAt = true;
    }
    put(shapeOf(text.slice(i, end), hasDigit, slashes, hasAt));
    i = end;
  }
  const shaped = out.trimEnd();
  return shaped.length <= outputLimit ? shaped : `${shaped.slice(0, outputLimit - 1).replace(/[\uD800-\uDBFF]$/u, '')}${hole}`;
}
