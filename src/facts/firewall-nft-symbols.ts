// The names that nft prints for numbers (nft describe …), by kind of value.

/** Symbol tables by kind. */
export const symbols: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  l4proto: {
    icmp: 1,
    igmp: 2,
    tcp: 6,
    udp: 17,
    dccp: 33,
    gre: 47,
    esp: 50,
    ah: 51,
    icmpv6: 58,
    'ipv6-icmp': 58,
    comp: 108,
    vrrp: 112,
    sctp: 132,
    udplite: 136,
  },
  nfproto: { ipv4: 2, ipv6: 10 },
  ethertype: { ip: 0x0800, arp: 0x0806, vlan: 0x8100, '8021q': 0x8100, '8021ad': 0x88a8, ip6: 0x86dd },
  'ct state': { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 },
  'ct status': { expected: 1, 'seen-reply': 2, assured: 4, confirmed: 8, snat: 16, dnat: 32, dying: 512 },
  'ct direction': { original: 0, reply: 1 },
  'tcp flags': { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ecn: 64, cwr: 128 },
  pkttype: { host: 0, unicast: 0, broadcast: 1, multicast: 2, other: 3, loopback: 5 },
  'fib type': { unspec: 0, unicast: 1, local: 2, broadcast: 3, anycast: 4, multicast: 5, blackhole: 6, unreachable: 7, prohibit: 8 },
  // What `nft -S` prints; others stay numbers there only if /etc/services does not know them, and are then a doubt here.
  port: { ftp: 21, ssh: 22, telnet: 23, smtp: 25, domain: 53, http: 80, pop3: 110, ntp: 123, imap2: 143, snmp: 161, https: 443, submission: 587, imaps: 993, mysql: 3306, postgresql: 5432, 'http-alt': 8080 },
};
