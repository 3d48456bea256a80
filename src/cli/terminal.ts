// What the surroundings allow: language, colour, characters and width, told from the environment and the stream that is written to.
import type { Language } from '../model/text.ts';
import type { ColourLevel } from '../report/paint.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The part of a writable stream that output needs; `process.stdout` is one. */
export interface OutputStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string, done?: (error?: Error | null) => void): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

function locale(env: Environment, category: 'LC_MESSAGES' | 'LC_CTYPE'): string {
  return [env['LC_ALL'], env[category], env['LANG']].find((value) => value !== undefined && value !== '') ?? '';
}

/** The user's language where why5xx speaks it, English otherwise. */
export function languageOf(env: Environment): Language {
  return /^zh([_.@-]|$)/i.test(locale(env, 'LC_MESSAGES')) ? 'zh' : 'en';
}

/** Whether to colour: FORCE_COLOR, then NO_COLOR, then whether a person is likely to look at it. */
export function colourOf(env: Environment, stream: OutputStream): ColourLevel {
  const force = env['FORCE_COLOR'];
  if (force !== undefined) return force !== '0' && force.toLowerCase() !== 'false';
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false;
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

/** False only where the surroundings say that they cannot show UTF-8. An unset locale is no such sign: over ssh it is often lost. */
export function unicodeOf(env: Environment): boolean {
  const name = locale(env, 'LC_CTYPE');
  if (env['TERM'] === 'dumb') return false;
  return name === '' || /utf-?8/i.test(name) || (!/^(C|POSIX)$/.test(name) && !name.includes('.'));
}

/** Columns of the terminal; COLUMNS or 80 where there is none. */
export function widthOf(env: Environment, stream: OutputStream): number {
  if (stream.columns !== undefined && stream.columns > 0) return stream.columns;
  const given = Number(env['COLUMNS']);
  return Number.isInteger(given) && given >= 20 && given <= 1000 ? given : 80;
}

const guarded = new WeakSet<OutputStream>();

/** A failed write is told to its callback and then again as an event, which would end the process if nobody listened. */
export function guard(stream: OutputStream): void {
  if (guarded.has(stream)) return;
  guarded.add(stream);
  stream.on('error', () => undefined);
}

/**
 * Writes and waits until the text has been handed over. A reader that has gone away (`why5xx … | head`) has what it wanted: EPIPE is
 * success. Other errors reject.
 */
export function writeOut(stream: OutputStream, text: string): Promise<void> {
  guard(stream);
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error == null || ('code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED'))) resolve();
      else reject(error);
    });
  });
}
