// Splits lines of blank-separated fields, some of them quoted.

/**
 * Words of a line; a word that begins with a quote ends at the quote in front of a blank or the end, and loses both. At most `most`; what is
 * behind them is left out. Null where a quote does not close.
 */
export function quotedWords(line: string, most: number): string[] | null {
  const words: string[] = [];
  let at = 0;
  while (at < line.length && words.length < most) {
    let end: number;
    if (line[at] === '"') {
      end = line.indexOf('"', at + 1);
      while (end > 0 && end + 1 < line.length && line[end + 1] !== ' ') end = line.indexOf('"', end + 1);
      if (end < 0) return null;
      words.push(line.slice(at + 1, end));
      end++;
    } else {
      end = line.indexOf(' ', at);
      if (end < 0) end = line.length;
      words.push(line.slice(at, end));
    }
    at = end + 1;
  }
  return words;
}

/** Fields of a CSV line: quoted ones may hold commas, and quotes as `""`. Null where a quote does not close. */
export function csvFields(line: string, most: number): string[] | null {
  const fields: string[] = [];
  let at = 0;
  while (at <= line.length && fields.length < most) {
    let end: number;
    if (line[at] === '"') {
      end = line.indexOf('"', at + 1);
      while (end > 0 && line[end + 1] === '"') end = line.indexOf('"', end + 2);
      if (end < 0) return null;
      fields.push(line.slice(at + 1, end).replaceAll('""', '"'));
      end++;
      if (end < line.length && line[end] !== ',') return null;
    } else {
      end = line.indexOf(',', at);
      if (end < 0) end = line.length;
      fields.push(line.slice(at, end));
    }
    at = end + 1;
  }
  return fields;
}
