// IP addresses as numbers, so that prefixes, ranges and sets are plain comparisons. Both families, text in, no names resolved.
import ipaddr from 'ipaddr.js';

/** An address as a number of its family's width. */
export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** A span of addresses of one family, both ends included. */
export interface Span {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

/** Reads an IPv4 or IPv6 literal (zone and brackets dropped); null for anything else. */
export function parseAddress(text: string): Address | null {
  const bare = text.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '');
  const four = /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(bare);
  if (!(four ? ipaddr.IPv4.isValid(bare) : bare.includes(':') && ipaddr.IPv6.isValid(bare))) return null;
  let value = 0n;
  for (const byte of ipaddr.parse(bare).toByteArray()) value = (value << 8n) | BigInt(byte);
  return { family: four ? 4 : 6, value };
}

/** The span of `address/prefix`. A prefix outside the family's width is clamped. */
export function prefixSpan(address: Address, prefix: number): Span {
  const width = address.family === 4 ? 32 : 128;
  const hostBits = BigInt(width - Math.min(width, Math.max(0, Math.trunc(prefix))));
  const first = (address.value >> hostBits) << hostBits;
  return { family: address.family, first, last: first + (1n << hostBits) - 1n };
}

/** Reads `a`, `a/len`, `a/255.0.0.0` or `a-b`; null for anything else. */
export function parseSpan(text: string): Span | null {
  const dash = text.indexOf('-');
  if (dash > 0) {
    const first = parseAddress(text.slice(0, dash));
    const last = parseAddress(text.slice(dash + 1));
    return first && last && first.family === last.family ? { family: first.family, first: first.value, last: last.value } : null;
  }
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (!address) return null;
  if (slash < 0) return { family: address.family, first: address.value, last: address.value };
  const prefix = prefixLength(text.slice(slash + 1));
  return prefix === null ? null : prefixSpan(address, prefix);
}

/** Whether the span holds the address; false across families. */
export function spanHolds(span: Span, address: Address): boolean {
  return span.family === address.family && span.first <= address.value && address.value <= span.last;
}

/** Canonical text of an address. */
export function formatAddress(address: Address): string {
  const bytes: number[] = [];
  for (let index = (address.family === 4 ? 4 : 16) - 1; index >= 0; index -= 1)
    bytes.push(Number((address.value >> BigInt(index * 8)) & 255n));
  return ipaddr.fromByteArray(bytes).toString();
}

function prefixLength(text: string): number | null {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  const mask = parseAddress(text);
  if (!mask) return null;
  const bits = mask.value.toString(2).padStart(mask.family === 4 ? 32 : 128, '0');
  return /^1*0*$/.test(bits) ? bits.replace(/0+$/, '').length : null;
}
