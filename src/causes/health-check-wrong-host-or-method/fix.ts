// Let the balancer ask as a browser does. Where it cannot send a Host header, the backends have to answer without one.
import { checkChange, checkFact, checkVerify, replayStep } from '../../facts/check-steps.ts';
import type { Convicted } from '../../model/finding.ts';
import type { Fix } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixHealthCheckWrongHostOrMethod(finding: Convicted): Fix {
  const path = checkFact(finding, 'path');
  const host = checkFact(finding, 'siteHost');
  return {
    summary: say(
      `Let the health check send GET ${path} as HTTP/1.1 with Host ${host}.`,
      `让健康检查以 HTTP/1.1 发送 GET ${path}，并带上 Host ${host}。`,
    ),
    steps: [
      replayStep(finding),
      ...checkChange(
        finding,
        say(`Send GET, HTTP/1.1 and the check domain ${host}`, `使用 GET、HTTP/1.1，并把检查域名设为 ${host}`),
        `option httpchk\nhttp-check send meth GET uri ${path} ver HTTP/1.1 hdr Host ${host}\n`,
      ),
    ],
    verify: checkVerify(finding),
  };
}
