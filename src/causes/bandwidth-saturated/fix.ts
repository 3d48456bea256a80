// More bandwidth, or fewer bytes over this link.
import type { Convicted } from '../../model/finding.ts';
import type { Fix } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixBandwidthSaturated(finding: Convicted): Fix {
  const { host } = finding;
  const device = String(finding.facts?.device ?? 'eth0');
  const limit = String(finding.facts?.limit ?? '');
  const shaped = String(finding.facts?.shaper ?? '') !== '';
  return {
    summary: say(
      `Raise the limit of ${limit} on ${host ?? 'the backend'}, or move large transfers off ${device}.`,
      `提高 ${host ?? '后端'} 的 ${limit} 上限，或把大流量传输移出 ${device}。`,
    ),
    steps: [
      { title: say('See who sends how much', '查看各连接的发送量'), host, command: ['ss', '-tino', 'state', 'established'], risk: 'none' },
      shaped
        ? {
            title: say(
              `Raise the rate of the shaper on ${device} where it is set (cloud agent, systemd-networkd, a tc script)`,
              `在设置处提高 ${device} 上限速器的速率（云代理、systemd-networkd、tc 脚本）`,
            ),
            host,
            command: ['tc', '-s', 'qdisc', 'show', 'dev', device],
            risk: 'none',
          }
        : { title: say('Raise the bandwidth of the instance or of its address', '提升实例或公网地址的带宽规格'), host: null, risk: 'low' },
      {
        title: say('Serve large files from object storage or a CDN, and compress text', '大文件改由对象存储或 CDN 提供，文本启用压缩'),
        host,
        risk: 'low',
      },
      { title: say('Add backends, so that each has less to send', '增加后端，分摊出流量'), host: null, risk: 'low' },
    ],
    verify: say(
      `\`tc -s qdisc show dev ${device}\` counts no more drops under the same load, and the page connects at once.`,
      `相同负载下 \`tc -s qdisc show dev ${device}\` 的 dropped 不再增长，且页面立即连上。`,
    ),
  };
}
