// Messages of nginx that differ in each line and still say the same: what stands in the places that differ decides nothing. Each is named with
// the signature that the catalogue gives it, and nothing is learnt where the catalogue says otherwise.

/** Anything but a quote, but a blank; digits; digits and dots. No comma in any: the tail of a line begins with one. */
type Value = 'quoted' | 'word' | 'digits' | 'decimal';

/** A message: words, a value, words, a value … A value is not empty, and ends where its characters do. */
interface Varying {
  readonly signature: string;
  readonly words: readonly Uint8Array[];
  readonly values: readonly Value[];
}

const message = (signature: string, words: readonly string[], ...values: readonly Value[]): Varying => ({
  signature,
  words: words.map((each) => Uint8Array.from(Buffer.from(each, 'latin1'))),
  values,
});

/** No more than these: a log has few kinds of lines that come by the thousand. */
export const varyingMessages: readonly Varying[] = [
  message('file-not-found', ['open() "', '" failed (2: No such file or directory)'], 'quoted'),
  message('file-not-found', ['open() "', '" failed (20: Not a directory)'], 'quoted'),
  message('buffered-to-disk', ['an upstream response is buffered to a temporary file ', ' while reading upstream'], 'word'),
  message('buffered-to-disk', ['a client request body is buffered to a temporary file ', ''], 'word'),
  message('file-forbidden', ['directory index of "', '" is forbidden'], 'quoted'),
  message('request-body-too-large', ['client intended to send too large body: ', ' bytes'], 'digits'),
  message('limit-requests', ['limiting requests, excess: ', ' by zone "', '"'], 'decimal', 'quoted'),
  message('delay-requests', ['delaying request, excess: ', ', by zone "', '"'], 'decimal', 'quoted'),
];

/** Those that begin with this character. */
const byFirst: readonly (readonly number[])[] = Array.from({ length: 256 }, (_, code) =>
  varyingMessages.flatMap(({ words }, i) => (words[0]?.[0] === code ? [i] : [])),
);
const none: readonly number[] = [];

/** Those that a message may be which begins with this byte. */
export const varyingBeginning = (byte: number): readonly number[] => byFirst[byte] ?? none;

/** Where the varying message that begins at `from` ends; -1 where it is another one. */
export function varyingEnd(index: number, bytes: Uint8Array, from: number): number {
  const one = varyingMessages[index];
  if (one === undefined) return -1;
  const { words, values } = one;
  let at = from;
  for (let part = 0; part < words.length; part++) {
    const some = words[part];
    if (some === undefined) return -1;
    for (let i = 0; i < some.length; i++) if (bytes[at + i] !== some[i]) return -1;
    at += some.length;
    const value = values[part];
    if (value === undefined) continue;
    const end = value === 'quoted' ? textEnd(bytes, at, 0x22) : value === 'word' ? textEnd(bytes, at, 0x20) : numberEnd(bytes, at, value);
    if (end === at) return -1;
    at = end;
  }
  return at;
}

function textEnd(bytes: Uint8Array, from: number, stop: number): number {
  for (let i = from; ; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === stop || byte < 0x20 || byte > 0x7e || byte === 0x2c) return i;
  }
}

function numberEnd(bytes: Uint8Array, from: number, value: Value): number {
  const dot = value === 'decimal' ? 0x2e : 0x30;
  for (let i = from; ; i++) {
    const byte = bytes[i] ?? 0;
    if ((byte < 0x30 || byte > 0x39) && byte !== dot) return i;
  }
}
