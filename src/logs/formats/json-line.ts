// JSON lines, parsed once per line however many families look at them.

/** A JSON object; values are of any kind. */
export type JsonObject = Readonly<Record<string, unknown>>;

let lastLine = '';
let lastObject: JsonObject | null = null;

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object of a line; null where it is none. Never throws. */
export function objectOf(line: string): JsonObject | null {
  if (line === lastLine) return lastObject;
  let from = 0;
  while (from < 8 && line.charCodeAt(from) === 32) from++;
  if (line[from] !== '{') return null;
  let found: JsonObject | null = null;
  try {
    const value: unknown = JSON.parse(line);
    found = isObject(value) ? value : null;
  } catch {
    // Not JSON: no family of this kind reads it.
  }
  lastLine = line;
  lastObject = found;
  return found;
}

/** The value of a key as text; the empty string where there is none. Numbers and booleans are written out. */
export function textOf(object: JsonObject, key: string): string {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** The text of the first key that has one; the empty string where none has. */
export function firstText(object: JsonObject, keys: readonly string[]): string {
  for (const key of keys) {
    const value = textOf(object, key);
    if (value !== '') return value;
  }
  return '';
}

/** The value of a key as a number, also where it is written as text; null where it is none. */
export function numberOf(object: JsonObject, key: string): number | null {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string' || !/^-?\d{1,20}(?:\.\d{1,12})?$/.test(value)) return null;
  return Number(value);
}

/** The object under a key; null where there is none. */
export function childOf(object: JsonObject, key: string): JsonObject | null {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  return isObject(value) ? value : null;
}

/** A status code of an object's key; null for anything that is not between 100 and 999. */
export function statusIn(object: JsonObject, key: string): number | null {
  const value = numberOf(object, key);
  return value !== null && Number.isInteger(value) && value >= 100 && value <= 999 ? value : null;
}
