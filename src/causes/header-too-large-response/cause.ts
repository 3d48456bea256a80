// A proxy reads the header of an answer into one buffer before it passes anything on: proxy_buffer_size or fastcgi_buffer_size in nginx (one page, 4 or
// 8 KiB, unless set), tune.bufsize in HAProxy. A header that does not fit (a large Set-Cookie, debug headers) is thrown away and the client gets 502,
// although the application answered well. It hits the hop with the smallest buffer first: the backend's own nginx, or the balancer.
import { askedDirectly, ownErrors } from '../../facts/backend-view.ts';
import { isFailure, sameRequest } from '../../facts/failure.ts';
import { responseLimit } from '../../facts/header-limits.ts';
import { accessLines, citeAccess, citeError, citeRequest, clientRequests, failing, outcomeText } from '../../facts/scene.ts';
import type { Sent } from '../../facts/scene.ts';
import type { Scene } from '../../model/cause.ts';
import { defineCause } from '../../model/cause.ts';
import type { Citation, Citations, Finding } from '../../model/finding.ts';
import type { Symptom } from '../../model/symptom.ts';
import { say } from '../../model/text.ts';
import { fixHeaderTooLargeResponse } from './fix.ts';

type Looks = Scene<'requests' | 'backend-requests' | 'logs' | 'nginx-config' | 'haproxy-config'>;

/** No proxy in use has a smaller buffer by itself: one page of memory. */
const pageBytes = 4096;
/** What a balancer takes that nobody configured, by its kind in the site file; a page where its kind says nothing. */
const usualBytes: Readonly<Record<string, number>> = { haproxy: 15_360, 'aws-alb': 32_768 };

export const headerTooLargeResponse = defineCause({
  id: 'header-too-large-response',
  title: say('The response’s headers are too large for a proxy', '响应头超过代理缓冲区'),
  layer: 'balancer',
  seed: 'cause 8',
  needs: ['requests'],
  wants: ['backend-requests', 'logs', 'nginx-config', 'haproxy-config'],
  judge(scene) {
    const { site } = scene;
    const symptoms = scene.symptoms.filter(({ status }) => status === 502);
    const hosts = [
      ...site.edge.map((each) => each.name),
      ...(site.balancer === undefined ? [] : [site.balancer.name]),
      ...site.backends.map((each) => each.name),
    ];
    const told = hosts.flatMap((host) => logged(scene, host, symptoms));
    if (told.length > 0) return told;
    const [some] = failing(clientRequests(scene, { purpose: 'reproduce' }));
    if (symptoms.length === 0) {
      if (some === undefined) return { is: 'not-applicable', host: null, reason: say('no request fails', '没有请求失败') };
      return {
        is: 'ruled-out',
        host: null,
        because: [
          citeRequest(
            some,
            say(
              `a response header that is too large becomes 502; this is ${outcomeText(some).en}`,
              `响应头过大会变成 502；而该请求：${outcomeText(some).zh}`,
            ),
          ),
        ],
      };
    }
    return unlogged(scene, symptoms);
  },
  fix: fixHeaderTooLargeResponse,
});

/** The largest header that the failing page was answered with where it got through. */
function largestAnswer(scene: Looks, symptom: Symptom): Sent | null {
  const direct = scene.site.backends.flatMap((each) => askedDirectly(scene, each.name));
  const through = clientRequests(scene, { purpose: ['reproduce', 'other-listener', 'bypass-edge'] });
  return (
    [...direct, ...through]
      .filter((each) => sameRequest(each.exchange, symptom) && !isFailure(each.exchange) && each.exchange.responseHeaderBytes !== null)
      .toSorted((a, b) => (b.exchange.responseHeaderBytes ?? 0) - (a.exchange.responseHeaderBytes ?? 0))[0] ?? null
  );
}

function citeSize(sent: Sent): Citation {
  const bytes = sent.exchange.responseHeaderBytes ?? 0;
  const target = sent.exchange.target ?? (sent.exchange.door === 'site' ? 'the site' : '');
  return {
    evidence: sent.evidence.id,
    path: `/exchanges/${sent.index}/responseHeaderBytes`,
    says: say(
      `where it gets through (${target}, asked from ${sent.from}), the answer’s header has ${bytes} bytes`,
      `能得到响应时（从 ${sent.from} 请求 ${target}），响应头为 ${bytes} 字节`,
    ),
  };
}

