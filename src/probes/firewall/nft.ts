// Reads `nft -j list ruleset`, and settles which of its tables belong to iptables, so that no rule is looked at twice.
import type { IptablesRules, NftObject } from '../../model/observations.ts';
import { ProbeError } from '../../model/probe.ts';

type Tables = IptablesRules['tables'];

/** The objects of the rule set without the leading metainfo. An empty output is an empty rule set. Throws ProbeError on anything else. */
export function parseNft(text: string): NftObject[] {
  if (text.trim() === '') return [];
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    throw new ProbeError('nft printed something that is not JSON');
  }
  const list = isRecord(read) ? read['nftables'] : undefined;
  if (!Array.isArray(list)) throw new ProbeError('nft printed JSON without a rule set');
  return list.filter(isRecord).filter((entry) => !('metainfo' in entry));
}

/**
 * iptables-nft keeps its rules in nft tables, where nft shows some of their matches only as `xt`. Such a table is left to the iptables
 * view and marked `"viewedBy": "iptables"` in the nft view; its chains and rules go. A table that holds rules which iptables did not
 * write (iptables-save prints those wrongly, or not at all) is left to the nft view.
 */
export function settleOwnership(
  nft: readonly NftObject[] | null,
  tables: { readonly 4: Tables | null; readonly 6: Tables | null },
): { nft: readonly NftObject[] | null; tables: { 4: Tables | null; 6: Tables | null } } {
  if (nft === null) return { nft, tables };
  const kept: { 4: Tables | null; 6: Tables | null } = { 4: null, 6: null };
  const foreign = new Set<string>();
  for (const family of [4, 6] as const) {
    const name = family === 4 ? 'ip' : 'ip6';
    kept[family] =
      tables[family]?.filter((table) => {
        if (table.legacy === true) return true;
        const key = `${name} ${table.name}`;
        const own = writtenByIptables(nft, key, table);
        // A table without any rule on both sides is nothing to evaluate, but its policies are.
        if (own) foreign.add(key);
        return own;
      }) ?? null;
  }
  const marked = nft.flatMap((entry): NftObject[] => {
    const [kind, body] = Object.entries(entry)[0] ?? ['', null];
    if (!isRecord(body)) return [entry];
    if (kind === 'table')
      return foreign.has(`${String(body['family'])} ${String(body['name'])}`) ? [{ table: { ...body, viewedBy: 'iptables' } }] : [entry];
    return foreign.has(`${String(body['family'])} ${String(body['table'])}`) ? [] : [entry];
  });
  return { nft: marked, tables: kept };
}

function writtenByIptables(nft: readonly NftObject[], key: string, table: Tables[number]): boolean {
  const bodies = (kind: string): NftObject[] =>
    nft
      .map((entry) => entry[kind])
      .filter(isRecord)
      .filter((body) => `${String(body['family'])} ${String(body['table'])}` === key);
  if (bodies('map').length > 0 || bodies('set').length > 0) return false;
  const chains = new Set(table.chains.map((chain) => chain.name));
  if (bodies('chain').some((chain) => !chains.has(String(chain['name'])))) return false;
  const rules = bodies('rule');
  // Every rule of iptables has a counter, as its own statement.
  return (
    rules.length === table.rules.length &&
    rules.every(
      (rule) => Array.isArray(rule['expr']) && rule['expr'].some((statement) => isRecord(statement) && isRecord(statement['counter'])),
    )
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
