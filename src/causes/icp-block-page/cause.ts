// In mainland regions of Chinese clouds a domain needs a filing with the very provider that hosts it. Without one the provider answers itself, by
// Host and by SNI, on every port: a page with status 403, or a redirect to one. The balancer and the backends never see the request, and the same
// request past the provider's edge, or with another Host, is answered well.
import { logHas } from '../../facts/entrance.ts';
import { isFailure, sameRequest } from '../../facts/failure.ts';
import { identify } from '../../facts/fingerprints/identify.ts';
import type { Identification } from '../../facts/fingerprints/identify.ts';
import { citeRequest, clientRequests, failing, outcomeText } from '../../facts/scene.ts';
import type { Sent } from '../../facts/scene.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Citation } from '../../model/finding.ts';
import { say } from '../../model/text.ts';
import { fixIcpBlockPage } from './fix.ts';

export const icpBlockPage = defineCause({
  id: 'icp-block-page',
  title: say('The cloud blocks a domain without ICP filing', '域名未备案，被云平台拦截'),
  layer: 'edge',
  seed: 'cause 1',
  needs: ['requests'],
  wants: ['logs'],
  judge(scene) {
    const { site } = scene;
    const sent = clientRequests(scene, { purpose: 'reproduce' });
    const failed = failing(sent);
    const blocked = failed.flatMap((each) => {
      const page = pageOf(each);
      return page === null ? [] : [{ sent: each, page }];
    });
    const [first] = blocked;
    const named = site.edge.map((each) => each.name);
    const edge =
      scene.symptoms.map(({ answeredBy }) => answeredBy.host).find((name) => name !== null && named.includes(name)) ?? named[0] ?? null;
    if (first === undefined) {
      const [answer] = failed
        .filter(({ exchange }) => exchange.status !== null)
        .concat(sent.filter(({ exchange }) => exchange.status !== null));
      if (answer !== undefined)
        return {
          is: 'ruled-out',
          host: edge,
          because: [
            citeRequest(
              answer,
              say(`the answer is no interception page: ${outcomeText(answer).en}`, `响应不是备案拦截页：${outcomeText(answer).zh}`),
            ),
          ],
        };
      const reset = failed.find(({ exchange }) => exchange.error === 'reset' && exchange.failedPhase === 'tls');
      if (reset !== undefined)
        return {
          is: 'inconclusive',
          host: edge,
          reason: say(
            'the TLS handshake is reset, which interception also does; the same name by plain HTTP would tell',
            'TLS 握手被重置，备案拦截也会如此；用同一域名发送 HTTP 请求可以判断',
          ),
        };
      return {
        is: 'not-applicable',
        host: edge,
        reason: say('no answer came that could be an interception page', '没有得到可能是拦截页的响应'),
      };
    }
    const { exchange } = first.sent;
    const inside = [...(site.balancer === undefined ? [] : [site.balancer.name]), ...site.backends.map((each) => each.name)];
    const mine = blocked.map((each) => each.sent);
    const behind = inside.find((host) => logHas(scene, host, mine) === true);
    if (behind !== undefined)
      return {
        is: 'inconclusive',
        host: edge,
        reason: say(
          `the page looks like an interception, but ${behind} has logged the request: the page may come from there`,
          `页面像是备案拦截页，但 ${behind} 记录了该请求：页面可能来自那里`,
        ),
        wouldTell: ['logs'],
      };

    const past = clientRequests(scene, { purpose: 'bypass-edge' }).find(
      (each) => sameRequest(each.exchange, exchange) && !isFailure(each.exchange),
    );
    // A host's log tells by silence only where it has logged others of our requests.
    const silent = inside.flatMap((host) => {
      const evidence = scene.one('logs', host);
      const known = evidence?.data.access.some((line) => line.nonce !== null) ?? false;
      return evidence !== undefined && known && logHas(scene, host, mine) === false ? [{ host, evidence }] : [];
    });
    const otherName = clientRequests(scene, { purpose: 'other-host' }).find(
      (each) => each.exchange.status !== null && pageOf(each) === null,
    );
    const name = new URL(exchange.url).hostname;
    const proof: Citation[] = [
      ...(past === undefined
        ? []
        : [
            citeRequest(
              past,
              say(
                `the same request past the edge, straight to ${site.balancer?.name ?? 'the balancer'}: ${outcomeText(past).en}`,
                `同一请求绕过高防直达 ${site.balancer?.name ?? '负载均衡'}：${outcomeText(past).zh}`,
              ),
            ),
          ]),
      ...silent
        .slice(0, 2)
        .map(({ host, evidence }) =>
          cite(
            evidence,
            '/access',
            say(
              `the log of ${host} has none of the ${mine.length} intercepted requests`,
              `${host} 的日志中没有这 ${mine.length} 个被拦截的请求`,
            ),
          ),
        ),
      ...(otherName === undefined
        ? []
        : [
            citeRequest(
              otherName,
              say(
                `the same address asked for ${otherName.exchange.hostHeader ?? 'another name'}: ${outcomeText(otherName).en}, another page`,
                `向同一地址请求 ${otherName.exchange.hostHeader ?? '其他域名'}：${outcomeText(otherName).zh}，页面不同`,
              ),
            ),
          ]),
    ];
    const [mark] = first.page.because;
    return {
      is: past !== undefined || silent.length > 0 ? 'confirmed' : 'likely',
      host: edge,
      summary: say(
        `${edge ?? 'The cloud in front of the site'} intercepts ${name}: it has no valid ICP filing there (${first.page.product}).`,
        `${edge ?? '站点前的云平台'} 拦截了 ${name}：该域名在此没有有效的 ICP 备案（${first.page.product}）。`,
      ),
      because: [
        citeRequest(
          first.sent,
          say(
            `${outcomeText(first.sent).en}, the page of ${first.page.product}${mark === undefined ? '' : ` (“${mark.text}”)`}`,
            `${outcomeText(first.sent).zh}，为 ${first.page.product} 的页面${mark === undefined ? '' : `（“${mark.text}”）`}`,
          ),
        ),
        ...proof,
      ],
      explains: scene.symptoms
        .filter((symptom) => blocked.some(({ sent: each }) => symptom.exchanges.some(({ nonce }) => nonce === each.exchange.nonce)))
        .map((each) => each.id),
      facts: { domain: name, product: first.page.id, edge: edge ?? '' },
      ...(otherName === undefined ? { experiment: 'other-host' as const } : {}),
    };
  },
  fix: fixIcpBlockPage,
});

/** The interception page that answered a request; null for any other answer. */
function pageOf({ exchange }: Sent): Identification | null {
  if (exchange.status === null) return null;
  const page = identify({ status: exchange.status, headers: exchange.headers, body: exchange.body });
  return page?.kind === 'icp-block' ? page : null;
}
