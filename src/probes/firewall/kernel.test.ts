// Loads real rule sets into a real kernel, sends real SYNs from several sources, and holds what the evaluation says against what
// happened: the outcome that connect() saw, and the counter of the rule that was named.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectErrorOf, evaluateArrival, synPacket, type Decision } from '../../facts/firewall.ts';
import {
  join,
  openConnector,
  openListeners,
  openNamespace,
  type Connector,
  type Ended,
  type Namespace,
} from '../../facts/testing/namespaces.ts';
import type { Firewall, Routes } from '../../model/observations.ts';
import { routes as routesProbe } from '../routes/probe.ts';
import { measure, measureAround } from '../testing/run-probe.ts';
import { firewall } from './probe.ts';

const balancer = '100.64.1.5';
const office = '203.0.113.9';
const stranger = '198.51.100.77';
const balancer6 = 'fd64::5';
const office6 = 'fd00:9::1';
const server4 = '10.9.0.2';
const server6 = 'fd00:9::2';

let client: Namespace;
let server: Namespace;
let connector: Connector;
let listeners: { close(): Promise<void> };
let routes: Routes;

beforeAll(async () => {
  client = await openNamespace();
  server = await openNamespace();
  await join(client, server, ['c0', 's0']);
  await client.must(`
    for a in 10.9.0.1/24 ${balancer}/32 ${office}/32 ${stranger}/32; do ip addr add $a dev c0; done
    for a in ${office6}/64 ${balancer6}/128; do ip addr add $a dev c0 nodad; done
    ip route add 192.0.2.0/24 via ${server4}`);
  await server.must(`
    for a in ${server4}/24 10.9.0.3/24; do ip addr add $a dev s0; done
    ip addr add ${server6}/64 dev s0 nodad
    ip route add default via 10.9.0.1
    ip -6 route add default via ${office6}
    echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
    echo 1 >/proc/sys/net/ipv4/ip_forward
    echo 0 >/proc/sys/net/ipv6/icmp/ratelimit`);
  listeners = await openListeners(server, [22, 80, 443, 8080, 9000]);
  connector = openConnector(client);
  routes = await measure(routesProbe, { prefix: server.prefix });
}, 30_000);

afterAll(async () => {
  await Promise.all([connector?.close(), listeners?.close()]);
  await Promise.all([client?.close(), server?.close()]);
});

async function load(rules: string): Promise<void> {
  await server.must(
    `nft flush ruleset; for t in iptables ip6tables; do for n in raw mangle nat filter; do $t-legacy -t $n -F 2>/dev/null || true; $t-legacy -t $n -X 2>/dev/null || true; done; $t-legacy -P INPUT ACCEPT; done; ipset destroy 2>/dev/null || true`,
  );
  await server.must(
    rules.startsWith('table')
      ? `nft -f - <<'RULES'\n${rules.replaceAll(/ \}$/gm, '\n}').replaceAll(/ \}\n\}$/gm, '\n}\n}')}\nRULES`
      : rules,
  );
}

async function ask(from: string, port: number, to?: string): Promise<{ ended: Ended; decision: Decision; evidence: Firewall }> {
  const daddr = to ?? (from.includes(':') ? server6 : server4);
  let ended: Ended = 'other';
  const evidence = await measureAround(
    firewall,
    async () => {
      ended = await connector.connect(from, daddr, port);
    },
    { prefix: server.prefix },
  );
  const decision = evaluateArrival(evidence, synPacket({ hook: 'input', saddr: from, daddr, dport: port, iif: 's0' }), { routes });
  return { ended, decision, evidence };
}

interface Case {
  readonly name: string;
  readonly rules: string;
  /** Source, port, how connect() must end; the last is a part of the deciding rule's text, where a rule decides. */
  readonly packets: readonly (readonly [from: string, port: number, ended: Ended, rule?: string])[];
}

