// The text of a rule must be what the operator finds with `nft list ruleset`: compared with the real nft, rule by rule.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isRecord } from './firewall-nft-values.ts';
import { renderRule } from './firewall-nft-text.ts';
import { openNamespace, type Namespace } from './testing/namespaces.ts';

const objects = `table inet t {
  set lb { type ipv4_addr; flags interval; auto-merge; elements = { 100.64.0.0/10, 10.0.0.1-10.0.0.9 }; }
  set ban { type ipv4_addr; flags timeout; timeout 1h; }
  set cc { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80-90, 1.1.1.1 . 443 }; }
  set dyn { type ipv4_addr; size 100; flags dynamic,timeout; }
  map m { type inet_service : verdict; elements = { 22 : accept }; }
  map mk { type ipv4_addr : mark; flags interval; elements = { 10.0.0.0/8 : 0x5 }; }
  counter cnt { }
  quota q { over 10 mbytes
  }
  limit lim { rate over 10/second
  }
  ct helper ftp-standard { type "ftp" protocol tcp
  }
  chain web { return; }
  chain in { type filter hook prerouting priority raw; policy accept; }
  chain nat { type nat hook prerouting priority dstnat; policy accept; }
  chain post { type nat hook postrouting priority srcnat; policy accept; }
}
`;

const filterRules = [
  'ct state vmap { established : accept, related : accept, invalid : drop }',
  'ct state established,related accept',
  'ct state { new, untracked } counter',
  'ct state != new counter',
  'iifname { "eth*", "lo" } accept',
  'iifname "eth0" ip saddr . tcp dport @cc accept',
  'ip saddr . tcp dport { 10.0.0.1 . 80, 10.0.0.0/24 . 100-200 } drop',
  'tcp dport vmap @m',
  'tcp flags & (fin|syn|rst|ack) == syn counter name cnt',
  'tcp flags syn / fin,syn,rst,ack counter',
  'tcp flags syn,ack counter',
  'tcp flags != syn counter',
  'tcp flags { syn, syn | ack } counter',
  'meta mark set ip saddr map @mk',
  'meta mark & 0xff == 0x5 drop',
  'meta mark set meta mark | 0x10',
  'ct mark set mark',
  'limit rate 10/second burst 20 packets accept',
  'limit name lim drop',
  'ip saddr @ban reject with tcp reset',
  'ip protocol icmp accept',
  'reject with icmpx type admin-prohibited',
  'meta nfproto ipv4 reject with icmp type host-prohibited',
  'add @dyn { ip saddr limit rate over 10/minute burst 5 packets } drop',
  'update @dyn { ip saddr timeout 10s } counter',
  'ct count over 20 reject',
  'tcp dport 80 ct count 3 drop',
  'meta skuid 1000 accept',
  'meta length 1400-1500 drop',
  'meta length > 1000 drop',
  'fib daddr type local accept',
  'fib saddr . iif oif missing drop',
  'fib saddr . iif oif eq 0 drop',
  'numgen random mod 100 < 5 drop',
  'numgen inc mod 3 vmap { 0 : accept, 1 : drop }',
  'jhash ip saddr mod 2 vmap { 0 : accept, 1 : drop }',
  'log group 2 snaplen 100',
  'quota over 25 mbytes drop',
  'quota name "q" drop',
  '@th,16,16 80 drop',
  '@nh,96,32 0x64400001 drop',
  'th dport 53 accept',
  'ip6 saddr fe80::/10 accept',
  'icmpv6 type { nd-neighbor-solicit, nd-router-advert } accept',
  'icmp type echo-request limit rate 5/second accept',
  'ip dscp set cs1',
  'meta l4proto { tcp, udp } th dport { 80, 443 } accept comment "web stuff"',
  'meta l4proto 132 drop',
  'tcp dport != { 80, 443 } drop',
  'ip saddr != 10.0.0.0/8 drop',
  'ip saddr 10.0.0.0-10.0.0.255 goto web',
  'ct status dnat accept',
  'ct direction original accept',
  'ct mark 0x1 accept',
  'meta pkttype broadcast drop',
  'meta iif lo accept',
  'iif != lo ip daddr 127.0.0.0/8 drop',
  'ether saddr 00:11:22:33:44:55 accept',
  'vlan id 5 accept',
  'meta protocol ip accept',
  'ct helper set "ftp-standard"',
  'socket transparent 1 accept',
  'meta hour "08:00"-"17:00" accept',
  'meta day "Monday" accept',
  'ct original ip saddr 1.1.1.1 accept',
  'ct bytes > 100000 drop',
  'ip ttl < 5 drop',
  'ip length 60 accept',
  'tcp dport 1000-2000 tcp sport >= 1024 accept',
  'log prefix "a b: " level info drop',
  'ip6 saddr != { fd00::/8, fe80::/10 } tcp dport 80 drop',
  'tcp dport { 80, 443, 8000-8100 } ip saddr { 10.0.0.0/8, 192.168.1.1-192.168.1.9 } counter accept',
  'ct state invalid log prefix "bad: " drop',
  'limit rate over 1 mbytes/second drop',
  'limit rate 100/minute burst 10 packets accept',
  'meta mark set 0x10',
  'ct mark set ct mark | 0x1',
  'meta iifname . ip saddr { "eth0" . 10.0.0.1, "eth1" . 10.0.0.2 } drop',
  'iifname vmap { "lo" : accept, "eth0" : jump web }',
  'udp dport 53 accept',
  'tcp sport 1-1023 drop',
  'meta l4proto icmp accept',
  'meta time > "2030-01-01 00:00:00" drop',
  'reject with icmpv6 no-route',
  'tcp flags & (syn | ack) == syn | ack drop',
  'ip daddr . tcp dport vmap { 10.0.0.1 . 80 : drop }',
  'meta oifname "eth0" drop',
  'jump web',
  'notrack',
  'ip saddr & 255.255.0.0 == 10.1.0.0 drop',
  'meta cgroup 5 drop',
  'meta pkttype != unicast drop',
  'tcp dport 80 reject with tcp reset',
  'add @dyn { ip saddr timeout 1m limit rate 5/second burst 10 packets } accept',
];

