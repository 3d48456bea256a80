// Smaller cookies mend it everywhere; a larger limit at one hop only moves it to the next one.
import type { Convicted } from '../../model/finding.ts';
import type { Fix, FixStep } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixHeaderTooLargeRequest(finding: Convicted): Fix {
  const { host } = finding;
  const bytes = Number(finding.facts?.bytes ?? 0);
  const product = String(finding.facts?.product ?? '');
  const file = String(finding.facts?.file ?? '');
  const url = finding.facts?.url === true;
  const size = Math.max(16, 2 ** Math.ceil(Math.log2(Math.max(1, bytes / 1024) * 1.25)));
  const steps: FixStep[] = [
    url
      ? {
          title: say('Send what makes the URL long in the body of a POST request', '将使 URL 变长的内容改放到 POST 请求体中'),
          host: null,
          risk: 'medium',
        }
      : {
          title: say(
            'Find what grew: cookies of many applications under one domain, a token with all of a user’s rights; shorten it, keep it on the server, narrow the cookies’ Path and Domain',
            '找出变大的内容：同一域名下多个应用的 Cookie、携带全部权限的令牌；缩短它、改存服务端、收窄 Cookie 的 Path 与 Domain',
          ),
          host: null,
          risk: 'low',
        },
  ];
  if (product === 'nginx') {
    steps.push(
      {
        title: say(
          'Allow larger lines, in the http block or in the default server of the port',
          '在 http 块或该端口的默认 server 中放宽限制',
        ),
        host,
        config: { file, text: `large_client_header_buffers 4 ${size}k;\n` },
        risk: 'low',
      },
      { title: say('Check the configuration', '检查配置'), host, command: ['nginx', '-t'], risk: 'none' },
      { title: say('Reload nginx', '重新加载 nginx'), host, command: ['nginx', '-s', 'reload'], risk: 'low' },
    );
  } else if (product === 'haproxy') {
    steps.push(
      {
        title: say('Allow larger headers; every connection takes two such buffers of memory', '放宽限制；每个连接会占用两个这样的缓冲区'),
        host,
        config: { file, text: `global\n  tune.bufsize ${size * 1024 + 1024}\n` },
        risk: 'medium',
      },
      { title: say('Check the configuration', '检查配置'), host, command: ['haproxy', '-c', '-f', file], risk: 'none' },
      { title: say('Reload HAProxy', '重新加载 HAProxy'), host, command: ['systemctl', 'reload', 'haproxy'], risk: 'low' },
    );
  } else {
    steps.push({
      title: say(
        'Raise the limit of that hop where it can be raised (Alibaba Cloud CLB and ALB: 32 KB a header, fixed; Tomcat maxHttpRequestHeaderSize; Node --max-http-header-size)',
        '若该跳的限制可调则调大（阿里云 CLB、ALB 每个请求头 32 KB，不可调；Tomcat maxHttpRequestHeaderSize；Node --max-http-header-size）',
      ),
      host: null,
      risk: 'low',
    });
  }
  return {
    summary: url
      ? say(
          `Shorten the URL, or let ${host ?? 'that hop'} take lines of ${size} KiB.`,
          `缩短 URL，或让 ${host ?? '该跳'} 接受 ${size} KiB 的请求行。`,
        )
      : say(
          `Shrink the cookies or token; ${size} KiB at ${host ?? 'that hop'} and at every hop behind it gives room meanwhile.`,
          `缩小 Cookie 或令牌；在此期间可将 ${host ?? '该跳'} 及其后每一跳放宽到 ${size} KiB。`,
        ),
    steps,
    verify: say(
      `The same request with ${bytes} bytes is answered; \`curl -H "X-Pad: $(head -c ${bytes} /dev/zero | tr '\\0' a)"\` passes every hop.`,
      `同一 ${bytes} 字节的请求得到正常响应；\`curl -H "X-Pad: $(head -c ${bytes} /dev/zero | tr '\\0' a)"\` 能通过每一跳。`,
    ),
  };
}
