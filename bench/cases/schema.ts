// What a case is: the lines that somebody quoted in public, and what turned out to be the cause. The lines are facts; nothing is added.
import { z } from 'zod';

import { causeIds } from './cause-ids.ts';

const cause = z.enum(causeIds);

const sentence = z.string().trim().min(10).regex(/\.$/, 'ends in a full stop');

const file = z.strictObject({
  /** As it is written to the folder that the tool reads. */
  name: z.string().regex(/^[a-zA-Z0-9][\w.-]*$/),
  /** What the lines are. `mixed`: several programs write to one stream (journal, containers), or program and requests share a log. */
  kind: z.enum(['access', 'error', 'application', 'kernel', 'audit', 'mixed']),
  lines: z.array(z.string().regex(/^[^\r\n]+$/)).min(1),
});

const unique = (list: readonly string[]): boolean => new Set(list).size === list.length;

export const caseSchema = z
  .strictObject({
    /** The thread, where the lines and the cause can be read. */
    address: z.url({ protocol: /^https$/ }),
    product: z.string().min(3),
    files: z
      .array(file)
      .min(1)
      .refine((files) => unique(files.map((each) => each.name)), 'two files of one name'),
    /** The cause, or that these lines alone cannot decide although the thread found it. */
    confirmed: z.union([cause, z.literal('not-enough-evidence')]),
    by: z.enum(['maintainer', 'contributor', 'reporter']),
    how: sentence,
    /** Other answers that are equally right, each with the reason. */
    acceptable: z.array(z.strictObject({ id: cause, why: z.string().min(10) })).default([]),
    /** Of an undecidable case: what the thread found in the end, where it did. */
    found: cause.optional(),
    /** Of an undecidable case: everything that a correct tool may list as possible. */
    possible: z.array(cause).default([]).refine(unique, 'listed twice'),
    /** What was changed in the lines, or left out of them. */
    note: sentence.optional(),
  })
  .superRefine((value, context) => {
    const wrong = (message: string): void => context.addIssue({ code: 'custom', message });
    if (value.confirmed === 'not-enough-evidence') {
      if (value.possible.length < 2) wrong('an undecidable case names at least two possible causes');
      if (value.found !== undefined && !value.possible.includes(value.found)) wrong('what was found is not among the possible causes');
    } else {
      if (value.possible.length > 0 || value.found !== undefined) wrong('only an undecidable case has `possible` and `found`');
      if (value.acceptable.some((each) => each.id === value.confirmed)) wrong('the confirmed cause is acceptable anyway');
    }
    if (!unique(value.acceptable.map((each) => each.id))) wrong('acceptable twice');
  });

export type Case = z.output<typeof caseSchema>;