const natRules = [
  ['nat', 'tcp dport 81 redirect to :80'],
  ['nat', 'tcp dport 82 dnat ip to 10.0.0.2:8080'],
  ['nat', 'ip daddr 1.2.3.4 dnat ip to 10.0.0.3'],
  ['nat', 'tcp dport 83 dnat ip6 to [fd00::1]:80'],
  ['nat', 'dnat ip to tcp dport map { 80 : 10.0.0.1, 443 : 10.0.0.2 }'],
  ['nat', 'dnat ip to ip saddr . tcp dport map { 10.1.1.1 . 80 : 10.0.0.1 . 8080 }'],
  ['nat', 'dnat ip to numgen inc mod 2 map { 0 : 10.0.0.1, 1 : 10.0.0.2 }'],
  ['post', 'ip saddr 10.0.0.0/8 masquerade'],
  ['post', 'oifname "eth0" masquerade random,persistent'],
  ['post', 'snat ip to 10.0.0.9'],
] as const;

let namespace: Namespace;
beforeAll(async () => {
  namespace = await openNamespace();
  const loaded = await namespace.run(['nft', '-f', '-'], objects);
  if (loaded.code !== 0) throw new Error(loaded.stderr);
});
afterAll(() => namespace?.close());

async function bothTexts(chain: string, rule: string): Promise<{ nft: string; ours: string }> {
  const added = await namespace.run(['nft', '-f', '-'], `flush chain inet t ${chain}\nadd rule inet t ${chain} ${rule}\n`);
  if (added.code !== 0) throw new Error(`${rule}: ${added.stderr}`);
  const listed = (await namespace.run(['nft', 'list', 'chain', 'inet', 't', chain])).stdout;
  const nft = /policy \w+;\n\t\t(.*)\n\t}/s.exec(listed)?.[1] ?? '';
  const read: unknown = JSON.parse((await namespace.run(['nft', '-j', 'list', 'chain', 'inet', 't', chain])).stdout);
  const entries = isRecord(read) && Array.isArray(read['nftables']) ? read['nftables'] : [];
  const rules = entries.flatMap((entry: unknown) => (isRecord(entry) && isRecord(entry['rule']) ? [entry['rule']] : []));
  if (rules.length !== 1) throw new Error(`${rule}: ${rules.length} rules`);
  return { nft: nft.replaceAll(/\s*\n\s*/g, ' '), ours: renderRule(rules[0] ?? {}) };
}

it.for(filterRules)('%s', async (rule) => {
  const { nft, ours } = await bothTexts('in', rule);
  expect(nft).not.toBe('');
  expect(ours).toBe(nft);
});

it.for(natRules)('%s: %s', async ([chain, rule]) => {
  const { nft, ours } = await bothTexts(chain, rule);
  expect(nft).not.toBe('');
  expect(ours).toBe(nft);
});
