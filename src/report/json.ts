// The report for programs: pretty JSON in the order of the schema, so that two runs can be compared line by line.
import { reportSchema, type Report } from '../model/report.ts';

// JSON.stringify leaves C1 controls, bidi marks and line separators as they are; a terminal or editor would act on them.
const rest = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** `why5xx/report@1` with a line end at its end. Keys come in schema order whatever order the report was built in. */
export function renderJson(report: Report): string {
  const ordered = reportSchema.parse(report);
  const text = JSON.stringify(ordered, null, 2);
  return `${text.replace(rest, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}

/** A report that was saved as JSON; null where the text is none. Never throws. */
export function parseReport(text: string): Report | null {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = reportSchema.safeParse(data);
  return parsed.success ? parsed.data : null;
}
