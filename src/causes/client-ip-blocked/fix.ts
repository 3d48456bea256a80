// Takes the address off the list that holds it, where the list is known; else says where such lists are kept.
import type { Convicted } from '../../model/finding.ts';
import type { Fix, FixStep } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixClientIpBlocked(finding: Convicted): Fix {
  const { host } = finding;
  const fact = (name: string): string => String(finding.facts?.[name] ?? '');
  const who = fact('address') === '' ? fact('client') : fact('address');
  const steps: FixStep[] = [];
  if (fact('engine') === 'nft' && fact('set') !== '') {
    const element = ['element', fact('family'), fact('table'), fact('set'), '{', who, '}'];
    steps.push(
      {
        title: say(`See what the set ${fact('set')} holds`, `查看集合 ${fact('set')} 的内容`),
        host,
        command: ['nft', 'list', 'set', fact('family'), fact('table'), fact('set')],
        risk: 'none',
      },
      {
        title: say(`Take ${who} out of it`, `将 ${who} 移出该集合`),
        host,
        command: ['nft', 'delete', ...element],
        undo: ['nft', 'add', ...element],
        risk: 'low',
      },
    );
  } else if (fact('engine') === 'nginx') {
    steps.push({
      title: say(`Let ${who} in before “${fact('rule')}”, then reload nginx`, `在 “${fact('rule')}” 之前放行 ${who}，然后重新加载 nginx`),
      host,
      config: { file: fact('file'), text: `allow ${who};\n` },
      risk: 'low',
    });
  } else {
    steps.push({
      title: say(
        `Look ${who} up in the black list, the access list of the listener and the protection log of ${host}; take it out, or add it to the white list`,
        `在 ${host} 的黑名单、监听访问控制和防护日志中查找 ${who}，将其移除或加入白名单`,
      ),
      host: null,
      risk: 'low',
    });
  }
  steps.push({
    title: say(
      'Find out why it was listed (login failures, a scanner, too many requests from one address translator), or it will be listed again; after leaving an anti-DDoS product, remove the white list that let only its addresses in',
      '查明其被列入的原因（登录失败、扫描、同一 NAT 出口请求过多），否则会再次被拦截；停用高防后，应删除只允许高防回源地址的白名单',
    ),
    host: null,
    risk: 'none',
  });
  return {
    summary: say(`Take ${who} off the block list of ${fact('entrance')}.`, `将 ${who} 从 ${fact('entrance')} 的拦截名单中移除。`),
    steps,
    verify: say(`The same request from ${fact('client')} is answered.`, `从 ${fact('client')} 发送同一请求能得到正常响应。`),
  };
}
