// Colours as a value: renderers ask for a style by meaning, and what comes back depends only on the level passed in.

/** `false`/0 is no colour at all; 1 is the 16 colours of every terminal. More levels exist in terminals, but a report needs no more. */
export type ColourLevel = boolean | 0 | 1 | 2 | 3;

export type Style = 'title' | 'bad' | 'warn' | 'good' | 'quiet' | 'command' | 'label' | 'plain';
export type Paint = (style: Style, text: string) => string;

// Only attributes and the base palette, so that each terminal's own theme decides how they look on light and dark.
const codes: Readonly<Record<Style, readonly [open: string, close: string]>> = {
  title: ['1', '22'],
  bad: ['1;31', '22;39'],
  warn: ['33', '39'],
  good: ['32', '39'],
  quiet: ['2', '22'],
  command: ['36', '39'],
  label: ['1', '22'],
  plain: ['', ''],
};

/** A painter for one level. Without colour it returns the text unchanged. */
export function paintWith(level: ColourLevel): Paint {
  if (level === false || level === 0) return (_, text) => text;
  return (style, text) => {
    if (text === '' || style === 'plain') return text;
    const [open, close] = codes[style];
    return `\u001b[${open}m${text}\u001b[${close}m`;
  };
}
