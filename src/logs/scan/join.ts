// Puts the pieces of all inputs together: line numbers, lines that continue a record of the piece before, and the order of time.
import type { InputProblem } from '../records.ts';
import { mergeBounded } from './bounded.ts';
import { mergeState } from './finish.ts';
import { taskStride, type Part } from './job.ts';
import type { RangeResult } from './range.ts';
import type { Tail } from './reader.ts';
import { backwardsOf } from './state.ts';
import { coarserPath, type TallyBuilder } from './tally.ts';

/** Adds all parts to an empty tally. `inputOfTask` names the input of each task; an input's tasks are in the order of its bytes. */
export function joinParts(into: TallyBuilder, parts: readonly Part[], inputOfTask: readonly number[]): void {
  const results = new Map<number, RangeResult>(parts.flatMap((part) => [...part.results]));
  const bases = new Float64Array(inputOfTask.length);
  const lineOf = (line: number): number => {
    const task = Math.floor(line / taskStride);
    return (bases[task] ?? 0) + line - task * taskStride;
  };

  const ends = new Map<number, { base: number; carry: Tail; latest: number }>();
  inputOfTask.forEach((input, task) => {
    const result = results.get(task);
    const end = ends.get(input) ?? { base: 0, carry: { kind: 'none' } as Tail, latest: Number.NEGATIVE_INFINITY };
    ends.set(input, end);
    bases[task] = end.base;
    const of = into.state.inputs[input];
    if (result === undefined || of === undefined) return;
    const { head, tail, clock, lines, problem } = result;
    end.base += lines;
    if (end.carry.kind === 'record' && end.carry.parsed) {
      into.addLines(input, { parsed: head.lines });
      if (end.carry.other !== null && head.lines > 0) into.addOther(input, end.carry.other, head.lines);
    } else {
      into.addLines(input, { unparsed: head.lines });
      if (end.carry.kind !== 'record') {
        for (const { value } of head.unknown.entries.values()) value.sample = { ...value.sample, line: lineOf(value.sample.line) };
        mergeBounded(
          of.unknown,
          head.unknown,
          (a, b) => ({ count: a.count + b.count, sample: b.sample.position < a.sample.position ? b.sample : a.sample }),
          () => undefined,
        );
      }
    }
    if (tail.kind !== 'same') end.carry = tail;
    of.backwards += backwardsOf(clock, end.latest);
    end.latest = Math.max(end.latest, clock.max);
    if (problem !== null) addProblem(of.problems, problem);
  });
  for (const { state } of parts) mergeState(into.state, state, lineOf, coarserPath);
}

/** Adds a problem that is not there yet: several threads may meet the same. */
export function addProblem(problems: InputProblem[], problem: InputProblem): void {
  if (!problems.some((known) => known.kind === problem.kind && known.detail === problem.detail)) problems.push(problem);
}
