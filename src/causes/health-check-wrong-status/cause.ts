// The balancer's health check asks for a page whose status code it does not accept: a path that is not there (404), that wants a login (401), that is
// broken for itself (500), or one that answers 204 where only 200 counts. The backends work, but the balancer takes every one of them out and
// answers for itself: HAProxy 503 at once, without a server in its log; Alibaba CLB 502.
import { checkFacts, checkText, passes, takenOutByCheck } from '../../facts/health-check.ts';
import { citeHop } from '../../facts/dead-service.ts';
import { isFailure } from '../../facts/failure.ts';
import { citeRequest, ids, outcomeText } from '../../facts/scene.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Citation } from '../../model/finding.ts';
import { say } from '../../model/text.ts';
import { fixHealthCheckWrongStatus } from './fix.ts';

export const healthCheckWrongStatus = defineCause({
  id: 'health-check-wrong-status',
  title: say('The health check wants another status code than its page gives', '健康检查期望的状态码与页面返回不符'),
  layer: 'balancer',
  seed: 'cause 6',
  needs: ['requests'],
  wants: ['backend-requests', 'haproxy-config', 'haproxy-stat', 'nginx-config', 'logs', 'firewall', 'routes'],
  judge(scene) {
    const host = scene.site.balancer?.name ?? null;
    const found = takenOutByCheck(scene, /^L7STS$/);
    if ('is' in found) return found;
    const { check, stats, symptoms } = found;
    const asked = check.backends.filter(({ sent }) => sent !== null);
    const passed = asked.find(({ sent, plain }) => passes(check, sent) === true || passes(check, plain) === true);
    const good = passed === undefined ? null : passes(check, passed.sent) === true ? passed.sent : passed.plain;
    if (passed !== undefined && good !== null) {
      return {
        is: 'ruled-out',
        host,
        because: [
          citeRequest(
            good,
            say(
              `${passed.backend} gives the check’s page a status that counts: ${outcomeText(good).en}`,
              `${passed.backend} 的检查页面返回了可接受的状态：${outcomeText(good).zh}`,
            ),
          ),
        ],
      };
    }
    const broken = check.backends.find(({ page }) => page !== null && isFailure(page.exchange));
    if (broken?.page != null) {
      return {
        is: 'ruled-out',
        host,
        because: [
          citeRequest(
            broken.page,
            say(
              `the site’s own page fails on ${broken.backend} too: ${outcomeText(broken.page).en}`,
              `${broken.backend} 上的站点页面本身也失败：${outcomeText(broken.page).zh}`,
            ),
          ),
        ],
      };
    }
    if (check.backends.some(({ page }) => (page?.exchange.status ?? 200) >= 400)) {
      return {
        is: 'inconclusive',
        host,
        reason: say(
          'the backends answer neither the check nor the site’s page as healthy, so the check may be right',
          '后端对检查和站点页面都没有正常应答，检查可能是对的',
        ),
        wouldTell: ['backend-requests'],
      };
    }
    const refused = asked.flatMap(({ backend, sent, plain, stat, page }) =>
      sent?.exchange.status != null && passes(check, sent) === false && plain !== null && passes(check, plain) === false && page !== null
        ? [{ backend, sent, page, agrees: stat !== null && stat.server.checkCode === sent.exchange.status }]
        : [],
    );
    const [first] = refused;
    if (first === undefined || refused.length < asked.length)
      return {
        is: 'inconclusive',
        host,
        reason: say(
          'the balancer has no server left, but its check could not be sent to every backend',
          '负载均衡已无可用后端，但无法向每台后端重放健康检查',
        ),
        wouldTell: ['backend-requests'],
      };
    const status = first.sent.exchange.status ?? 0;
    const line = symptoms.find((each) => each.line !== null)?.line ?? null;
    const seen = stats.map(({ evidence, index, server }): Citation =>
      cite(
        evidence,
        `/servers/${index}/checkCode`,
        say(
          `HAProxy: ${server.server} is ${server.status}, ${server.checkStatus ?? ''}, code ${server.checkCode ?? ''}`,
          `HAProxy：${server.server} 为 ${server.status}，${server.checkStatus ?? ''}，代码 ${server.checkCode ?? ''}`,
        ),
      ),
    );
    return {
      is:
        check.by === 'configuration' && stats.length === check.backends.length && refused.every(({ agrees }) => agrees)
          ? 'confirmed'
          : 'likely',
      host,
      summary: say(
        `The health check of ${check.balancer} asks for ${check.path} and accepts only ${check.expect}, but the backends answer ${status}; so every backend is out, although the site’s page works on each.`,
        `${check.balancer} 的健康检查请求 ${check.path}，只接受 ${check.expect}，而后端返回 ${status}；因此所有后端都被摘除，尽管站点页面在每台后端上都正常。`,
      ),
      because: [
        citeRequest(
          first.sent,
          say(
            `the check (${checkText(check)}) sent to ${first.backend}: ${outcomeText(first.sent).en}, which is not among ${check.expect}`,
            `向 ${first.backend} 发送该检查（${checkText(check)}）：${outcomeText(first.sent).zh}，不在 ${check.expect} 之内`,
          ),
        ),
        ...seen,
        citeRequest(
          first.page,
          say(
            `the site’s own page, asked straight from ${first.backend}: ${outcomeText(first.page).en}`,
            `直接向 ${first.backend} 请求站点页面：${outcomeText(first.page).zh}`,
          ),
        ),
        ...(check.citation === null ? [] : [check.citation]),
        ...(line === null ? [] : [citeHop(line)]),
      ],
      explains: ids(symptoms.map((each) => each.symptom)),
      facts: { ...checkFacts(scene, check), status: String(status) },
    };
  },
  fix: fixHealthCheckWrongStatus,
});
