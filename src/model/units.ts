// Durations and sizes as people and configuration files write them.

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const maxDurationMs = 366 * 86_400_000;

/** What a duration looks like as text; units in lower or upper case. */
export const durationShape = /^\s*(\d+(\.\d+)?|(\d+(\.\d+)?\s*([mM][sS]|[sSmMhHdD])\s*)+)\s*$/;
/** What a size looks like as text. */
export const sizeShape = /^\s*\d+(\.\d+)?\s*[kKmMgG]?([iI]?[bB])?\s*$/;

/** Milliseconds of `60s`, `1500ms`, `1h30m`, or of a bare number of seconds; null where it is none of these or longer than a year. */
export function parseDuration(value: string | number): number | null {
  const totalMs = typeof value === 'number' ? value * 1000 : durationOfText(value);
  return totalMs !== null && totalMs >= 0 && totalMs <= maxDurationMs ? totalMs : null;
}

function durationOfText(value: string): number | null {
  if (value.length > 64 || !durationShape.test(value)) return null;
  const text = value.trim().toLowerCase();
  if (/^[\d.]+$/.test(text)) return Number(text) * 1000;
  let totalMs = 0;
  for (const match of text.matchAll(/(\d+(?:\.\d+)?)\s*(ms|[smhd])/g)) {
    totalMs += Number(match[1]) * (durationUnits[match[2] ?? ''] ?? 0);
  }
  return totalMs;
}

/** Bytes of `64k`, `1m`, `8MiB` or a bare number; null where it is none of these. Units are powers of 1024, as in nginx. */
export function parseSize(value: string | number): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : null;
  if (value.length > 64) return null;
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmg])?(i?b)?\s*$/i.exec(value);
  if (!match) return null;
  const power = { k: 1, m: 2, g: 3 }[(match[2] ?? '').toLowerCase()] ?? 0;
  const sizeBytes = Math.round(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(sizeBytes) ? sizeBytes : null;
}
