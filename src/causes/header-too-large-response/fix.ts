// A larger buffer at the hop that ran out, with the settings that have to grow along; and a smaller header, which mends every hop.
import type { Convicted } from '../../model/finding.ts';
import type { Fix, FixStep } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixHeaderTooLargeResponse(finding: Convicted): Fix {
  const { host } = finding;
  const bytes = Number(finding.facts?.bytes ?? 0);
  const product = String(finding.facts?.product ?? '');
  const file = String(finding.facts?.file ?? '');
  const kind = String(finding.facts?.setting ?? '').replace(/_buffer_size$/, '');
  const size = Math.max(16, 2 ** Math.ceil(Math.log2(Math.max(1, bytes / 1024) * 1.25)));
  const prefix = /^[a-z]+$/.test(kind) ? kind : 'proxy';
  const steps: FixStep[] = [];
  if (product === 'haproxy') {
    steps.push(
      {
        title: say('Take larger headers; every connection takes two such buffers of memory', '放宽缓冲区；每个连接会占用两个这样的缓冲区'),
        host,
        config: { file: file === '' ? 'haproxy.cfg' : file, text: `global\n  tune.bufsize ${size * 1024 + 1024}\n` },
        risk: 'medium',
      },
      {
        title: say('Check the configuration', '检查配置'),
        host,
        command: ['haproxy', '-c', '-f', file === '' ? '/etc/haproxy/haproxy.cfg' : file],
        risk: 'none',
      },
      { title: say('Reload HAProxy', '重新加载 HAProxy'), host, command: ['systemctl', 'reload', 'haproxy'], risk: 'low' },
    );
  } else {
    const text =
      prefix === 'proxy' || prefix === 'fastcgi' || prefix === 'uwsgi' || prefix === 'scgi'
        ? `${prefix}_buffer_size ${size}k;\n${prefix}_buffers 8 ${size}k;\n${prefix}_busy_buffers_size ${size * 2}k;\n`
        : `${prefix}_buffer_size ${size}k;\n`;
    steps.push(
      {
        title: say('Take larger headers, in the location of this page', '在该页面的 location 中放宽缓冲区'),
        host,
        config: { file, text },
        risk: 'low',
      },
      { title: say('Check the configuration', '检查配置'), host, command: ['nginx', '-t'], risk: 'none' },
      { title: say('Reload nginx', '重新加载 nginx'), host, command: ['nginx', '-s', 'reload'], risk: 'low' },
    );
  }
  steps.push({
    title: say(
      'Find the header that grew (Set-Cookie, debug or tracing headers, a policy) and make it smaller',
      '找出变大的响应头（Set-Cookie、调试或跟踪头、安全策略）并缩小它',
    ),
    host: null,
    risk: 'low',
  });
  return {
    summary: say(
      `Give ${host ?? 'the proxy'} a header buffer of ${size} KiB, and make the header smaller.`,
      `将 ${host ?? '该代理'} 的响应头缓冲区调到 ${size} KiB，并缩小响应头。`,
    ),
    steps,
    verify: say(
      'The page is answered through the balancer, and its log has no new line about too large headers.',
      '经负载均衡访问该页面正常，日志不再出现响应头过大的记录。',
    ),
  };
}
