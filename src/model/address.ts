// Addresses as the site file and logs write them. Apart from the schema of the site file, so that who only takes addresses apart need not
// load it.
import ipaddr from 'ipaddr.js';

/** `HOST:PORT`, `[V6]:PORT`, or a bare address or name where a port is not needed. */
export const addressShape = /^(\[[0-9A-Fa-f:.%]+\]|[^\s:[\]/]+)(:(\d{1,5}))?$/;

/** Host and port of an `address` that the schema accepted. IPv6 comes back without brackets. */
export function splitAddress(text: string): { readonly host: string; readonly port: number | null } {
  if (ipaddr.IPv6.isValid(text)) return { host: text, port: null };
  const match = addressShape.exec(text);
  const host = match?.[1] ?? text;
  return {
    host: host.startsWith('[') ? host.slice(1, -1) : host,
    port: match?.[3] === undefined ? null : Number(match[3]),
  };
}
