// What a fingerprint is: the marks by which a response gives away who produced it.
import type { Localised } from '../../model/text.ts';

/** Where such a product usually stands. A web server often stands in a balancer's place too: only the site's own logs say which it is. */
export type ProducerRole = 'edge' | 'balancer' | 'web-server' | 'runtime' | 'app';

/** What sort of response it is. Only `relayed` says that the product passed on what somebody else had produced. */
export type PageKind =
  | 'icp-block' // the cloud intercepts a domain without ICP filing
  | 'waf-block' // a security product refused this request
  | 'origin-unreachable' // an edge says that it got nothing usable from its origin
  | 'own-error' // the product made the error page itself
  | 'app-error' // the application, or its framework, failed
  | 'relayed'; // only headers show that the product was on the way

/** One mark. All of a fingerprint's marks must be there. */
export type Clue =
  | { readonly in: 'body'; readonly matches: RegExp }
  | { readonly in: 'header'; readonly name: string; readonly matches: RegExp }
  /** The name of a cookie that the response sets: values are secret and never looked at. */
  | { readonly in: 'cookie'; readonly matches: RegExp }
  | { readonly in: 'status'; readonly one: readonly number[] }
  | { readonly in: 'empty-body' };

export interface Fingerprint {
  /** Unique, kebab-case: what `answeredBy.product` holds. */
  readonly id: string;
  readonly product: string;
  readonly role: ProducerRole;
  readonly kind: PageKind;
  /** `body` fingerprints come first; `header` ones are asked only where no body is known, and name who passed a response on. */
  readonly by: 'body' | 'header';
  readonly all: readonly Clue[];
  /** Marks of near relatives: any of them rules this fingerprint out. */
  readonly none?: readonly Clue[];
  readonly confidence: 'high' | 'medium' | 'low';
  /** True where the page was recorded from the product, or is in its vendor's documentation or source, or in several public reports. */
  readonly verified: boolean;
  /** What a reader should know about this very page. */
  readonly note?: Localised;
}

export const body = (matches: RegExp): Clue => ({ in: 'body', matches });
export const header = (name: string, matches: RegExp): Clue => ({ in: 'header', name, matches });
export const cookie = (matches: RegExp): Clue => ({ in: 'cookie', matches });
export const status = (...one: readonly number[]): Clue => ({ in: 'status', one });
export const emptyBody: Clue = { in: 'empty-body' };
