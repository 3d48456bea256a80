// Nothing on the site's own machines mends it: evidence for the ISP, and another way meanwhile.
import type { Convicted } from '../../model/finding.ts';
import type { Fix } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixIspBlock(finding: Convicted): Fix {
  const fact = (name: string): string => String(finding.facts?.[name] ?? '');
  const site = fact('site');
  const port = fact('port');
  const entrance = fact('entrance') === '' ? null : fact('entrance');
  return {
    summary: say(
      `Report it to the ISP of ${fact('clients')} with captures of both ends; serve these clients by another address or line meanwhile.`,
      `携带两端抓包向 ${fact('clients')} 的运营商报障；在此期间用其他地址或线路为这些客户端提供服务。`,
    ),
    steps: [
      {
        title: say('Capture at the site while one of these clients asks', '在这些客户端访问时于站点侧抓包'),
        host: entrance,
        command: ['timeout', '30', 'tcpdump', '-nn', '-i', 'any', '-c', '200', 'tcp', 'and', 'host', site, 'and', 'port', port],
        risk: 'none',
      },
      {
        title: say(
          `From an affected client, find the last hop that answers on the way to ${site}: mtr -T -P ${port} ${site}`,
          `在受影响的客户端上查找到 ${site} 途中最后有应答的一跳：mtr -T -P ${port} ${site}`,
        ),
        host: null,
        risk: 'none',
      },
      {
        title: say(
          'Open a ticket with the ISP and the cloud (`why5xx ticket --to isp`)',
          '向运营商和云厂商提交工单（`why5xx ticket --to isp`）',
        ),
        host: null,
        risk: 'none',
      },
      {
        title: say(
          'Until then: a multi-line (BGP) address, a CDN, or another address of the site for that ISP by DNS',
          '在此之前：使用多线（BGP）地址、CDN，或通过 DNS 为该运营商提供站点的其他地址',
        ),
        host: null,
        risk: 'medium',
      },
    ],
    verify: say(
      `The same request from ${fact('clients')} is answered, as it is from other networks.`,
      `从 ${fact('clients')} 发送同一请求能像其他网络一样得到响应。`,
    ),
  };
}
