// Builds HTML so that nothing from outside can become markup: the template tag escapes every value that is not itself built by it.
import { plainBlock } from '../model/neutral.ts';

/** Markup that was built by `markup`, and so is safe to nest. */
export interface Html {
  readonly html: string;
}
export type HtmlValue = string | number | Html | readonly Html[];

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;', '`': '&#96;' };

/** The one place where text becomes HTML: control and bidi characters are made visible, then markup characters become entities. */
export function escapeHtml(text: string): string {
  return plainBlock(text).replace(/[&<>"'`]/g, (character) => entities[character] ?? '');
}

function valueMarkup(value: HtmlValue): string {
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  return 'html' in value ? value.html : value.map((each) => each.html).join('');
}

/**
 * Template tag. Attribute values must be quoted in the template. Not called `html`, so that no formatter rewrites the space inside,
 * which matters in `pre` and `style`.
 */
export function markup(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return { html: strings.reduce((text, part, i) => text + valueMarkup(values[i - 1] ?? '') + part) };
}

export const nothing: Html = { html: '' };
