// The report (public contract, `why5xx/report@1`): what every output format shows and `-o json` prints. This zod schema is the only
// source of its types and of the published JSON Schema. All text is in one language, `language`.
import { z } from 'zod';

import { layers } from './finding.ts';
import { logAnalysisSchema } from './log-analysis.ts';
import { languages } from './text.ts';

// A program checks one report in its life: compiling the check takes longer than the check.
z.config({ jitless: true });

const citation = z.object({
  evidence: z.string().describe('Key in `evidence`'),
  path: z.string().describe("RFC 6901 pointer below that evidence's `data`"),
  says: z.string(),
});

const step = z.object({
  title: z.string(),
  host: z.string().nullable(),
  hosts: z.array(z.string()).optional().describe('Every host to do it on, where there are several; `host` is the first of them'),
  command: z.array(z.string()).optional().describe('Argument list, never a shell string'),
  config: z.object({ file: z.string(), text: z.string() }).optional(),
  undo: z.array(z.string()).optional(),
  risk: z.enum(['none', 'low', 'medium', 'high']),
});

export const reportSchema = z.object({
  schema: z.literal('why5xx/report@1'),
  tool: z.string(),
  language: z.enum(languages),
  site: z.string(),
  url: z.string(),
  startedAt: z.string(),
  tookMs: z.number(),
  outcome: z.enum(['healthy', 'cause-found', 'cause-unproven']),
  requestsSent: z.number().optional().describe('Requests that clients sent in this run'),
  symptoms: z.array(
    z.object({
      id: z.string(),
      url: z.string(),
      method: z.string(),
      client: z.string(),
      status: z.number().nullable(),
      error: z.string().nullable(),
      answeredBy: z.object({
        hop: z.enum(['edge', 'balancer', 'backend', 'isp', 'unknown']),
        host: z.string().nullable(),
        product: z.string().nullable(),
        by: z.enum(['log', 'page', 'bypass', 'none']),
      }),
      failed: z.number(),
      of: z.number(),
      p50Ms: z.number(),
      maxMs: z.number(),
      backends: z.array(z.string()),
      samples: z
        .array(
          z.object({
            nonce: z.string().describe('In the User-Agent of that request, so that every log on its way can be searched for it'),
            at: z.string(),
            from: z.string().nullable().describe("The client's address, where it is known"),
            to: z.string().nullable().describe('Address and port that the client connected to'),
          }),
        )
        .optional()
        .describe('Some of the failing requests, for those who must find them in their own logs'),
    }),
  ),
  causes: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      host: z.string().nullable().describe('null where it sits on no single host'),
      hosts: z.array(z.string()).describe('Every host it was found on'),
      layer: z.enum(layers),
      certainty: z.enum(['confirmed', 'likely']),
      explains: z.array(z.string()),
      summary: z.string(),
      because: z.array(citation).min(1),
      chain: z.array(z.string()).describe('From the root to the consequence that clients see'),
      fix: z.object({ summary: z.string(), steps: z.array(step), verify: z.string() }),
      docs: z.string(),
      seed: z.string().nullable(),
    }),
  ),
  advice: z.array(z.object({ id: z.string(), host: z.string().nullable(), summary: z.string(), because: z.array(citation) })),
  ruledOut: z.array(z.object({ id: z.string(), host: z.string().nullable(), because: z.array(citation) })),
  untested: z.array(z.object({ id: z.string(), host: z.string().nullable(), needs: z.string() })),
  /** The layer that the failure lies in, where no cause was proven but the layer is certain. */
  suspectedLayer: z.enum(layers).nullable(),
  steps: z.array(z.object({ step: z.string(), seed: z.string(), title: z.string(), result: z.string() })),
  /** The hops of the request's way, outermost first, for the drawing. */
  path: z.array(
    z.object({
      role: z.enum(['client', 'edge', 'balancer', 'backend', 'app']),
      name: z.string(),
      address: z.string().nullable(),
      product: z.string().nullable(),
      state: z.enum(['ok', 'failing', 'broken', 'unknown']),
      note: z.string().nullable(),
    }),
  ),
  /** Only in reports of `why5xx logs`. */
  logs: logAnalysisSchema.optional(),
  hosts: z.array(z.object({ host: z.string(), role: z.string(), access: z.enum(['ok', 'failed', 'none']), reason: z.string().nullable() })),
  evidence: z.record(
    z.string(),
    z.object({
      probe: z.string(),
      host: z.string().nullable(),
      vantage: z.string(),
      at: z.string(),
      status: z.enum(['ok', 'failed', 'skipped']),
      reason: z.string().optional(),
      data: z.unknown().optional(),
    }),
  ),
});

export type Report = z.output<typeof reportSchema>;
export type ReportCause = Report['causes'][number];
