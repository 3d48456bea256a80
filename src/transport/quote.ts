// The one place where a value becomes part of shell text. Everything else passes argument lists.

/**
 * One POSIX sh word that stands for exactly `value`, whatever its bytes. Throws RangeError for NUL, which no shell can hold. The
 * quoting is transparent to bytes: it may be applied to text in any encoding that contains ASCII.
 */
export function quote(value: string): string {
  if (value.includes('\0')) throw new RangeError('a shell word cannot hold a NUL byte');
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

/** `NAME='value'`. Throws RangeError where `name` is no shell variable name. */
export function assignment(name: string, value: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new RangeError(`not a shell variable name: ${JSON.stringify(name)}`);
  return `${name}=${quote(value)}`;
}

/** A command as people type it, for hints and reports. Plain words stay plain. */
export function displayCommand(words: readonly string[]): string {
  return words.map((word) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : quote(word.replaceAll('\0', '')))).join(' ');
}
