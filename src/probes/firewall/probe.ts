// The packet filter as the kernel has it: every rule with its counter, from nft, iptables (nft and legacy) and ipset.
import type { Firewall, IptablesRules, NftObject } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';
import { iptablesCounterKey, iptablesPolicyKey, nftCounterKey, nftNamedCounterKey, nftRulePackets } from '../../facts/firewall.ts';
import { parseIptablesSave, parseIpsetSave } from './iptables-save.ts';
import { parseNft, settleOwnership } from './nft.ts';

// The iptables tools are asked only where there is something of theirs: each is a process, and loading kernel modules is not our business.
// `rc` is the tool's exit code, `none` where it is missing.
const script = `
w5_nft= w5_rc=none
if w5_have nft; then
  w5_nft=$(w5_try 10 nft -j list ruleset 2>/dev/null)
  w5_rc=$?
fi
printf '@@nft %s\\n%s\\n' "$w5_rc" "$w5_nft"
w5_legacy4= w5_legacy6= w5_denied=
if [ -e /proc/net/ip_tables_names ] || [ -e /proc/net/ip6_tables_names ]; then
  w5_legacy4=$(cat /proc/net/ip_tables_names 2>/dev/null) || [ ! -e /proc/net/ip_tables_names ] || w5_denied=1
  w5_legacy6=$(cat /proc/net/ip6_tables_names 2>/dev/null) || [ ! -e /proc/net/ip6_tables_names ] || w5_denied=1
fi
w5_save() {
  w5_rc=none w5_out=
  if w5_have "$1"; then
    w5_out=$(w5_try 10 "$1" -c 2>/dev/null)
    w5_rc=$?
  fi
  printf '@@%s %s\\n%s\\n' "$1" "$w5_rc" "$w5_out"
  case $w5_out in *--match-set*) w5_sets=1 ;; esac
}
w5_sets=
case $w5_rc:$w5_nft in
  0:*'"family": "ip"'*) w5_save iptables-save ;;
  0:*) [ -z "$w5_legacy4" ] || w5_have iptables-legacy-save || w5_save iptables-save ;;
  *) w5_save iptables-save ;;
esac
case $w5_nft in
  *'"family": "ip6"'*) w5_save ip6tables-save ;;
  *) if [ -z "$w5_nft" ]; then w5_save ip6tables-save; elif [ -n "$w5_legacy6" ] && ! w5_have ip6tables-legacy-save; then w5_save ip6tables-save; fi ;;
esac
if [ -n "$w5_legacy4" ] && w5_have iptables-legacy-save; then w5_save iptables-legacy-save; fi
if [ -n "$w5_legacy6" ] && w5_have ip6tables-legacy-save; then w5_save ip6tables-legacy-save; fi
if [ -n "$w5_sets" ]; then
  w5_rc=none w5_out=
  if w5_have ipset; then w5_out=$(w5_try 10 ipset save 2>/dev/null); w5_rc=$?; fi
  printf '@@ipset %s\\n%s\\n' "$w5_rc" "$w5_out"
fi
printf '@@names %s\\n%s %s\\n' "\${w5_denied:-0}" "$w5_legacy4" "$w5_legacy6"
printf '@@end 0\\n'
if [ -n "$w5_denied" ] || { w5_have nft && [ -z "$w5_nft" ]; }; then w5_needs_root 'firewall rules and their counters'; fi
`;

/** Everything but the earlier counters, and the counters of this reading with the text of what they count. */
export interface FirewallSample {
  readonly rules: Omit<Firewall, 'before'>;
  readonly counters: ReadonlyMap<string, { readonly packets: number; readonly of: string }>;
}

export const firewall = defineHostProbe<'firewall', FirewallSample>({
  id: 'firewall',
  title: 'Firewall rules with their counters',
  roles: ['edge', 'balancer', 'backend'],
  when: 'both',
  script,
  parse(output) {
    const parts = sections(output);
    const nft = parts.get('nft');
    if (!nft || !parts.has('end'))
      throw new ProbeError(nft ? 'the rule set is too large to be read whole' : 'no answer about the firewall');
    const saved = (name: string): IptablesRules['tables'] | null => {
      const part = parts.get(name);
      return part && part.exit === '0' ? parseIptablesSave(part.text, name.includes('legacy')) : null;
    };
    const objects = nft.exit === '0' ? parseNft(nft.text) : null;
    const four = merged(saved('iptables-save'), saved('iptables-legacy-save'));
    const six = merged(saved('ip6tables-save'), saved('ip6tables-legacy-save'));
    const settled = settleOwnership(objects, { 4: four, 6: six });
    const reason = whyUnread(parts, objects !== null || four !== null || six !== null);
    const ipset = parts.get('ipset');
    const rules: FirewallSample['rules'] = {
      nft: settled.nft,
      iptables: tablesOf(settled.tables[4], objects !== null || four !== null),
      ip6tables: tablesOf(settled.tables[6], objects !== null || six !== null),
      reason,
      ipsets: ipset && ipset.exit === '0' ? parseIpsetSave(ipset.text) : {},
    };
    return { rules, counters: countersOf(rules) };
  },
  combine(before, after) {
    if (!before) return { ...after.rules, before: null };
    // A position that holds another rule now says nothing about this one.
    const same = [...before.counters].filter(([key, counter]) => after.counters.get(key)?.of === counter.of);
    return { ...after.rules, before: Object.fromEntries(same.map(([key, counter]) => [key, counter.packets])) };
  },
});

