// A filing is the owner's business with the authority and the provider; commands only check what the provider does.
import type { Convicted } from '../../model/finding.ts';
import type { Fix } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixIcpBlockPage(finding: Convicted): Fix {
  const domain = String(finding.facts?.domain ?? '');
  return {
    summary: say(
      `File ${domain} with this cloud, or transfer an existing filing to it (access filing, 接入备案); until then serve it from a region that needs none.`,
      `为 ${domain} 在该云厂商办理 ICP 备案，已在别处备案的办理接入备案；在此之前可改用无需备案地域的资源。`,
    ),
    steps: [
      {
        title: say(
          `Check the filing of the root domain of ${domain} and its provider at beian.miit.gov.cn`,
          `在 beian.miit.gov.cn 查询 ${domain} 的主域名备案及接入商`,
        ),
        host: null,
        risk: 'none',
      },
      {
        title: say(
          'File in the provider’s console; a filing reaches the interception within a day',
          '在云厂商控制台提交备案；通过后一般一天内拦截解除',
        ),
        host: null,
        risk: 'none',
      },
      {
        title: say(
          'Until then: point DNS to a region outside mainland China; renew certificates by DNS-01, since HTTP-01 is intercepted too',
          '在此之前：将 DNS 指向非中国内地的地域；证书改用 DNS-01 验证，HTTP-01 同样会被拦截',
        ),
        host: null,
        risk: 'medium',
      },
    ],
    verify: say(`\`curl -sI http://${domain}/\` shows the site’s own answer.`, `\`curl -sI http://${domain}/\` 返回站点自己的响应。`),
  };
}
