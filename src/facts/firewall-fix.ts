// Lets the balancer's range in before the rule that keeps it out, by the tool that owns the rule.
import type { Convicted } from '../model/finding.ts';
import type { Fix, FixStep } from '../model/fix.ts';
import { say } from '../model/text.ts';

/** The fix for a firewall that keeps the balancer out, from the facts of `judgeBlock`. */
export function openFirewall(finding: Convicted): Fix {
  const { host } = finding;
  const fact = (name: string): string => String(finding.facts?.[name] ?? '');
  const ranges = Array.isArray(finding.facts?.ranges) ? (finding.facts.ranges as readonly string[]) : [];
  const port = fact('port');
  const byPolicy = finding.facts?.byPolicy === true;
  const steps: FixStep[] = [];
  for (const range of ranges) {
    const title = byPolicy
      ? say(`Let ${range} in to port ${port}`, `放行 ${range} 到 ${port} 端口`)
      : say(`Let ${range} in to port ${port}, before that rule`, `在该规则之前放行 ${range} 到 ${port} 端口`);
    steps.push({ title, host, risk: 'low', ...allow(fact, range, port, byPolicy) });
  }
  steps.push({
    title: say(
      'Make it permanent where the rule came from: firewalld, ufw, /etc/nftables.conf, iptables-save, or the allow list of the security agent; an agent puts its rule back otherwise',
      '在规则的来源处永久修改：firewalld、ufw、/etc/nftables.conf、iptables-save，或安全软件的白名单；否则安全软件会重新加上该规则',
    ),
    host,
    risk: 'low',
  });
  return {
    summary: say(
      `Allow ${ranges.join(', ')} on ${host ?? 'the backend'} before “${fact('rule')}”.`,
      `在 ${host ?? '后端'} 上于 “${fact('rule')}” 之前放行 ${ranges.join('、')}。`,
    ),
    steps,
    verify: say(
      `The rule’s counter stands still, and ${fact('balancer')} gets the page from port ${port} of this backend.`,
      `该规则的计数器不再增长，且 ${fact('balancer')} 能从该后端的 ${port} 端口取得页面。`,
    ),
  };
}

function allow(fact: (name: string) => string, range: string, port: string, byPolicy: boolean): Pick<FixStep, 'command' | 'undo'> {
  const six = range.includes(':');
  if (fact('engine') === 'iptables') {
    const tool = six ? 'ip6tables' : 'iptables';
    const rule = ['-s', range, '-p', 'tcp', '--dport', port, '-j', 'ACCEPT'];
    const position = byPolicy ? [] : [fact('handle')];
    const verb = byPolicy ? '-A' : '-I';
    return {
      command: [tool, '-t', fact('table'), verb, fact('chain'), ...position, ...rule],
      undo: [tool, '-t', fact('table'), '-D', fact('chain'), ...rule],
    };
  }
  const words = [six ? 'ip6' : 'ip', 'saddr', range, 'tcp', 'dport', port, 'accept'];
  const chain = [fact('family'), fact('table'), fact('chain')];
  // nft names what it added only by a new handle, so there is no command that takes it back blindly.
  return {
    command: byPolicy
      ? ['nft', 'add', 'rule', ...chain, ...words]
      : ['nft', 'insert', 'rule', ...chain, 'position', fact('handle'), ...words],
  };
}
