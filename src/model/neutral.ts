// Makes text from outside safe to show: a log line must not move a cursor, ring a bell, reverse a sentence or hide in one. Every
// output passes through here; nothing is dropped, it is shown as an escape.

// C0, DEL, C1, soft hyphen, Arabic letter mark, zero width and bidi controls, line and paragraph separators, word joiner and
// invisible operators, Hangul and Mongolian fillers, BOM, interlinear marks, tag characters; grapheme joiner, Khmer and Mongolian
// invisible vowels and variation selectors (apart from emoji's); lone surrogates.
const unsafe =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\u{e0000}-\u{e0fff}]|\u034f|[\u17b4\u17b5]|[\u180b-\u180d\u180f]|[\ufe00-\ufe0e]|\p{Surrogate}/gu;

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** How one character that must not be shown is written: `\n`, `\x1b`, `\u202e`, `\u{e0041}`. */
export function visibleEscape(character: string): string {
  const known = short[character];
  if (known !== undefined) return known;
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
}

/** Text on one line: every control, bidi, zero-width and invisible character becomes a visible escape, line ends and tabs too. */
export function plain(text: string): string {
  return text.replace(unsafe, visibleEscape);
}

/** The same over several lines: line ends stay, tabs become four spaces. */
export function plainBlock(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(unsafe, (character) => {
    if (character === '\n') return '\n';
    return character === '\t' ? '    ' : visibleEscape(character);
  });
}

/** Whether the text holds anything that `plain` would rewrite. */
export function hasUnsafe(text: string): boolean {
  unsafe.lastIndex = 0;
  const found = unsafe.test(text);
  unsafe.lastIndex = 0;
  return found;
}
