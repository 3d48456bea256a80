// Dates as logs write them, read without patterns and without Date objects: this runs for every line that the scanner looks at closely.

const monthNames = 'JanFebMarAprMayJunJulAugSepOctNovDec';

/** Number of `count` digits at `from`; NaN where one of them is no digit. */
export function digits(text: string, from: number, count: number): number {
  let value = 0;
  for (let i = from; i < from + count; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** Month of an English name of three letters, from 0; NaN where it is none. */
export function monthAt(text: string, from: number): number {
  const at = monthNames.indexOf(text.slice(from, from + 3));
  return at >= 0 && at % 3 === 0 && text.length >= from + 3 ? at / 3 : Number.NaN;
}

/** Milliseconds since 1970 of a date in UTC; NaN where a part is NaN or out of range (a leap second is taken as the next). */
export function utcMs(year: number, month: number, day: number, secondOfDay: number, ms: number): number {
  if (!(year >= 1970 && year <= 9999 && month >= 0 && month < 12 && day >= 1 && day <= 31)) return Number.NaN;
  return Date.UTC(year, month, day) + secondOfDay * 1000 + ms;
}

/** Second of the day of `HH:MM:SS` at `from`; NaN where it is none. */
export function clockAt(text: string, from: number): number {
  if (text[from + 2] !== ':' || text[from + 5] !== ':') return Number.NaN;
  const hour = digits(text, from, 2);
  const minute = digits(text, from + 3, 2);
  const second = digits(text, from + 6, 2);
  return hour < 24 && minute < 60 && second <= 60 ? hour * 3600 + minute * 60 + second : Number.NaN;
}

/** Milliseconds of a fraction whose separator stands at `from`, and where it ends; 0 and `from` where there is none. */
export function fractionAt(text: string, from: number): { readonly ms: number; readonly end: number } {
  const separator = text[from];
  if (separator !== '.' && separator !== ',') return none(from);
  let end = from + 1;
  let ms = 0;
  for (let weight = 100; end < from + 10; end++) {
    const digit = text.charCodeAt(end) - 48;
    if (!(digit >= 0 && digit <= 9)) break;
    ms += digit * weight;
    weight = Math.floor(weight / 10);
  }
  return end === from + 1 ? none(from) : { ms, end };
}
const none = (end: number): { ms: number; end: number } => ({ ms: 0, end });

/** Minutes east of Greenwich of `Z`, `+0800`, `+08:00` or `+08` at `from`; NaN where there is none. */
export function zoneAt(text: string, from: number): number {
  const sign = text[from];
  if (sign === 'Z' || sign === 'z') return 0;
  if (sign !== '+' && sign !== '-') return Number.NaN;
  const hours = digits(text, from + 1, 2);
  const minutes = digits(text, text[from + 3] === ':' ? from + 4 : from + 3, 2);
  return (sign === '-' ? -1 : 1) * (hours * 60 + (Number.isNaN(minutes) ? 0 : minutes));
}

/** A moment. `at` is milliseconds since 1970, as if local time were UTC where `zoned` is false; `end` is the index behind the date. */
export interface Moment {
  readonly at: number;
  readonly zoned: boolean;
  readonly end: number;
}

// Neighbouring lines mostly have the same second, always the same zone: the last answer is worth keeping.
let lastCommon = '';
let lastCommonMs = Number.NaN;

/** `23/Nov/2026:07:22:12 +0000` at `from`, in milliseconds UTC; NaN where it is none. Always 26 characters. */
export function commonMs(text: string, from: number): number {
  if (text.charCodeAt(from + 2) !== 47 || text.charCodeAt(from + 11) !== 58 || text.charCodeAt(from + 20) !== 32) return Number.NaN;
  const key = text.slice(from, from + 26);
  if (key === lastCommon) return lastCommonMs;
  const zone = key[6] === '/' ? zoneAt(key, 21) : Number.NaN;
  const ms = utcMs(digits(key, 7, 4), monthAt(key, 3), digits(key, 0, 2), clockAt(key, 12), 0);
  lastCommon = key;
  lastCommonMs = ms - zone * 60_000;
  return lastCommonMs;
}

/** `2026-11-23T07:22:12`, with `T` or a blank, with or without fraction and zone; null where it is none. */
export function isoMoment(text: string, from: number): Moment | null {
  const separator = text[from + 10];
  if (text[from + 4] !== '-' || text[from + 7] !== '-' || (separator !== 'T' && separator !== ' ')) return null;
  const fraction = fractionAt(text, from + 19);
  const ms = utcMs(digits(text, from, 4), digits(text, from + 5, 2) - 1, digits(text, from + 8, 2), clockAt(text, from + 11), fraction.ms);
  if (Number.isNaN(ms)) return null;
  return zonedMoment(text, fraction.end, ms);
}

function zonedMoment(text: string, end: number, ms: number): Moment {
  const zone = zoneAt(text, end);
  if (Number.isNaN(zone)) return { at: ms, zoned: false, end };
  const sign = text[end];
  const length = sign === 'Z' || sign === 'z' ? 1 : text[end + 3] === ':' ? 6 : Number.isNaN(digits(text, end + 3, 2)) ? 3 : 5;
  return { at: ms - zone * 60_000, zoned: true, end: end + length };
}

/** `23/Nov/2026:07:22:12.983`, with or without fraction and zone, as HAProxy and others write it; null where it is none. */
export function slashMoment(text: string, from: number): Moment | null {
  const short = text[from + 1] === '/' ? 1 : 0;
  const at = from - short;
  if (text[at + 2] !== '/' || text[at + 6] !== '/' || text[at + 11] !== ':') return null;
  const fraction = fractionAt(text, at + 20);
  const day = short ? digits(text, from, 1) : digits(text, from, 2);
  const ms = utcMs(digits(text, at + 7, 4), monthAt(text, at + 3), day, clockAt(text, at + 12), fraction.ms);
  if (Number.isNaN(ms)) return null;
  return text[fraction.end] === ' ' && !Number.isNaN(zoneAt(text, fraction.end + 1))
    ? zonedMoment(text, fraction.end + 1, ms)
    : { at: ms, zoned: false, end: fraction.end };
}

/** `2026/11/23 07:22:12` as nginx's error log writes it; null where it is none. */
export function nginxErrorMoment(text: string): Moment | null {
  if (text[4] !== '/' || text[7] !== '/' || text[10] !== ' ') return null;
  const ms = utcMs(digits(text, 0, 4), digits(text, 5, 2) - 1, digits(text, 8, 2), clockAt(text, 11), 0);
  return Number.isNaN(ms) ? null : { at: ms, zoned: false, end: 19 };
}

/** `Mon Nov 23 07:22:12.123456 2026` (Apache, uWSGI, dmesg -T); null where it is none. */
export function ctimeMoment(text: string, from: number): Moment | null {
  if (text[from + 3] !== ' ' || text[from + 7] !== ' ' || text[from + 10] !== ' ') return null;
  const day = text[from + 8] === ' ' ? digits(text, from + 9, 1) : digits(text, from + 8, 2);
  const fraction = fractionAt(text, from + 19);
  if (text[fraction.end] !== ' ') return null;
  const ms = utcMs(digits(text, fraction.end + 1, 4), monthAt(text, from + 4), day, clockAt(text, from + 11), fraction.ms);
  return Number.isNaN(ms) ? null : { at: ms, zoned: false, end: fraction.end + 5 };
}

/** `Nov 23 07:22:12` of RFC 3164, in the year given; also with a fraction, as journalctl can write it; null where it is none. */
export function syslogMoment(text: string, from: number, year: number): Moment | null {
  if (text[from + 3] !== ' ' || text[from + 6] !== ' ') return null;
  const day = text[from + 4] === ' ' ? digits(text, from + 5, 1) : digits(text, from + 4, 2);
  const fraction = fractionAt(text, from + 15);
  const ms = utcMs(year, monthAt(text, from), day, clockAt(text, from + 7), fraction.ms);
  return Number.isNaN(ms) ? null : { at: ms, zoned: false, end: fraction.end };
}

/** `23-Nov-2026 07:22:12`, with or without fraction, as PHP and Tomcat write it; null where it is none. The zone, if any, is the caller's. */
export function dashMoment(text: string, from: number): Moment | null {
  if (text[from + 2] !== '-' || text[from + 6] !== '-' || text[from + 11] !== ' ') return null;
  const fraction = fractionAt(text, from + 20);
  const ms = utcMs(digits(text, from + 7, 4), monthAt(text, from + 3), digits(text, from, 2), clockAt(text, from + 12), fraction.ms);
  return Number.isNaN(ms) ? null : { at: ms, zoned: false, end: fraction.end };
}
