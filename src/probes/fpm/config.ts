// php-fpm's configuration files: sections of `name = value`, later ones override earlier ones.
import { parseDuration } from '../../model/units.ts';

/** One pool or `global`, with the place where its section begins. */
export interface FpmSection {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** A value as written, `$pool` filled in; null where it is not set. */
  get(key: string): string | null;
  integer(key: string): number | null;
  /** Milliseconds; a bare number is seconds. */
  durationMs(key: string): number | null;
}

/** Sections of one file. Only settings are read; `env[…]` and `php_value[…]` are not looked at. */
export function parseFpm(text: string, file: string): FpmSection[] {
  const sections: FpmSection[] = [];
  let values = new Map<string, string>();
  text.split('\n').forEach((raw, i) => {
    const line = raw.trim();
    if (line === '' || line.startsWith(';') || line.startsWith('#')) return;
    const title = /^\[([^\]]+)\]/.exec(line);
    if (title) {
      values = new Map();
      sections.push(sectionOf(title[1] ?? '', file, i + 1, values));
      return;
    }
    const setting = /^([\w.]+)\s*=\s*(.*)$/.exec(line);
    if (!setting) return;
    const value = (setting[2] ?? '').trim();
    const quoted = /^(["'])(.*?)\1/.exec(value);
    values.set(setting[1] ?? '', quoted ? (quoted[2] ?? '') : value.replace(/\s+;.*$/, ''));
  });
  return sections;
}

function sectionOf(name: string, file: string, line: number, values: ReadonlyMap<string, string>): FpmSection {
  const get = (key: string): string | null => {
    const value = values.get(key);
    return value === undefined || value === '' ? null : value.replaceAll('$pool', name);
  };
  return {
    name,
    file,
    line,
    get,
    integer: (key) => (/^-?\d+$/.test(get(key) ?? '') ? Number(get(key)) : null),
    durationMs: (key) => parseDuration(get(key) ?? ''),
  };
}
