// Reads what the user named, a site file or a bare URL, into a checked site. Every mistake is told at once and in its place.
import { X509Certificate } from 'node:crypto';
import { dirname, isAbsolute, join, resolve } from 'node:path';

import { SiteFileError, UserError } from '../model/errors.ts';
import type { SiteProblem } from '../model/errors.ts';
import { siteSchema } from '../model/site.ts';
import type { Site } from '../model/site.ts';
import { parseSiteDocument } from './document.ts';
import type { SiteDocument } from './document.ts';
import { explain, found } from './explain.ts';
import { readSmallFile, textOf } from './read-file.ts';
import { environmentProblems, filledRequests, secretsOf } from './secrets.ts';
import type { Environment } from './secrets.ts';

export interface ReadSiteOptions {
  /** Where `$NAME` in header values comes from. */
  readonly env: Environment;
  /** Name of the file in messages; the input itself when absent. */
  readonly fileName?: string;
  /** How the site file is read; from disk when absent. Its `ca` always comes from disk. */
  readonly readFile?: (path: string) => Promise<Uint8Array>;
}

export interface ReadSite {
  /** Defaults filled in, durations in ms, sizes in bytes, header values from the environment. */
  readonly site: Site;
  /** Values that must never be shown. At least four characters each. */
  readonly secrets: readonly string[];
  /** PEM text of the site's `ca`; null where it has none. */
  readonly ca: string | null;
  /** Absolute. Relative paths of the site file start here. */
  readonly baseDir: string;
}

/** `input` is a path or an http(s) URL. Throws UserError, and of it SiteFileError for mistakes in the file; nothing else. */
export async function readSite(input: string, options: ReadSiteOptions): Promise<ReadSite> {
  if (/^https?:/i.test(input)) return siteOfUrl(input);
  if (input === '')
    throw new UserError('no-site', 'no site file and no URL', 'Name one: why5xx https://shop.example.com/ or why5xx shop.yaml.');
  if (input.includes('\0')) throw new UserError('file-missing', 'a path cannot hold a NUL byte', 'Check the path.');
  const fileName = options.fileName ?? input;
  const bytes = await (options.readFile ?? ((path) => readSmallFile(path, 'site file')))(input);
  return checked(textOf(bytes, fileName, 'site file'), fileName, dirname(resolve(input)), options.env);
}

async function checked(text: string, fileName: string, baseDir: string, env: Environment): Promise<ReadSite> {
  const document = parseSiteDocument(text);
  const problems = [...document.problems];
  if (document.broken) throw siteFileError(fileName, problems);
  if (document.data === null || document.data === undefined) {
    throw siteFileError(fileName, [...problems, document.problemAt([], 'value', 'expected a site file, found nothing', startHint)]);
  }
  if (typeof document.data !== 'object' || Array.isArray(document.data)) {
    throw siteFileError(fileName, [
      ...problems,
      document.problemAt([], 'value', `expected keys with values, found ${found(document.data, [])}`, startHint),
    ]);
  }
  const result = siteSchema.safeParse(document.data);
  if (!result.success) problems.push(...explain(result.error.issues, document));
  problems.push(...environmentProblems(document, env));
  const ca = await readCa(document, baseDir, problems);
  if (!result.success || problems.length > 0) throw siteFileError(fileName, problems);
  const site = { ...result.data, requests: filledRequests(result.data, env) };
  return { site, secrets: secretsOf(result.data, env), ca, baseDir };
}

const startHint = 'begin with "why5xx: 1" and "url: https://…"';

function siteFileError(fileName: string, problems: readonly SiteProblem[]): SiteFileError {
  // One mistake may break two rules that say the same.
  const unique = new Map(problems.map((each) => [JSON.stringify([each.line, each.column, each.path, each.message]), each]));
  return new SiteFileError(
    fileName,
    [...unique.values()].toSorted((a, b) => a.line - b.line || a.column - b.column),
  );
}

function siteOfUrl(input: string): ReadSite {
  const name = URL.canParse(input)
    ? new URL(input).hostname
        .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
        .replace(/^[^A-Za-z0-9]+/, '')
        .slice(0, 63)
    : '';
  const result = siteSchema.safeParse({ why5xx: 1, url: input, ...(name === '' ? {} : { name }) });
  if (!result.success) {
    throw new UserError(
      'bad-url',
      `expected an http:// or https:// URL, found ${found(input, [])}`,
      'Write it as in a browser: https://shop.example.com/api/orders.',
    );
  }
  return { site: result.data, secrets: secretsOf(result.data, {}), ca: null, baseDir: resolve('.') };
}

/** The certificates of `ca`, or a problem more. */
async function readCa(document: SiteDocument, baseDir: string, problems: SiteProblem[]): Promise<string | null> {
  const value = typeof document.data === 'object' && document.data !== null && 'ca' in document.data ? document.data.ca : undefined;
  if (typeof value !== 'string' || value === '' || /[\u0000-\u001f\u007f]/.test(value)) return null;
  const complain = (what: string, hint: string | null): null => {
    problems.push(document.problemAt(['ca'], 'value', `expected a PEM file with certificates, found ${what}`, hint));
    return null;
  };
  const path = isAbsolute(value) ? value : join(baseDir, value);
  let text: string;
  try {
    text = textOf(await readSmallFile(path, 'file'), path, 'file');
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return complain(`that ${error.message}`, null);
  }
  if (/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text)) return complain('a private key', 'a trust anchor is a certificate only');
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  if (certificates === null) return complain(`none in ${path}`, null);
  for (const [i, certificate] of certificates.entries()) {
    try {
      void new X509Certificate(certificate);
    } catch {
      return complain(`that number ${String(i + 1)} in ${path} cannot be read`, null);
    }
  }
  return `${certificates.join('\n')}\n`;
}
