// What a log analysis adds to a report: the timeline, the tables and the state of every input. Renderers draw it; `-o json` prints it.
import { z } from 'zod';

const series = z.object({
  key: z.string().nullable().describe('Cause id, backend or path; null for what no cause explains'),
  total: z.number(),
  counts: z.array(z.number()).describe('One number per bucket'),
});

const row = z.object({ key: z.string(), count: z.number(), share: z.number().describe('Of all failing requests, 0 to 1') });
const table = z.object({ rows: z.array(row), dropped: z.number().describe('Failing requests that the capped table could not hold') });

const sampleLine = z.object({
  input: z.string(),
  line: z.number().describe('Counted from 1, after decompression'),
  at: z.string().nullable(),
  text: z.string().describe('Redacted, control characters escaped, shortened'),
});

export const logAnalysisSchema = z.object({
  from: z.string().nullable(),
  to: z.string().nullable(),
  requests: z.number().nullable().describe('null where no access log was given'),
  failed: z.number().describe('Requests answered 500 to 599, or not at all where the log says so'),
  timeline: z.object({
    start: z.string().nullable(),
    stepSeconds: z.number(),
    requests: z.array(z.number()),
    failed: z.array(z.number()),
    byCause: z.array(series),
    byBackend: z.array(series),
    byPath: z.array(series),
  }),
  byStatus: table,
  byAnswerer: table,
  byBackend: z.object({
    rows: z.array(z.object({ key: z.string(), requests: z.number().nullable(), failed: z.number(), rate: z.number().nullable() })),
    dropped: z.number(),
  }),
  byPath: table,
  byClientNetwork: table,
  /** What the causes rest on; `causes[].because` cites the evidence of the same id. */
  occurrences: z.array(
    z.object({
      cause: z.string(),
      count: z.number(),
      first: z.string().nullable(),
      last: z.string().nullable(),
      samples: z
        .array(z.object({ request: sampleLine.nullable(), lines: z.array(sampleLine) }))
        .describe('A failing request and the lines of other logs about it'),
    }),
  ),
  /** Failing requests that no line explains, by what is known of them. */
  unexplained: z.array(z.object({ what: z.string(), count: z.number(), needs: z.string(), samples: z.array(sampleLine) })),
  /** Error lines that no signature knows, by shape. */
  unknownLines: z.array(
    z.object({
      template: z.string(),
      count: z.number(),
      first: z.string().nullable(),
      last: z.string().nullable(),
      samples: z.array(sampleLine),
    }),
  ),
  correlation: z.object({
    joined: z.number().describe('Failing requests that an error line belongs to'),
    of: z.number(),
    by: z.record(z.string(), z.number()).describe('request-id, client+request, request …'),
    skews: z.array(
      z.object({
        input: z.string(),
        against: z.string(),
        offsetMs: z.number(),
        pairs: z.number(),
        kind: z.enum(['zone', 'clock', 'none']),
      }),
    ),
  }),
  inputs: z.array(
    z.object({
      name: z.string(),
      format: z.string().nullable(),
      dialect: z.string().nullable(),
      compression: z.string(),
      bytes: z.number(),
      lines: z.number(),
      parsed: z.number(),
      furniture: z.number(),
      unparsed: z.number(),
      otherFormats: z.record(z.string(), z.number()),
      first: z.string().nullable(),
      last: z.string().nullable(),
      zone: z.string().nullable().describe('`logged`, or how the zone was found'),
      notes: z.array(z.string()),
    }),
  ),
  limits: z.array(z.string()).describe('Tables that were full, in words; empty when everything was counted'),
  bytes: z.number(),
  scanMs: z.number(),
});

export type LogAnalysis = z.output<typeof logAnalysisSchema>;
