// The text of every published JSON Schema, by file name. Used by the script that writes them and by the test that compares them.
import { z } from 'zod';

import { reportSchema } from '../src/model/report.ts';
import { siteJsonSchema } from '../src/model/site.ts';

/** File name in schemas/ and content, pretty JSON with a line end at its end. */
export function schemaTexts(): ReadonlyMap<string, string> {
  // As input, so that unknown keys are allowed: a later why5xx may add some without becoming report@2.
  const report = { title: 'why5xx report', description: 'What `why5xx -o json` prints', ...z.toJSONSchema(reportSchema, { io: 'input' }) };
  return new Map([
    ['report.json', pretty(report)],
    ['site.json', pretty(siteJsonSchema())],
  ]);
}

function pretty(schema: object): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}
