// What the package offers to programs: read a site file, judge a saved bundle, and the shapes of both and of the report.
import { causes } from './causes/index.ts';
import { parseBundle } from './engine/bundle.ts';
import { judgeBundle } from './engine/report.ts';
import type { Report } from './model/report.ts';
import type { Language } from './model/text.ts';

export type { Bundle, Evidence } from './model/evidence.ts';
export { UserError } from './model/errors.ts';
export type { Report, ReportCause } from './model/report.ts';
export { reportSchema } from './model/report.ts';
export type { Site } from './model/site.ts';
export { siteSchema } from './model/site.ts';
export { readSite } from './site/read-site.ts';

/** Judges the text of a saved bundle with every known cause. Pure: the same text gives the same report. Throws UserError on other text. */
export function judge(bundleText: string, options: { readonly language?: Language; readonly name?: string } = {}): Report {
  return judgeBundle(parseBundle(bundleText, options.name ?? 'bundle'), causes, options.language ?? 'en');
}
