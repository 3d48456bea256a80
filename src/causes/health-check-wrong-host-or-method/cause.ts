// The balancer asks for a good page in a way that the application does not answer: with HEAD or OPTIONS instead of GET, as HTTP/1.0, without a Host
// header or with the backend's own address in it. A web server with several sites then serves another one or closes the connection, and the balancer
// takes every backend out. The proof is the same path asked as a browser would: it is answered.
import { checkFacts, checkText, passes, takenOutByCheck } from '../../facts/health-check.ts';
import type { HealthCheck } from '../../facts/health-check.ts';
import { citeHop } from '../../facts/dead-service.ts';
import { isFailure } from '../../facts/failure.ts';
import { citeRequest, ids, outcomeText } from '../../facts/scene.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Citation } from '../../model/finding.ts';
import { say } from '../../model/text.ts';
import type { Localised } from '../../model/text.ts';
import { fixHealthCheckWrongHostOrMethod } from './fix.ts';

export const healthCheckWrongHostOrMethod = defineCause({
  id: 'health-check-wrong-host-or-method',
  title: say('The health check asks in a way that the backends do not answer', '健康检查的请求方式不被后端接受'),
  layer: 'balancer',
  seed: 'cause 6',
  needs: ['requests'],
  wants: ['backend-requests', 'haproxy-config', 'haproxy-stat', 'nginx-config', 'logs', 'firewall', 'routes'],
  judge(scene) {
    const host = scene.site.balancer?.name ?? null;
    const siteHost = new URL(scene.site.url).hostname;
    const found = takenOutByCheck(scene, /^L7(STS|RSP)$/, (asked) =>
      differencesOf(asked, siteHost).length === 0 ? say('the health check asks as a browser does', '健康检查的请求方式与浏览器相同') : null,
    );
    if ('is' in found) return found;
    const { check, stats, symptoms } = found;
    const differences = differencesOf(check, siteHost);
    const asked = check.backends.filter(({ sent, plain }) => sent !== null && plain !== null);
    const same = asked.find(({ sent, plain }) => passes(check, sent) === true || passes(check, plain) === false);
    if (same?.plain != null && same.sent !== null) {
      const says =
        passes(check, same.sent) === true
          ? say(
              `the check as the balancer sends it is answered by ${same.backend}: ${outcomeText(same.sent).en}`,
              `${same.backend} 正常应答负载均衡的检查请求：${outcomeText(same.sent).zh}`,
            )
          : say(
              `asked as a browser would, ${same.backend} gives the check’s page no better status: ${outcomeText(same.plain).en}`,
              `以浏览器方式请求，${same.backend} 的检查页面同样不被接受：${outcomeText(same.plain).zh}`,
            );
      return { is: 'ruled-out', host, because: [citeRequest(passes(check, same.sent) === true ? same.sent : same.plain, says)] };
    }
    const flips = asked.flatMap(({ backend, sent, plain, page }) =>
      sent !== null && plain !== null && passes(check, sent) === false && passes(check, plain) === true
        ? [{ backend, sent, plain, page }]
        : [],
    );
    const [first] = flips;
    if (first === undefined || flips.length < asked.length)
      return {
        is: 'inconclusive',
        host,
        reason: say(
          'the balancer has no server left, but its check could not be sent to every backend in both ways',
          '负载均衡已无可用后端，但无法以两种方式向每台后端重放健康检查',
        ),
        wouldTell: ['backend-requests'],
      };
    const line = symptoms.find((each) => each.line !== null)?.line ?? null;
    const seen = stats.map(({ evidence, index, server }): Citation =>
      cite(
        evidence,
        `/servers/${index}/checkStatus`,
        say(
          `HAProxy: ${server.server} is ${server.status}, ${server.checkStatus ?? ''} ${server.checkCode ?? ''}`.trim(),
          `HAProxy：${server.server} 为 ${server.status}，${server.checkStatus ?? ''} ${server.checkCode ?? ''}`.trim(),
        ),
      ),
    );
    const blamed = first.sent.exchange.status === 405 || first.sent.exchange.status === 501 ? differences.slice(0, 1) : differences;
    const how = { en: blamed.map((each) => each.en).join(', '), zh: blamed.map((each) => each.zh).join('、') };
    return {
      is:
        check.by === 'configuration' &&
        stats.length === check.backends.length &&
        flips.every(({ page }) => page === null || !isFailure(page.exchange))
          ? 'confirmed'
          : 'likely',
      host,
      summary: say(
        `The health check of ${check.balancer} asks for ${check.path} ${how.en}, which the backends do not answer as healthy; the same path asked as a browser would is fine, and so every backend is out for nothing.`,
        `${check.balancer} 的健康检查以“${how.zh}”请求 ${check.path}，后端不予正常应答；以浏览器方式请求同一路径则正常，因此所有后端被无故摘除。`,
      ),
      because: [
        citeRequest(
          first.sent,
          say(
            `the check as the balancer sends it (${checkText(check)}) to ${first.backend}: ${outcomeText(first.sent).en}`,
            `按负载均衡的方式（${checkText(check)}）请求 ${first.backend}：${outcomeText(first.sent).zh}`,
          ),
        ),
        citeRequest(
          first.plain,
          say(
            `the same path as GET, HTTP/1.1, Host ${siteHost}: ${outcomeText(first.plain).en}`,
            `以 GET、HTTP/1.1、Host ${siteHost} 请求同一路径：${outcomeText(first.plain).zh}`,
          ),
        ),
        ...seen,
        ...(first.page === null
          ? []
          : [
              citeRequest(
                first.page,
                say(
                  `the site’s own page, asked straight from ${first.backend}: ${outcomeText(first.page).en}`,
                  `直接向 ${first.backend} 请求站点页面：${outcomeText(first.page).zh}`,
                ),
              ),
            ]),
        ...(check.citation === null ? [] : [check.citation]),
        ...(line === null ? [] : [citeHop(line)]),
      ],
      explains: ids(symptoms.map((each) => each.symptom)),
      facts: checkFacts(scene, check),
    };
  },
  fix: fixHealthCheckWrongHostOrMethod,
});

/** In what the check differs from a browser's request, the method first. */
function differencesOf(check: HealthCheck, siteHost: string): readonly Localised[] {
  const name = check.host?.replace(/:\d+$/, '').toLowerCase();
  return [
    ...(check.method === 'GET' ? [] : [say(`with the method ${check.method}`, `${check.method} 方法`)]),
    ...(name === undefined
      ? [say('without a Host header', '不带 Host 头')]
      : name === siteHost.toLowerCase()
        ? []
        : [say(`with the Host ${check.host ?? ''}`, `Host ${check.host ?? ''}`)]),
    ...(check.version === '1.1' ? [] : [say('as HTTP/1.0', 'HTTP/1.0')]),
  ];
}
