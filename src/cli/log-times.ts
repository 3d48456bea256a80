// Times and zones as people write them on the command line of `why5xx logs`.

/** A zone: its name as given, and how far east of Greenwich its clocks are at a moment. */
export interface Zone {
  readonly name: string;
  minutesEastAt(ms: number): number;
}

/** A moment that was named with its zone (or as a time ago), or a local one: then `at` is as if it were UTC. */
export interface Moment {
  readonly at: number;
  readonly zoned: boolean;
}

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * A date, a date with a time, a time of today, or a time ago (`90m`). A date may be followed by `Z` or `+08:00`; without, it is local. Null
 * for anything else, and for dates that do not exist.
 */
export function parseMoment(text: string, now: number): Moment | null {
  const value = text.trim();
  if (value === 'now') return { at: now, zoned: true };
  const ago = /^-?(\d{1,9}(?:\.\d{1,3})?)\s*(s|m|min|h|d|w)(?:\s+ago)?$/.exec(value);
  if (ago !== null) return { at: now - Number(ago[1]) * (units[ago[2] ?? ''] ?? 0), zoned: true };
  const clock = /^(\d\d):(\d\d)(?::(\d\d))?$/.exec(value);
  if (clock !== null) {
    const local = now - new Date(now).getTimezoneOffset() * 60_000;
    return dated(new Date(local).toISOString().slice(0, 10), clock, null);
  }
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?$/i.exec(value);
  if (match === null) return null;
  return dated(match[1] ?? '', [match[0], match[2], match[3], match[4]], match[5] ?? null);
}

function dated(day: string, clock: readonly (string | undefined)[], zone: string | null): Moment | null {
  const [, hours = '00', minutes = '00', seconds = '00'] = clock;
  const iso = `${day}T${hours}:${minutes}:${seconds}.000Z`;
  const at = Date.parse(iso);
  // Date.parse refuses 25:00 and takes the 31st of February for the 3rd of March.
  if (Number.isNaN(at) || new Date(at).toISOString() !== iso) return null;
  if (zone === null) return { at, zoned: false };
  const east = parseZone(zone)?.minutesEastAt(at);
  return east === undefined ? null : { at: at - east * 60_000, zoned: true };
}

/** `UTC`, `Z`, an offset such as `+08:00`, or a name of the zone database. Null for anything else. */
export function parseZone(text: string): Zone | null {
  const value = text.trim();
  if (/^(Z|UTC|GMT)$/i.test(value)) return { name: 'UTC', minutesEastAt: () => 0 };
  const offset = /^(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d\d))?$/i.exec(value);
  if (offset !== null) {
    const [, sign, hours, minutes = '00'] = offset;
    const east = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
    return Number(minutes) < 60 && Math.abs(east) <= 14 * 60 ? { name: value, minutesEastAt: () => east } : null;
  }
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{1,63}$/.test(value)) return null;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: value, timeZoneName: 'longOffset' });
  } catch {
    return null;
  }
  return {
    name: value,
    minutesEastAt(ms) {
      const shown = format.formatToParts(ms).find((part) => part.type === 'timeZoneName')?.value ?? '';
      const [, sign, hours = '0', minutes = '0'] = /GMT([+-])(\d\d):(\d\d)/.exec(shown) ?? [];
      return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
    },
  };
}

/** The zone of this machine. */
export function systemZone(): Zone {
  return { name: 'system', minutesEastAt: (ms) => -new Date(ms).getTimezoneOffset() };
}