const cases: readonly Case[] = [
  {
    name: 'no rules',
    rules: 'true',
    packets: [
      [balancer, 80, 'open'],
      [balancer6, 80, 'open'],
    ],
  },
  {
    name: 'nft drops the range of the balancer',
    rules:
      'table inet filter { chain input { type filter hook input priority 0; policy accept; ip saddr 100.64.0.0/10 tcp dport 80 counter drop; }; }',
    packets: [
      [balancer, 80, 'timeout', 'ip saddr 100.64.0.0/10 tcp dport 80 counter'],
      [balancer, 443, 'open'],
      [office, 80, 'open'],
      [balancer6, 80, 'open'],
    ],
  },
  {
    name: 'default drop with an allow list',
    rules: `table inet filter {
      set allowed { type ipv4_addr; flags interval; elements = { 203.0.113.0/24, 10.0.0.0-10.255.255.255 }; }
      chain input { type filter hook input priority filter; policy drop;
        ct state established,related accept
        iif lo accept
        ip protocol icmp accept
        meta l4proto ipv6-icmp accept
        ip saddr @allowed tcp dport { 80, 443 } counter accept
        tcp dport 22 counter accept
      } }`,
    packets: [
      [office, 80, 'open', '@allowed'],
      [balancer, 80, 'timeout'],
      [balancer, 22, 'open', 'tcp dport 22'],
      [stranger, 443, 'timeout'],
      [office6, 80, 'timeout'],
    ],
  },
  {
    name: 'reject with a reset',
    rules: 'table inet t { chain i { type filter hook input priority 0; ip saddr 100.64.1.5 counter reject with tcp reset; }; }',
    packets: [
      [balancer, 80, 'refused', 'reject with tcp reset'],
      [office, 80, 'open'],
    ],
  },
  {
    name: 'reject with ICMP port unreachable, the default',
    rules: 'table inet t { chain i { type filter hook input priority 0; tcp dport 80 counter reject; }; }',
    packets: [
      [balancer, 80, 'refused', 'reject'],
      [balancer6, 80, 'refused', 'reject'],
    ],
  },
  {
    name: 'reject as administratively prohibited, both families',
    rules: 'table inet t { chain i { type filter hook input priority 0; tcp dport 80 counter reject with icmpx admin-prohibited; }; }',
    packets: [
      [balancer, 80, 'unreachable', 'admin-prohibited'],
      [balancer6, 80, 'prohibited', 'admin-prohibited'],
    ],
  },
  {
    name: 'reject with host unreachable, IPv4 table only',
    rules:
      'table ip t { chain i { type filter hook input priority 0; ip saddr 100.64.0.0/10 counter reject with icmp host-unreachable; }; }',
    packets: [
      [balancer, 80, 'unreachable', 'host-unreachable'],
      [balancer6, 80, 'open'],
    ],
  },
  {
    name: 'IPv6 rules of their own',
    rules:
      'table ip6 t { chain i { type filter hook input priority 0; ip6 saddr fd64::/16 tcp dport { 80, 8080 } counter drop; ip6 saddr fd00::/8 tcp dport 443 counter reject with icmpv6 no-route; }; }',
    packets: [
      [balancer6, 80, 'timeout', 'ip6 saddr fd64::/16'],
      [balancer6, 443, 'unreachable', 'no-route'],
      [balancer, 80, 'open'],
      [office6, 80, 'open'],
    ],
  },
  {
    name: 'verdict map sends ports to chains; goto does not come back',
    rules: `table inet t {
      chain web { ip saddr 203.0.113.0/24 counter accept; ip saddr 198.51.100.0/24 return; counter drop; }
      chain alt { ip saddr 100.64.0.0/10 counter drop; }
      chain i { type filter hook input priority 0; policy accept;
        tcp dport vmap { 80 : jump web, 8080 : goto alt, 9000 : drop, 22 : accept }
        tcp dport { 80, 8080 } counter reject with tcp reset
      } }`,
    packets: [
      [office, 80, 'open', 'ip saddr 203.0.113.0/24'],
      [stranger, 80, 'refused', 'reject'],
      [balancer, 80, 'timeout', 'drop'],
      [balancer, 8080, 'timeout', '100.64.0.0/10'],
      [office, 8080, 'open'],
      [office, 9000, 'timeout', 'vmap'],
      [office, 22, 'open', 'vmap'],
    ],
  },
  {
    name: 'named verdict map by source prefix, with an interval',
    rules: `table ip t {
      map zones { type ipv4_addr : verdict; flags interval; elements = { 100.64.0.0/10 : jump lb, 203.0.113.0/24 : accept }; }
      chain lb { tcp dport 80 counter reject with icmp admin-prohibited; }
      chain i { type filter hook input priority 0; policy drop; ip saddr vmap @zones; tcp dport 443 counter accept; } }`,
    packets: [
      [balancer, 80, 'unreachable', 'admin-prohibited'],
      [balancer, 443, 'open', 'tcp dport 443'],
      [office, 80, 'open', '@zones'],
      [stranger, 80, 'timeout'],
    ],
  },
  {
    name: 'drop is final in a later chain, accept ends only its own',
    rules: `table inet early { chain i { type filter hook input priority -10; policy drop; tcp dport 80 counter accept; tcp dport 443 counter accept; }; }
table inet late { chain i { type filter hook input priority 10; policy accept; ip saddr 100.64.0.0/10 tcp dport 80 counter drop; }; }`,
    packets: [
      [balancer, 80, 'timeout', '100.64.0.0/10'],
      [balancer, 443, 'open', 'tcp dport 443'],
      [balancer, 22, 'timeout'],
      [office, 80, 'open', 'tcp dport 80'],
    ],
  },
  {
    name: 'ban list as fail2ban writes it',
    rules: `table inet f2b-table {
      set addr-set-nginx { type ipv4_addr; flags timeout; elements = { 100.64.1.5 timeout 1h, 192.0.2.1 timeout 1h }; }
      chain f2b-chain { type filter hook input priority filter - 1; policy accept; tcp dport { 80, 443 } ip saddr @addr-set-nginx counter reject with icmp port-unreachable; } }`,
    packets: [
      [balancer, 80, 'refused', '@addr-set-nginx'],
      [balancer, 22, 'open'],
      [office, 443, 'open'],
    ],
  },
  {
    name: 'geographic block list of intervals',
    rules: `table inet geo { set blocked { type ipv4_addr; flags interval; auto-merge; elements = { ${Array.from({ length: 300 }, (_, index) => `${20 + (index % 60)}.${index % 250}.0.0/16`).join(', ')}, 100.64.0.0/11, 198.51.100.64-198.51.100.127 }; }
      chain i { type filter hook prerouting priority raw; policy accept; ip saddr @blocked counter drop; } }`,
    packets: [
      [balancer, 80, 'timeout', '@blocked'],
      [stranger, 443, 'timeout', '@blocked'],
      [office, 80, 'open'],
    ],
  },
  {
    name: 'concatenation of address and port',
    rules: `table inet t { set pairs { type ipv4_addr . inet_service; flags interval; elements = { 100.64.0.0/10 . 80, 203.0.113.9 . 8000-8100 }; }
      chain i { type filter hook input priority 0; ip saddr . tcp dport @pairs counter drop; ip saddr . tcp dport { 198.51.100.77 . 443 } counter reject with tcp reset; } }`,
    packets: [
      [balancer, 80, 'timeout', '@pairs'],
      [balancer, 443, 'open'],
      [office, 8080, 'timeout', '@pairs'],
      [stranger, 443, 'refused', '198.51.100.77 . 443'],
      [stranger, 80, 'open'],
    ],
  },
  {
    name: 'states: only new connections are filtered',
    rules:
      'table inet t { chain i { type filter hook input priority 0; ct state established,related accept; ct state invalid drop; ct state new ip saddr 100.64.0.0/10 tcp flags & (fin|syn|rst|ack) == syn counter drop; ct state != new counter drop; }; }',
    packets: [
      [balancer, 80, 'timeout', 'tcp flags syn / fin,syn,rst,ack'],
      [office, 80, 'open'],
    ],
  },
  {
    name: 'negations, comparisons and interfaces',
    rules: `table inet t { chain i { type filter hook input priority 0;
      iifname != "s*" counter drop
      iifname "eth*" counter drop
      ip saddr != { 203.0.113.0/24, 100.64.0.0/10 } ip daddr 10.9.0.2 tcp dport != 22 counter drop
      tcp dport >= 8000 tcp dport < 9000 meta length > 40 counter reject with tcp reset } }`,
    packets: [
      [stranger, 80, 'timeout', 'ip saddr != '],
      [stranger, 22, 'open'],
      [office, 8080, 'refused', 'tcp dport >= 8000'],
      [office, 9000, 'open'],
      [balancer, 80, 'open'],
    ],
  },
  {
    name: 'marks set early decide later',
    rules: `table inet t {
      chain p { type filter hook prerouting priority mangle; ip saddr 100.64.0.0/10 meta mark set 0x21; ip saddr 203.0.113.9 meta mark set ip saddr map { 203.0.113.9 : 0x5 }; }
      chain i { type filter hook input priority 0; meta mark & 0x0f == 0x1 counter drop; meta mark 0x5 tcp dport 443 counter reject; } }`,
    packets: [
      [balancer, 80, 'timeout', 'meta mark & 0x0000000f == 0x00000001'],
      [office, 80, 'open'],
      [office, 443, 'refused', 'meta mark 0x00000005'],
      [stranger, 80, 'open'],
    ],
  },
  {
    name: 'destination NAT to another port, then filtered by the new port',
    rules: `table ip nat { chain pre { type nat hook prerouting priority dstnat; tcp dport 81 counter redirect to :80; tcp dport 82 dnat to 10.9.0.3:443; tcp dport 83 dnat ip to tcp dport map { 83 : 10.9.0.3 . 22 }; }; }
table inet filter { chain i { type filter hook input priority 0; ip saddr 100.64.0.0/10 tcp dport 80 counter drop; tcp dport 443 ip daddr 10.9.0.3 counter reject with tcp reset; tcp dport 22 ip daddr 10.9.0.3 counter drop; }; }`,
    packets: [
      [balancer, 81, 'timeout', 'tcp dport 80'],
      [office, 81, 'open'],
      [office, 82, 'refused', 'ip daddr 10.9.0.3'],
      [office, 83, 'timeout', 'tcp dport 22 ip daddr 10.9.0.3'],
    ],
  },
  {
    name: 'forwarded after NAT: the forward hook decides, input does not',
    rules: `table ip nat { chain pre { type nat hook prerouting priority dstnat; tcp dport 8443 dnat to 192.0.2.80:443; }; }
table inet filter { chain f { type filter hook forward priority 0; policy accept; ip saddr 100.64.0.0/10 ip daddr 192.0.2.80 counter reject with tcp reset; }; chain i { type filter hook input priority 0; policy accept; tcp dport 443 counter drop; }; }`,
    packets: [[balancer, 8443, 'refused', 'ip daddr 192.0.2.80']],
  },
  {
    name: 'untracked connections',
    rules: `table inet t { chain p { type filter hook prerouting priority raw; ip saddr 100.64.0.0/10 tcp dport 80 notrack; }
      chain i { type filter hook input priority 0; ct state untracked counter drop; ct state new counter accept; } }`,
    packets: [
      [balancer, 80, 'timeout', 'ct state untracked'],
      [balancer, 443, 'open', 'ct state new'],
      [office, 80, 'open', 'ct state new'],
    ],
  },
  {
    name: 'ingress chain of the device',
    rules:
      'table netdev edge { chain in { type filter hook ingress device "s0" priority -500; policy accept; ip saddr 100.64.0.0/10 tcp dport 80 counter drop; }; }',
    packets: [
      [balancer, 80, 'timeout', 'ip saddr 100.64.0.0/10'],
      [balancer, 443, 'open'],
    ],
  },
  {
    name: 'routing decides: fib',
    rules:
      'table inet t { chain p { type filter hook prerouting priority raw; fib daddr type != local counter drop; fib saddr . iif oif missing counter drop; ip saddr 100.64.0.0/10 fib saddr . iif oifname "s0" tcp dport 443 counter drop; }; }',
    packets: [
      [balancer, 80, 'open'],
      [balancer, 443, 'timeout', 'oifname "s0"'],
    ],
  },
  {
    name: 'raw payload and th expressions',
    rules:
      'table inet t { chain i { type filter hook input priority 0; meta l4proto { tcp, udp } th dport { 80, 8080 } @nh,96,32 0x64400105 counter drop; @th,16,16 443 meta nfproto ipv4 counter reject with tcp reset; }; }',
    packets: [
      [balancer, 80, 'timeout', '@nh,96,32'],
      [office, 80, 'open'],
      [office, 443, 'refused', 'tcp dport 443 meta nfproto ipv4'],
      [office6, 443, 'open'],
    ],
  },
  {
    name: 'named counter',
    rules:
      'table inet t { counter held { }; chain i { type filter hook input priority 0; ip saddr 100.64.0.0/10 counter name "held" drop; }; }',
    packets: [
      [balancer, 80, 'timeout', 'counter name "held"'],
      [office, 80, 'open'],
    ],
  },
  {
    name: 'firewalld in nft form: zones by source, the rest rejected',
    rules: `table inet firewalld {
      chain filter_PREROUTING { type filter hook prerouting priority filter + 10; policy accept; icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept; meta nfproto ipv6 fib saddr . mark . iif oif missing drop; }
      chain filter_INPUT { type filter hook input priority filter + 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname "lo" accept
        ct state invalid drop
        jump filter_INPUT_ZONES
        reject with icmpx admin-prohibited }
      chain filter_INPUT_ZONES { ip saddr 203.0.113.0/24 goto filter_IN_trusted; iifname "s0" goto filter_IN_public; goto filter_IN_public; }
      chain filter_IN_trusted { accept; }
      chain filter_IN_public { jump filter_IN_public_pre; jump filter_IN_public_allow; meta l4proto { icmp, ipv6-icmp } accept; }
      chain filter_IN_public_pre { }
      chain filter_IN_public_allow { tcp dport 22 ct state new,untracked accept; ip6 daddr fe80::/64 udp dport 546 ct state new,untracked accept; } }`,
    packets: [
      [balancer, 80, 'unreachable', 'icmpx admin-prohibited'],
      [balancer, 22, 'open', 'tcp dport 22'],
      [office, 80, 'open', 'accept'],
      [office6, 80, 'prohibited', 'icmpx admin-prohibited'],
    ],
  },
  {
    name: 'iptables: drop by source, text as -S prints it',
    rules: 'iptables -A INPUT -s 100.64.0.0/10 -p tcp -m multiport --dports 80,443 -m comment --comment "no balancer here" -j DROP',
    packets: [
      [
        balancer,
        80,
        'timeout',
        '-A INPUT -s 100.64.0.0/10 -p tcp -m multiport --dports 80,443 -m comment --comment "no balancer here" -j DROP',
      ],
      [balancer, 22, 'open'],
      [office, 80, 'open'],
    ],
  },
  {
    name: 'iptables: policy drop with an allow list',
    rules:
      'iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; iptables -A INPUT -i lo -j ACCEPT; iptables -A INPUT ! -s 100.64.0.0/10 -p tcp -m tcp --dport 80 -j ACCEPT; iptables -A INPUT -p tcp --dport 8000:8999 --syn -j ACCEPT; iptables -P INPUT DROP',
    packets: [
      [balancer, 80, 'timeout'],
      [office, 80, 'open', '! -s 100.64.0.0/10'],
      [balancer, 8080, 'open', '--dport 8000:8999'],
      [office, 443, 'timeout'],
    ],
  },
  {
    name: 'iptables: every kind of reject',
    rules:
      'iptables -A INPUT -p tcp --dport 80 -j REJECT --reject-with tcp-reset; iptables -A INPUT -p tcp --dport 443 -j REJECT; iptables -A INPUT -p tcp --dport 22 -j REJECT --reject-with icmp-host-prohibited; iptables -A INPUT -p tcp --dport 9000 -j REJECT --reject-with icmp-net-unreachable; ip6tables -A INPUT -p tcp --dport 80 -j REJECT --reject-with icmp6-adm-prohibited; ip6tables -A INPUT -p tcp --dport 443 -j REJECT',
    packets: [
      [balancer, 80, 'refused', 'tcp-reset'],
      [balancer, 443, 'refused', 'icmp-port-unreachable'],
      [balancer, 22, 'unreachable', 'icmp-host-prohibited'],
      [balancer, 9000, 'unreachable', 'icmp-net-unreachable'],
      [balancer6, 80, 'prohibited', 'icmp6-adm-prohibited'],
      [balancer6, 443, 'refused', 'icmp6-port-unreachable'],
    ],
  },
  {
    name: 'iptables: ufw-like chains with returns and goto',
    rules: `iptables -N ufw-before; iptables -N ufw-user; iptables -N ufw-skip; iptables -N ufw-after
      iptables -A INPUT -j ufw-before; iptables -A INPUT -j ufw-after; iptables -P INPUT DROP
      iptables -A ufw-before -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; iptables -A ufw-before -m conntrack --ctstate INVALID -j DROP
      iptables -A ufw-before -j ufw-user; iptables -A ufw-user -p tcp --dport 22 -j ACCEPT; iptables -A ufw-user -s 203.0.113.9 -j RETURN; iptables -A ufw-user -p tcp --dport 8080 -g ufw-skip; iptables -A ufw-user -p tcp --dport 443 -j ACCEPT
      iptables -A ufw-skip -s 198.51.100.0/24 -j ACCEPT
      iptables -A ufw-after -p tcp --dport 80 -s 203.0.113.9 -j ACCEPT; iptables -A ufw-after -p tcp --dport 80 -j LOG --log-prefix "[UFW BLOCK] "; iptables -A ufw-after -p tcp --dport 80 -j REJECT --reject-with tcp-reset`,
    packets: [
      [balancer, 22, 'open', '--dport 22'],
      [office, 80, 'open', 'ufw-after'],
      [balancer, 80, 'refused', 'tcp-reset'],
      [office, 443, 'timeout'],
      [balancer, 443, 'open', '--dport 443'],
      [stranger, 8080, 'open', 'ufw-skip'],
      [balancer, 8080, 'timeout'],
    ],
  },
  {
    name: 'iptables: ipset with networks, a hole in one, and pairs',
    rules: `ipset create bad hash:net; ipset add bad 100.64.0.0/10; ipset add bad 100.64.1.5 nomatch; ipset add bad 198.51.100.0/24; ipset create pairs hash:ip,port; ipset add pairs 203.0.113.9,tcp:443; ipset create all list:set; ipset add all bad
      iptables -A INPUT -p tcp --dport 80 -m set --match-set all src -j DROP; iptables -A INPUT -p tcp -m set --match-set pairs src,dst -j REJECT --reject-with tcp-reset; iptables -A INPUT -p tcp --dport 22 -m set ! --match-set bad src -j DROP`,
    packets: [
      [balancer, 80, 'open'],
      [stranger, 80, 'timeout', '--match-set all src'],
      [office, 443, 'refused', '--match-set pairs'],
      [office, 80, 'open'],
      [stranger, 22, 'open'],
      [office, 22, 'timeout', '! --match-set bad'],
    ],
  },
  {
    name: 'iptables: docker-like NAT with a user chain in forward',
    rules: `iptables -t nat -N DOCKER; iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER; iptables -t nat -A DOCKER -p tcp --dport 8443 -j DNAT --to-destination 192.0.2.80:443; iptables -t nat -A DOCKER -p tcp --dport 81 -j REDIRECT --to-ports 80
      iptables -N DOCKER-USER; iptables -A FORWARD -j DOCKER-USER; iptables -A DOCKER-USER -s 100.64.0.0/10 -p tcp -m conntrack --ctorigdstport 8443 -j REJECT --reject-with tcp-reset; iptables -A DOCKER-USER -p tcp -d 192.0.2.80 -j REJECT --reject-with icmp-host-unreachable; iptables -A INPUT -s 100.64.0.0/10 -p tcp --dport 80 -j DROP`,
    packets: [
      [office, 8443, 'unreachable', 'icmp-host-unreachable'],
      [balancer, 81, 'timeout', '--dport 80'],
      [office, 81, 'open'],
    ],
  },
  {
    name: 'iptables: marks, ranges, lengths and flags',
    rules: `iptables -t mangle -A PREROUTING -s 100.64.0.0/10 -j MARK --set-xmark 0x10/0x10; iptables -A INPUT -m mark --mark 0x10/0xf0 -p tcp --dport 80 -j DROP; iptables -A INPUT -m iprange --src-range 203.0.113.1-203.0.113.20 -p tcp --dport 443 -j DROP
      iptables -A INPUT -p tcp --dport 9000 -m length --length 0:59 -j DROP; iptables -A INPUT -p tcp --dport 9000 -m length --length 60:100 --tcp-flags FIN,SYN,RST,ACK SYN -j REJECT --reject-with tcp-reset; iptables -t raw -A PREROUTING -s 198.51.100.77 -p tcp --dport 22 -j DROP; iptables -A INPUT -p tcp -m string --string "sqlmap" --algo bm -j DROP`,
    packets: [
      [balancer, 80, 'timeout', '--mark 0x10/0xf0'],
      [balancer, 443, 'open'],
      [office, 443, 'timeout', '--src-range'],
      [office, 9000, 'refused', '--length 60:100'],
      [stranger, 22, 'timeout', '-A PREROUTING'],
      [stranger, 80, 'open'],
    ],
  },
  {
    name: 'iptables-legacy beside nft',
    rules: `iptables-legacy -A INPUT -s 100.64.0.0/10 -p tcp -m tcp --dport 80 -j DROP; iptables-legacy -A INPUT -s 203.0.113.9 -p tcp --dport 443 -j REJECT --reject-with tcp-reset; ip6tables-legacy -A INPUT -s fd64::/16 -p tcp --dport 80 -j DROP; nft add table inet t; nft 'add chain inet t i { type filter hook input priority 5; }'; nft add rule inet t i tcp dport 22 counter drop`,
    packets: [
      [balancer, 80, 'timeout', '-A INPUT -s 100.64.0.0/10'],
      [office, 443, 'refused', 'tcp-reset'],
      [balancer6, 80, 'timeout', 'fd64::/16'],
      [office, 22, 'timeout', 'tcp dport 22'],
      [office, 80, 'open'],
    ],
  },
  {
    name: 'a native rule added to the table of iptables',
    rules: `iptables -A INPUT -p tcp --dport 443 -j ACCEPT; nft 'add set ip filter held { type ipv4_addr; elements = { ${balancer} }; }'; nft add rule ip filter INPUT ip saddr @held counter drop`,
    packets: [
      [balancer, 80, 'timeout', '@held'],
      [balancer, 443, 'open', 'tcp dport 443'],
      [office, 80, 'open'],
    ],
  },
];