function sections(output: string): Map<string, { exit: string; text: string }> {
  const found = new Map<string, { exit: string; text: string }>();
  for (const part of output.split(/^@@(?=[a-z0-9-]+ [a-z0-9]+$)/m).slice(1)) {
    const head = part.indexOf('\n');
    const [name = '', exit = ''] = part
      .slice(0, head < 0 ? part.length : head)
      .trim()
      .split(' ');
    if (!found.has(name)) found.set(name, { exit, text: head < 0 ? '' : part.slice(head + 1) });
  }
  return found;
}

// A tool that is alive and says nothing of a family means that the family has no rules; null is for "nobody could be asked".
function tablesOf(tables: IptablesRules['tables'] | null, readable: boolean): IptablesRules | null {
  return tables ? { tables } : readable ? { tables: [] } : null;
}

function merged(tables: IptablesRules['tables'] | null, legacy: IptablesRules['tables'] | null): IptablesRules['tables'] | null {
  if (!tables || !legacy) return tables ?? legacy;
  // Where the plain command is the legacy one, both have said the same.
  return tables.some((table) => table.legacy === true) ? tables : [...tables, ...legacy];
}

function whyUnread(parts: ReadonlyMap<string, { exit: string; text: string }>, some: boolean): string | null {
  const failed = [...parts].filter(([name, part]) => name !== 'names' && name !== 'end' && part.exit !== '0');
  const denied = failed.filter(([, part]) => part.exit !== 'none').map(([name]) => name);
  const missing = failed.filter(([, part]) => part.exit === 'none').map(([name]) => name);
  if (!some && denied.length === 0) return `${missing.join(', ')} not installed`;
  if (denied.length > 0) return `${denied.join(', ')} not permitted: needs root`;
  const legacy = parts.get('names')?.text.trim() ?? '';
  if (legacy !== '' && missing.includes('iptables-save')) return 'iptables rules exist and iptables-save is not installed';
  return missing.includes('ipset') ? 'rules use ipset and ipset is not installed' : null;
}

function countersOf(rules: FirewallSample['rules']): Map<string, { packets: number; of: string }> {
  const counters = new Map<string, { packets: number; of: string }>();
  for (const entry of rules.nft ?? []) {
    const [kind, object] = Object.entries(entry)[0] ?? ['', null];
    if (typeof object !== 'object' || object === null) continue;
    const body = object as NftObject;
    if (kind === 'rule') {
      const packets = nftRulePackets(body);
      if (packets !== null) counters.set(nftCounterKey(body), { packets, of: JSON.stringify(withoutCounts(body['expr'])) });
    } else if (kind === 'counter' && typeof body['packets'] === 'number')
      counters.set(nftNamedCounterKey(body), { packets: body['packets'], of: 'counter' });
  }
  for (const command of ['iptables', 'ip6tables'] as const) {
    for (const table of rules[command]?.tables ?? []) {
      const numbers = new Map<string, number>();
      for (const rule of table.rules) {
        const number = (numbers.get(rule.chain) ?? 0) + 1;
        numbers.set(rule.chain, number);
        counters.set(iptablesCounterKey(command, table, rule.chain, number), { packets: rule.packets, of: rule.text });
      }
      for (const chain of table.chains) {
        if (chain.packets !== null && chain.policy !== null)
          counters.set(iptablesPolicyKey(command, table, chain.name), { packets: chain.packets, of: chain.policy });
      }
    }
  }
  return counters;
}

function withoutCounts(statements: unknown): unknown {
  if (!Array.isArray(statements)) return statements;
  return statements.map((statement: unknown) =>
    typeof statement === 'object' && statement !== null && 'counter' in statement ? 'counter' : statement,
  );
}
