// The network that a client belongs to: failures that follow an address block point at the way to the site, not at the site.

/** IPv4 /24, IPv6 /48 (an IPv4 address inside IPv6 counts as IPv4); what is no address stays as it is. */
export function networkOf(client: string): string {
  const dot = client.lastIndexOf('.');
  if (dot > 0 && !client.startsWith('[')) {
    const from = client.startsWith('::ffff:') ? 7 : 0;
    if (isIpv4(client, from)) return `${client.slice(from, dot)}.0/24`;
  }
  if (client.includes(':')) return ipv6Network(client, 3) ?? client;
  return client;
}

/** A wider block, for when there are too many: IPv4 /16, IPv6 /32. */
export function widerNetworkOf(network: string): string {
  if (network.endsWith('.0/24')) {
    return `${network.slice(0, network.indexOf('.', network.indexOf('.') + 1))}.0.0/16`;
  }
  if (network.endsWith('::/48')) return ipv6Network(network.slice(0, -3), 2) ?? network;
  return network;
}

function isIpv4(text: string, from: number): boolean {
  let dots = 0;
  let digits = 0;
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      if (digits === 0) return false;
      dots++;
      digits = 0;
    } else if (code >= 48 && code <= 57) {
      digits++;
      if (digits > 3) return false;
    } else return false;
  }
  return dots === 3 && digits > 0;
}

function ipv6Network(text: string, groups: number): string | null {
  const gap = text.indexOf('::');
  const head = (gap < 0 ? text : text.slice(0, gap)).split(':');
  const kept: string[] = [];
  for (const group of head.slice(0, groups)) {
    if (group === '' && gap === 0) break;
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return null;
    kept.push(Number.parseInt(group, 16).toString(16));
  }
  if (gap < 0 && head.length !== 8) return null;
  while (kept.length < groups) kept.push('0');
  while (kept.length > 1 && kept.at(-1) === '0') kept.pop();
  return `${kept.join(':')}::/${groups * 16}`;
}