/** A hop whose own log says that the header of an answer to us did not fit. */
function logged(scene: Looks, host: string, symptoms: readonly Symptom[]): readonly Finding[] {
  const isBackend = scene.site.backends.some((each) => each.name === host);
  const mine = symptoms.filter(({ answeredBy, backends }) =>
    isBackend ? answeredBy.hop === 'backend' && (backends.includes(host) || backends.length === 0) : answeredBy.host === host,
  );
  const errors = ownErrors(scene, host, ['response-header-too-big']);
  const nonces = new Set(mine.flatMap((each) => each.exchanges.map(({ nonce }) => nonce)));
  // HAProxy's word for an answer that it could not take; the size has to say why.
  const refused = accessLines(
    scene,
    host,
    (line) => line.nonce !== null && nonces.has(line.nonce) && line.haproxy?.state.startsWith('PH') === true,
  );
  const [symptom] = mine.length > 0 ? mine : scene.symptoms;
  if ((errors.length === 0 && refused.length === 0) || symptom === undefined) return [];
  const answer = largestAnswer(scene, symptom);
  const bytes = answer?.exchange.responseHeaderBytes ?? null;
  const limit = responseLimit(scene, host, symptom);
  const over = bytes !== null && limit !== null && bytes > limit.bytes;
  if (errors.length === 0 && !over) return [];
  const rest: Citation[] = [
    ...errors.slice(0, 1).map((each) => citeError(each)),
    ...refused
      .slice(0, 1)
      .map((each) => citeAccess(each, say(`HAProxy refused the answer to our request (PH)`, `HAProxy 拒绝了我们请求的响应（PH）`))),
    ...(limit === null ? [] : [limit.citation]),
    ...(answer === null || !over ? [] : [citeSize(answer)]),
  ];
  const of =
    limit === null
      ? say('its buffer', '其缓冲区')
      : say(
          `its buffer of ${limit.bytes} bytes (${limit.setting}, ${limit.at})`,
          `其 ${limit.bytes} 字节的缓冲区（${limit.setting}，${limit.at === 'default' ? '默认值' : limit.at}）`,
        );
  const size = over ? say(` has ${bytes} bytes and`, `为 ${bytes} 字节，`) : say('', '');
  return [
    {
      is: 'confirmed',
      host,
      summary: say(
        `The header of the answer${size.en} does not fit into ${of.en} on ${host}, which answers 502 instead.`,
        `响应头${size.zh}超出 ${host} 上${of.zh}，因此返回 502。`,
      ),
      because: rest as unknown as Citations,
      explains: mine.map((each) => each.id),
      facts: { bytes: over ? bytes : 0, setting: limit?.setting ?? '', product: limit?.product ?? '', file: limit?.file ?? '' },
      ...(isBackend ? { layer: 'web-server' as const } : {}),
    },
  ];
}

/** No log says so: the balancer answers 502 to a page that every backend gives with a large header. */
function unlogged(scene: Looks, symptoms: readonly Symptom[]): Finding {
  const { balancer } = scene.site;
  const host = balancer?.name ?? null;
  const [symptom] = symptoms;
  const answer = symptom === undefined ? null : largestAnswer(scene, symptom);
  const bytes = answer?.exchange.responseHeaderBytes ?? null;
  if (symptom === undefined || answer === null || bytes === null)
    return {
      is: 'inconclusive',
      host,
      reason: say(
        'how large the header of a good answer is could not be seen: no backend could be asked directly',
        '无法得知正常响应的头部大小：未能直接访问后端',
      ),
      wouldTell: ['logs', 'backend-requests'],
    };
  if (bytes < pageBytes * 0.9) return { is: 'ruled-out', host, because: [citeSize(answer)] };
  const limit = host === null ? null : responseLimit(scene, host, symptom);
  const allowed = limit?.bytes ?? usualBytes[balancer?.kind ?? ''] ?? pageBytes;
  const others = symptoms.filter(
    ({ answeredBy, failed, of }) => (answeredBy.hop === 'balancer' || answeredBy.hop === 'unknown') && failed === of,
  );
  // Asked past the balancer's proxy: straight, or by a listener that only passes packets on.
  const forwarding = new Set(balancer?.listeners.filter(({ protocol }) => protocol === 'tcp').map(({ port }) => port));
  const past = [
    ...scene.site.backends.flatMap((each) => askedDirectly(scene, each.name)),
    ...clientRequests(scene, { purpose: 'other-listener' }).filter(
      ({ exchange }) => exchange.listenerPort !== null && forwarding.has(exchange.listenerPort),
    ),
  ];
  const fine = past.filter((each) => sameRequest(each.exchange, symptom));
  const small = clientRequests(scene, { purpose: 'static' }).find((each) => !isFailure(each.exchange));
  if (
    bytes <= allowed ||
    others.length === 0 ||
    fine.length === 0 ||
    fine.some((each) => isFailure(each.exchange)) ||
    small === undefined ||
    logWasSilent(scene, host)
  ) {
    return {
      is: 'inconclusive',
      host,
      reason: say(
        `answers have headers of ${bytes} bytes, but nothing shows that a proxy refused one`,
        `响应头为 ${bytes} 字节，但没有证据表明代理拒绝了它`,
      ),
      wouldTell: ['logs'],
    };
  }
  const [first] = failing(clientRequests(scene, { purpose: 'reproduce' }));
  return {
    is: 'likely',
    host,
    summary: say(
      `The answer’s header has ${bytes} bytes, more than ${host ?? 'the balancer'} seems to take: the page comes well past the balancer, and as 502 through it.`,
      `响应头为 ${bytes} 字节，很可能超过 ${host ?? '负载均衡'} 的缓冲区：绕过负载均衡能得到该页面，经过它却是 502。`,
    ),
    because: [
      citeSize(answer),
      ...(first === undefined
        ? []
        : [citeRequest(first, say(`through the balancer: ${outcomeText(first).en}`, `经过负载均衡：${outcomeText(first).zh}`))]),
      citeRequest(
        small,
        say(
          `a page with a header of ${small.exchange.responseHeaderBytes ?? 0} bytes passes: ${outcomeText(small).en}`,
          `响应头仅 ${small.exchange.responseHeaderBytes ?? 0} 字节的页面正常：${outcomeText(small).zh}`,
        ),
      ),
      ...(limit === null ? [] : [limit.citation]),
    ],
    explains: others.map((each) => each.id),
    facts: {
      bytes,
      setting: limit?.setting ?? '',
      product: limit?.product ?? (balancer?.kind === 'nginx' || balancer?.kind === 'haproxy' ? balancer.kind : ''),
      file: limit?.file ?? '',
    },
  };
}

/** nginx would have written a line: a readable error log without one speaks against it. */
function logWasSilent(scene: Looks, host: string | null): boolean {
  return host !== null && (scene.one('logs', host)?.data.files.some((file) => file.kind === 'nginx-error' && file.readable) ?? false);
}
