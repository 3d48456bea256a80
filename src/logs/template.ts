// Shapes of messages: lines that say the same about different requests become equal, so that unknown lines can be counted and shown.

const inputLimit = 1024;
const outputLimit = 200;

/** Quoted text, a value behind `=`, or a word. Each alternative ends where it cannot go on, so one pass is linear. */
// oxlint-disable-next-line no-control-regex -- control characters are what separates words here
const part = /"[^"]*"?|`[^`]*`?|(?<![\p{L}\p{N}])'[^']*'|(?<==)[^\s,;&"'()[\]{}<>]+|[^\s,;="'`()[\]{}<>|\x00-\x1f\x7f]+/gu;

/** Words with digits that name a thing and not an instance of it: `AH01114`, `ORA-12541`, `HTTP/1.1`, `utf8mb4`. */
const named =
  /^(?:[A-Z]{2,6}-?\d{3,6}|HTTP\/\d(?:\.\d)?|https?\d?|h2c?|IPv[46]|ipv[46]|sha\d+|md5|utf-?8\w{0,4}|x509|x86_64|php\d?|TLSv1(?:\.\d)?|SSLv\d|OAuth2?|base64|[KMG]i?B)[:.]?$/u;

const hole = '…';

function shapeOf(word: string): string {
  const first = word.charCodeAt(0);
  if (first === 0x22 || first === 0x27 || first === 0x60) {
    const quote = word.charAt(0);
    return `${quote}${hole}${quote}`;
  }
  if (word.length > 64) return hole;
  if (/\d/.test(word)) {
    if (named.test(word)) return word;
    // `0.5ms`, `[pid:12]`, `10.0.0.1:80.`: what ends a sentence stays.
    const end = /[:.!?]+$/.exec(word)?.[0] ?? '';
    return `${hole}${end}`;
  }
  if (word.includes('/')) {
    if (word.startsWith('/') || word.includes('://') || word.indexOf('/') !== word.lastIndexOf('/')) {
      return `${word.startsWith('unix:') ? 'unix:' : ''}${hole}${word.endsWith(':') ? ':' : ''}`;
    }
    return word;
  }
  if (word.includes('@')) return hole;
  return word;
}

/** The line of a record that says what happened: the first, and of a Python traceback the last. */
function essence(message: string): string {
  const head = message.slice(0, inputLimit);
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
  const shaped = essence(message)
    .replace(part, (word, offset: number, whole: string) => (whole.charCodeAt(offset - 1) === 0x3d ? hole : shapeOf(word)))
    // oxlint-disable-next-line no-control-regex -- what could move a cursor has no place in a shape
    .replace(/[\s\x00-\x1f\x7f\u2028\u2029]+/gu, ' ')
    .replace(/…(?:[ ,;:|/-]{0,3}…)+/gu, hole)
    .trim();
  return shaped.length <= outputLimit ? shaped : `${shaped.slice(0, outputLimit - 1).replace(/[\uD800-\uDBFF]$/u, '')}${hole}`;
}
