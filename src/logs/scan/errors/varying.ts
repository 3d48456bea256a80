// Messages of nginx that differ in each line and still say the same: what stands in the places that differ decides nothing. Each is named with
// the signature that the catalogue gives it, and nothing is learnt where the catalogue says otherwise.

/**
 * Anything but a blank; anything but a quote; the same, but no path of nginx's own temporary files; digits; digits and dots. No comma in any:
 * the tail of a line begins with one.
 */
type Value = 'word' | 'quoted' | 'file' | 'digits' | 'decimal';

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

/** No more than these: a log has few kinds of lines that come by the thousand. A test holds them to the catalogue. */
export const varyingMessages: readonly Varying[] = [
  message('file-not-found', ['open() "', '" failed (2: No such file or directory)'], 'file'),
  message('file-not-found', ['open() "', '" failed (20: Not a directory)'], 'file'),
  message('buffered-to-disk', ['an upstream response is buffered to a temporary file ', ' while reading upstream'], 'word'),
  message('buffered-to-disk', ['a client request body is buffered to a temporary file ', ''], 'word'),
  message('file-forbidden', ['directory index of "', '" is forbidden'], 'quoted'),
  message('request-body-too-large', ['client intended to send too large body: ', ' bytes'], 'digits'),
  message('limit-requests', ['limiting requests, excess: ', ' by zone "', '"'], 'decimal', 'quoted'),
  message('delay-requests', ['delaying request, excess: ', ', by zone "', '"'], 'decimal', 'quoted'),
];

const kinds: Readonly<Record<Value, number>> = { word: 1, quoted: 2, file: 3, digits: 4, decimal: 5 };

/** The same as the kernel reads them: of each its size, then words with their length in front and the kind of the value behind. */
export function varyingTable(): Uint8Array {
  const table: number[] = [];
  for (const { words, values } of varyingMessages) {
    const parts = words.flatMap((some, i) => {
      const value = values[i];
      return [some.length, ...some, value === undefined ? 0 : kinds[value]];
    });
    table.push(parts.length + 2, 0, ...parts);
  }
  return Uint8Array.from([...table, 0, 0]);
}
