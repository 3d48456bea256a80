// Addresses as /proc/net/tcp and tcp6 write them: words of 32 bits in the byte order of a little-endian machine.
import { formatAddress } from '../../facts/addresses.ts';

/** The address in its usual text form, IPv4 in IPv6 as IPv4; null where it is not one. */
export function readProcAddress(hex: string): string | null {
  if (!/^([0-9A-F]{8}|[0-9A-F]{32})$/.test(hex)) return null;
  const words = (hex.match(/.{8}/g) ?? []).map((word) => (word.match(/../g) ?? []).toReversed().join(''));
  const all = words.join('');
  if (all.length === 8) return formatAddress({ family: 4, value: BigInt(`0x${all}`) });
  if (all.startsWith('00000000000000000000FFFF')) return formatAddress({ family: 4, value: BigInt(`0x${all.slice(24)}`) });
  return formatAddress({ family: 6, value: BigInt(`0x${all}`) });
}
