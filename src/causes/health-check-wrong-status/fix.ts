// Either the check asks for a page that says "healthy" with a code that counts, or the balancer learns to accept the code that the page gives.
import { checkChange, checkFact, checkVerify, replayStep } from '../../facts/check-steps.ts';
import type { Convicted } from '../../model/finding.ts';
import type { Fix } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixHealthCheckWrongStatus(finding: Convicted): Fix {
  const fact = (name: string): string => checkFact(finding, name);
  const status = Number(fact('status'));
  // 2xx and 3xx say that the page is well; anything else is a wrong page, and accepting it would hide real failures.
  if (status >= 200 && status < 400) {
    const accept = `http-check expect status 200-${status < 300 ? 299 : 399}`;
    return {
      summary: say(
        `Let the balancer accept ${status}, which says that the page is well, or let the page answer with a code of ${fact('expect')}.`,
        `让负载均衡接受表示正常的 ${status}，或让检查页面返回 ${fact('expect')} 之内的状态码。`,
      ),
      steps: [replayStep(finding), ...checkChange(finding, say(`Accept ${status} as healthy`, `把 ${status} 视为健康`), `${accept}\n`)],
      verify: checkVerify(finding),
    };
  }
  const path = fact('goodPath') === '' ? '/healthz' : fact('goodPath');
  const send = `option httpchk GET ${path}\nhttp-check send hdr Host ${fact('siteHost')}\n`;
  return {
    summary: say(
      `Point the health check at a page that answers with a code of ${fact('expect')}${fact('goodPath') === '' ? '' : `, such as ${path}`}, or mend ${fact('path')} on the backends.`,
      `让健康检查指向返回 ${fact('expect')} 的页面${fact('goodPath') === '' ? '' : `，例如 ${path}`}，或修复后端上的 ${fact('path')}。`,
    ),
    steps: [
      replayStep(finding),
      ...checkChange(finding, say(`Ask for ${path} instead of ${fact('path')}`, `检查 ${path} 而不是 ${fact('path')}`), send),
    ],
    verify: checkVerify(finding),
  };
}
