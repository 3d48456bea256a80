// Who produced this response? The body speaks first: servers copy, hide and pass on headers, but rarely each other's pages.
import { balancers } from './balancers.ts';
import { edges } from './edges.ts';
import type { Clue, Fingerprint, PageKind, ProducerRole } from './fingerprint.ts';
import { servers } from './servers.ts';

/** Every product that is known, in the order in which they are asked. */
export const fingerprints: readonly Fingerprint[] = [...edges, ...balancers, ...servers];

/** A response as far as it is known. Without headers (a saved page) `headers` is empty and `status` may be null. */
export interface Response {
  readonly status: number | null;
  /** Any case; in order of arrival. */
  readonly headers: readonly (readonly [string, string])[];
  /** The beginning of the body is enough: 4 KiB. */
  readonly body: string;
}

export interface Identification {
  readonly id: string;
  readonly product: string;
  readonly role: ProducerRole;
  readonly kind: PageKind;
  readonly confidence: 'high' | 'medium' | 'low';
  readonly verified: boolean;
  /** What matched: `body`, `status`, `cookie` or a header's name, and the text. From outside: neutralise before showing. */
  readonly because: readonly { readonly part: string; readonly text: string }[];
  /** Ids of products whose headers show that they passed the response on. */
  readonly via: readonly string[];
}

/** The product that produced or, where no body is known, passed on a response. Null where nothing is known. Pure. */
export function identify(response: Response): Identification | null {
  const [first] = matchesOf(response);
  if (first === undefined) return null;
  const { fingerprint, because } = first;
  const { id, product, role, kind, confidence, verified } = fingerprint;
  const via = fingerprint.by === 'header' ? [] : matchesBy('header', response).map((each) => each.fingerprint.id);
  return { id, product, role, kind, confidence, verified, because, via };
}

/** True where the product generated the page itself, so that the status is its own and not somebody else's. */
export function isOwnErrorPage(identification: Identification): boolean {
  return identification.kind !== 'relayed';
}

/** The fingerprint of that id. */
export function fingerprintOf(id: string): Fingerprint | undefined {
  return fingerprints.find((each) => each.id === id);
}

interface Match {
  readonly fingerprint: Fingerprint;
  readonly because: Identification['because'];
}

/** Every fingerprint that matches: those by body or, without one, those by header. More than one is a mistake in the table. */
export function matchesOf(response: Response): readonly Match[] {
  const byBody = matchesBy('body', response);
  return byBody.length > 0 ? byBody : matchesBy('header', response);
}

function matchesBy(by: Fingerprint['by'], response: Response): readonly Match[] {
  const found: Match[] = [];
  for (const fingerprint of fingerprints) {
    if (fingerprint.by !== by || fingerprint.none?.some((clue) => find(clue, response) !== null)) continue;
    const because = fingerprint.all.map((clue) => find(clue, response));
    if (because.every((each) => each !== null)) found.push({ fingerprint, because });
  }
  return found;
}

function find(clue: Clue, response: Response): { readonly part: string; readonly text: string } | null {
  switch (clue.in) {
    case 'body':
      return seen('body', clue.matches.exec(response.body.slice(0, 8192))?.[0]);
    case 'header': {
      const value = response.headers.find(([name, text]) => name.toLowerCase() === clue.name && clue.matches.test(text))?.[1];
      return seen(clue.name, value);
    }
    case 'cookie': {
      const names = response.headers
        .filter(([name]) => name.toLowerCase() === 'set-cookie')
        .map(([, text]) => /^\s*([^=;\s]*)/.exec(text)?.[1] ?? '');
      return seen(
        'cookie',
        names.find((name) => clue.matches.test(name)),
      );
    }
    case 'status':
      return response.status !== null && clue.one.includes(response.status) ? { part: 'status', text: String(response.status) } : null;
    case 'empty-body':
      return response.body.trim() === '' ? { part: 'body', text: '' } : null;
  }
}

function seen(part: string, text: string | undefined): { readonly part: string; readonly text: string } | null {
  if (text === undefined) return null;
  const line = text.replace(/\s+/g, ' ').trim();
  return { part, text: line.length > 120 ? `${line.slice(0, 117)}…` : line };
}
