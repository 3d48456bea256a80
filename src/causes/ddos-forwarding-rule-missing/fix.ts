// The rule is made in the console of the edge; where the edge is an nginx of one's own, its shape is shown.
import type { Convicted } from '../../model/finding.ts';
import type { Fix } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixDdosForwardingRuleMissing(finding: Convicted): Fix {
  const fact = (name: string): string => String(finding.facts?.[name] ?? '');
  const domain = fact('domain');
  const secure = fact('scheme') === 'https';
  return {
    summary: say(
      `Add ${domain} with ${secure ? 'HTTPS and its certificate' : 'HTTP'} and the origin ${fact('balancer')} to the website configuration of ${fact('edge')}.`,
      `在 ${fact('edge')} 的网站配置中添加 ${domain}，协议 ${secure ? 'HTTPS（并上传证书）' : 'HTTP'}，源站 ${fact('balancer')}。`,
    ),
    steps: [
      {
        title: say(
          `In the console of the edge: add the exact name ${domain} (the apex, www and wildcards are names of their own), protocols, ports, origin ${fact('balancer')}; allow 5 to 10 minutes`,
          `在高防/WAF 控制台“网站配置”中添加准确的域名 ${domain}（主域名、www、泛域名需分别添加）、协议、端口和源站 ${fact('balancer')}；约 5～10 分钟生效`,
        ),
        host: null,
        risk: 'low',
      },
      {
        title: say(
          'Where the edge is an nginx of your own: a server like this, then `nginx -t` and reload',
          '若边缘是自建 nginx：增加如下 server，执行 `nginx -t` 后重新加载',
        ),
        host: finding.host,
        config: {
          file: `/etc/nginx/sites-enabled/${domain}.conf`,
          text: `server {\n  listen ${secure ? '443 ssl' : '80'};\n  server_name ${domain};\n${secure ? '  ssl_certificate …;\n  ssl_certificate_key …;\n' : ''}  location / {\n    proxy_pass http://${fact('balancer')};\n    proxy_set_header Host $host;\n    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n  }\n}\n`,
        },
        risk: 'low',
      },
      {
        title: say(
          'Until then, DNS may point straight to the balancer; that gives its address away to attackers',
          '在此之前可将 DNS 直接指向负载均衡；但会向攻击者暴露其地址',
        ),
        host: null,
        risk: 'high',
      },
    ],
    verify: say(
      `The same request through ${fact('edge')} is answered, and appears in the balancer’s log.`,
      `通过 ${fact('edge')} 发送同一请求得到正常响应，并出现在负载均衡日志中。`,
    ),
  };
}
