// Text that a person reads exists in every language why5xx speaks. Judges and fixes write it; reports choose one.

export const languages = ['en', 'zh'] as const;
export type Language = (typeof languages)[number];

/** One sentence in each language. Plain text: no markup, no terminal codes. May quote evidence; reports neutralise it. */
export interface Localised {
  readonly en: string;
  readonly zh: string;
}

/** Short form for writing a sentence in both languages. */
export function say(en: string, zh: string): Localised {
  return { en, zh };
}

export function inLanguage(text: Localised, language: Language): string {
  return text[language];
}
