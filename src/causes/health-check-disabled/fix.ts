// Two things at once: the dead backend back to work (or out of the pool until it is), and a check, so that the next one is noticed by the balancer.
import { checkChange, checkFact } from '../../facts/check-steps.ts';
import type { Convicted } from '../../model/finding.ts';
import type { Fix } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixHealthCheckDisabled(finding: Convicted): Fix {
  const { facts } = finding;
  const dead = Array.isArray(facts?.['dead']) ? facts['dead'].join(', ') : '';
  const path = checkFact(finding, 'goodPath');
  const check = facts?.['http'] === true ? `option httpchk GET ${path}\nhttp-check send hdr Host ${checkFact(finding, 'siteHost')}\n` : '';
  const section = checkFact(finding, 'section');
  return {
    summary: say(`Turn the health check on, and start the web service on ${dead}.`, `开启健康检查，并启动 ${dead} 上的 Web 服务。`),
    steps: [
      ...checkChange(
        finding,
        say(
          `Check every server${section === '' ? '' : ` of ${section}`}`,
          `对${section === '' ? '' : ` ${section} 的`}每台服务器做健康检查`,
        ),
        `${check}default-server check inter 2s fall 3 rise 2\n`,
      ),
      {
        title: say(
          `Start the web service on ${dead}; until then the check keeps it out`,
          `启动 ${dead} 上的 Web 服务；在此之前健康检查会将其摘除`,
        ),
        host: null,
        risk: 'low',
      },
    ],
    verify: say(
      `The balancer holds ${dead} for down until its web service runs again, and no request fails.`,
      `在 Web 服务恢复之前，负载均衡把 ${dead} 视为下线，且不再有请求失败。`,
    ),
  };
}
