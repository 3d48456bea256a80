// Header values of the site file: fills in what comes from the environment, and lists what must never be shown.
import type { SiteProblem } from '../model/errors.ts';
import { isSecretName } from '../model/redact.ts';
import type { Site } from '../model/site.ts';
import type { SiteDocument } from './document.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Shorter values cannot be hidden without hiding half of the report. */
const minSecretLength = 4;
const reference = /\$(?:\$|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g;

/** A header value with `$NAME` and `${NAME}` filled in; `$$` is a dollar sign. Missing names are listed, not thrown. */
export function fillIn(
  value: string,
  env: Environment,
): { readonly value: string; readonly used: readonly string[]; readonly missing: readonly string[] } {
  const used: string[] = [];
  const missing: string[] = [];
  const filled = value.replaceAll(reference, (match, bare: string | undefined, braced: string | undefined) => {
    const name = bare ?? braced;
    if (name === undefined) return '$';
    const known = Object.hasOwn(env, name) ? env[name] : undefined;
    if (known === undefined) missing.push(name);
    else used.push(name);
    return known ?? match;
  });
  return { value: filled, used, missing };
}

/** Problems of the environment: names that are not set, or that hold what no header can. Works on unchecked data. */
export function environmentProblems(document: SiteDocument, env: Environment): readonly SiteProblem[] {
  const problems: SiteProblem[] = [];
  for (const [i, request] of entries(at(document.data, 'requests'))) {
    for (const [header, value] of entries(at(request, 'headers'))) {
      if (typeof value !== 'string') continue;
      const path = ['requests', Number(i), 'headers', header];
      const { used, missing } = fillIn(value, env);
      for (const name of missing) {
        problems.push(
          document.problemAt(
            path,
            'value',
            `expected the environment variable ${name} to be set, found nothing`,
            'write $$ for a dollar sign',
          ),
        );
      }
      for (const name of used) {
        if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(env[name] ?? '')) {
          problems.push(
            document.problemAt(path, 'value', `expected one line of text in the environment variable ${name}, found control characters`),
          );
        }
      }
    }
  }
  return problems;
}

/** The requests with their header values filled in. */
export function filledRequests(site: Site, env: Environment): Site['requests'] {
  return site.requests.map((request) => ({
    ...request,
    headers: Object.fromEntries(Object.entries(request.headers).map(([header, value]) => [header, fillIn(value, env).value])),
  }));
}

/**
 * Everything secret that the site file brought along, longest first: values from the environment, values of headers that carry
 * credentials (whole, and each cookie or token in them), passwords and secret query values of URLs.
 */
export function secretsOf(site: Site, env: Environment): readonly string[] {
  const secrets = new Set<string>();
  const add = (value: string | undefined): void => {
    const trimmed = value?.trim() ?? '';
    if (trimmed.length >= minSecretLength) secrets.add(trimmed);
  };
  for (const { headers } of site.requests) {
    for (const [header, raw] of Object.entries(headers)) {
      const { value, used } = fillIn(raw, env);
      for (const name of used) add(env[name]);
      if (!isSecretName(header)) continue;
      add(value);
      if (/^cookie$/i.test(header)) for (const pair of value.split(';')) add(pair.slice(pair.indexOf('=') + 1));
      const credentials = /^(?:Basic|Bearer|Digest|Token|Negotiate)\s+(.+)$/i.exec(value)?.[1];
      add(credentials);
      if (credentials !== undefined && /^Basic\s/i.test(value))
        add(Buffer.from(credentials, 'base64').toString('utf8').split(':').slice(1).join(':'));
    }
  }
  for (const url of [site.url, site.static, ...site.requests.map((request) => request.url)]) {
    if (url === undefined || !URL.canParse(url)) continue;
    const { username, password, searchParams } = new URL(url);
    add(password);
    add(unescaped(password));
    if (password === '') add(username); // a token in place of a name
    for (const [key, value] of searchParams) if (isSecretName(key)) add(value);
  }
  return [...secrets].sort((a, b) => b.length - a.length);
}

function unescaped(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
}
function entries(value: unknown): readonly (readonly [string, unknown])[] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}
