// The fast path as the scanner sees it: something that counts the lines it is sure of and stops at the first that it is not.
import type { Clock } from '../state.ts';
import type { TallyBuilder } from '../tally.ts';

/** Counts lines of one input whose format it has a plan for. It works in the memory of its workspace. */
export interface Kernel {
  /** Begins a piece. */
  begin(builder: TallyBuilder, input: number, clock: Clock): void;
  /**
   * Counts lines in bytes [start, end) of the workspace. 0 where no whole line is left (`lineStart` is where the rest begins); else the line
   * between `lineStart` and `lineEnd` is for the reader, and a number above 1 says what could be learnt from it.
   */
  run(start: number, end: number): number;
  /** Lines counted by the last run. */
  sureLines(): number;
  /** Lines of all runs that the plan's code was unsure of, so that they were walked over step by step. */
  interpretedLines(): number;
  lineStart(): number;
  lineEnd(): number;
  /**
   * Counts the failing line at hand (reason 5) without its parser. 0 where that is done; else the line is for the reader, and this is what
   * can then be learnt from it.
   */
  takeFailure(line: number, position: number): number;
  /** Learns what the parser makes of a value that the kernel saw for the first time. */
  learn(reason: number, text: string): void;
  /** Hands everything counted so far to the builder, and goes on with the piece. */
  handOver(): void;
  /** Ends the piece: hands everything counted to the builder but the keys of failing requests, which may come again in the next piece. */
  end(): void;
  /** Hands on the keys too. To be called behind the last piece. */
  settle(): void;
}