describe('rule sets in a real kernel', () => {
  it.for(cases)('$name', { timeout: 30_000 }, async ({ rules, packets }) => {
    await load(rules);
    for (const [from, port, expected, text] of packets) {
      const { ended, decision } = await ask(from, port);
      const seen = {
        from,
        port,
        ended,
        said: connectErrorOf(decision, from.includes(':') ? 6 : 4) ?? (decision.verdict === 'accept' ? 'open' : decision.verdict),
        rule: decision.rule?.text ?? null,
      };
      expect(seen).toEqual({
        from,
        port,
        ended: expected,
        said: expected,
        rule: text === undefined ? null : (expect.stringContaining(text) as string),
      });
      expect(decision.uncertain).toEqual([]);
      if (decision.rule !== null && decision.rule.packetsNow !== null)
        expect(decision.rule.packetsDelta, decision.rule.text).toBeGreaterThanOrEqual(1);
      if (decision.policy?.packetsDelta != null) expect(decision.policy.packetsDelta, 'policy').toBeGreaterThanOrEqual(1);
    }
  });
});

describe('what depends on the moment', () => {
  it('a rate limit: unknown, but the rule that may drop is named and has counted', { timeout: 20_000 }, async () => {
    await load(
      'table inet t { chain i { type filter hook input priority 0; ip saddr 100.64.0.0/10 tcp dport 80 ct state new limit rate over 1/hour burst 1 packets counter drop; }; }',
    );
    await connector.connect(balancer, server4, 80);
    await connector.connect(balancer, server4, 80);
    const { ended, decision } = await ask(balancer, 80);
    expect(ended).toBe('timeout');
    expect(decision).toMatchObject({ verdict: 'unknown', uncertain: [expect.stringContaining('rate limit over 1/hour')] });
    expect(decision.rule?.packetsDelta).toBeGreaterThanOrEqual(1);
  });

  it('a rule that came between the readings has no earlier counter', async () => {
    await load('iptables -A INPUT -p tcp --dport 443 -j DROP; iptables -A INPUT -p tcp --dport 80 -j DROP');
    const evidence = await measureAround(firewall, () => server.must('iptables -I INPUT 1 -p tcp --dport 22 -j DROP'), {
      prefix: server.prefix,
    });
    const decision = evaluateArrival(evidence, synPacket({ hook: 'input', saddr: balancer, daddr: server4, dport: 22, iif: 's0' }), {
      routes,
    });
    expect(decision.rule).toMatchObject({ handle: 1, packetsDelta: null });
  });
});
