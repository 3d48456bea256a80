// The bundle: all evidence of one run in one file. Written here and nowhere else, so that redaction has one choke point.
import { z } from 'zod';

import type { Bundle, Evidence, HostAccess, SiteFacts } from '../model/evidence.ts';
import { UserError } from '../model/errors.ts';
import { redactJson } from '../model/redact.ts';

/** Evidence of one run without its secrets. Everything after this, judging included, sees only what a saved file would hold. */
export function makeBundle(parts: {
  readonly tool: string;
  readonly startedAt: Date;
  readonly tookMs: number;
  readonly run: string;
  readonly site: SiteFacts;
  readonly hosts: readonly HostAccess[];
  readonly evidence: readonly Evidence[];
  readonly secrets: readonly string[];
}): Bundle {
  const { secrets, startedAt, ...rest } = parts;
  // Through JSON, so that what is judged now is to the byte what a saved bundle gives later.
  const plain: unknown = JSON.parse(JSON.stringify({ schema: 'why5xx/bundle@1', ...rest, startedAt: startedAt.toISOString() }));
  return redactJson(plain as Bundle, secrets);
}

const envelope = z.looseObject({
  schema: z.literal('why5xx/bundle@1'),
  tool: z.string(),
  startedAt: z.string(),
  tookMs: z.number(),
  run: z.string(),
  site: z.looseObject({
    name: z.string(),
    url: z.string(),
    edge: z.array(z.unknown()),
    backends: z.array(z.unknown()),
    clients: z.array(z.unknown()),
  }),
  hosts: z.array(
    z.looseObject({ host: z.string(), role: z.enum(['client', 'edge', 'balancer', 'backend']), access: z.enum(['ok', 'failed', 'none']) }),
  ),
  evidence: z.array(
    z.discriminatedUnion('status', [
      z.looseObject({ id: z.string(), probe: z.string(), host: z.string(), status: z.literal('ok'), data: z.looseObject({}) }),
      z.looseObject({ id: z.string(), probe: z.string(), host: z.string(), status: z.enum(['failed', 'skipped']), reason: z.string() }),
    ]),
  ),
});

/** Reads a saved bundle; throws UserError with what is wrong and where. */
export function parseBundle(text: string, name: string): Bundle {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new UserError(
      'bundle-not-json',
      `${name} is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      'Give a file that `why5xx … --save FILE` wrote.',
    );
  }
  const checked = envelope.safeParse(data);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    throw new UserError(
      'bundle-invalid',
      `${name} is not a why5xx bundle: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
      'Give a file that `why5xx … --save FILE` wrote; its first key is "schema": "why5xx/bundle@1".',
    );
  }
  return data as Bundle;
}

/** The file's text. Stable: keys in the order they were measured in, two spaces, one newline at the end. */
export function writeBundle(bundle: Bundle): string {
  return `${JSON.stringify(bundle, null, 2)}\n`;
}
