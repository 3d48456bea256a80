// The causes that only logs show, for `why5xx causes` and `why5xx explain`. Loading the rules takes a moment: whoever needs them imports this
// late.
import { logCausePage } from '../logs/explain/cause-page.ts';
import { logRules } from '../logs/explain/rules/index.ts';
import { signatures } from '../logs/signatures.ts';
import type { Layer } from '../model/finding.ts';
import type { Language, Localised } from '../model/text.ts';

/** A cause without a folder of its own. */
export interface LogCause {
  readonly id: string;
  readonly title: Localised;
  readonly layer: Layer;
  /** Markdown. */
  page(language: Language): string;
}

/** Those that logs name and that are not among `others`. */
export function logCauses(others: readonly { readonly id: string }[]): readonly LogCause[] {
  const known = new Set(others.map(({ id }) => id));
  return logRules
    .filter((rule) => !known.has(rule.cause))
    .map((rule) => ({
      id: rule.cause,
      title: rule.title,
      layer: rule.layer,
      page: (language) => logCausePage(rule, logRules, signatures, language),
    }));
}
