// Every hop keeps a request's line and headers in buffers of a fixed size. Cookies that grew over the years, a large token or a long URL no longer fit
// into one of them, and that hop answers 400, 414, 431 or 494 itself; whoever stands behind it never sees the request. nginx says so in the title of
// its page and nowhere in its error log (level info); HAProxy says only 400. Other users, with fewer cookies, notice nothing.
import { isFailure, sameRequest } from '../../facts/failure.ts';
import { requestLimit } from '../../facts/header-limits.ts';
import type { HeaderLimit } from '../../facts/header-limits.ts';
import { citeRequest, clientRequests, failing, outcomeText } from '../../facts/scene.ts';
import type { Sent } from '../../facts/scene.ts';
import type { Scene } from '../../model/cause.ts';
import { defineCause } from '../../model/cause.ts';
import type { Citation, Citations, Finding } from '../../model/finding.ts';
import type { Symptom } from '../../model/symptom.ts';
import { say } from '../../model/text.ts';
import { fixHeaderTooLargeRequest } from './fix.ts';

type Looks = Scene<'requests' | 'nginx-config' | 'haproxy-config'>;

const statuses = new Set([400, 413, 414, 431, 494]);
/** Below this no server in use refuses a header. */
const harmlessBytes = 1000;
/** The smallest limit that servers ship with (uWSGI: 4 KiB); below it, what cures the request is what the headers say, not how long they are. */
const smallestDefaultBytes = 4000;

export const headerTooLargeRequest = defineCause({
  id: 'header-too-large-request',
  title: say('The request’s headers or URL are too large', '请求头或 URL 过大'),
  layer: 'balancer',
  seed: 'cause 8',
  needs: ['requests'],
  wants: ['nginx-config', 'haproxy-config'],
  judge(scene) {
    const failed = failing(clientRequests(scene, { purpose: 'reproduce' }));
    const refusing = scene.symptoms.filter(({ status }) => status !== null && statuses.has(status));
    const [some] = failed;
    if (refusing.length === 0) {
      if (some === undefined) return { is: 'not-applicable', host: null, reason: say('no request fails', '没有请求失败') };
      return {
        is: 'ruled-out',
        host: null,
        because: [
          citeRequest(
            some,
            say(
              `a request that is too large gets 400, 414, 431 or 494; this one: ${outcomeText(some).en}`,
              `请求过大时返回 400、414、431 或 494；而该请求：${outcomeText(some).zh}`,
            ),
          ),
        ],
      };
    }
    // The same trouble of several clients is one finding for each hop.
    const hops = new Map<string | null, Symptom[]>();
    for (const symptom of refusing)
      for (const host of hostsOf(scene, symptom, failed)) hops.set(host, [...(hops.get(host) ?? []), symptom]);
    return [...hops].map(([host, symptoms]) => judgeHop(scene, host, symptoms, failed));
  },
  fix: fixHeaderTooLargeRequest,
});

/** The hop that answered, or the backends that did. */
function hostsOf(scene: Looks, symptom: Symptom, failed: readonly Sent[]): readonly (string | null)[] {
  const { answeredBy, backends } = symptom;
  if (answeredBy.hop === 'backend' && backends.length > 0) return backends;
  if (answeredBy.hop !== 'unknown' && (answeredBy.by === 'log' || answeredBy.by === 'page')) return [answeredBy.host];
  return [
    firstOver(scene, symptom, failed) ??
      (answeredBy.hop === 'unknown' ? (onlyProxied(scene, symptom) ? (scene.site.balancer?.name ?? null) : null) : answeredBy.host),
  ];
}

/** The same request by a listener that only passes packets on; empty where there is none. */
function pastProxy(scene: Looks, symptom: Symptom): readonly Sent[] {
  const forwarding = new Set(scene.site.balancer?.listeners.filter(({ protocol }) => protocol === 'tcp').map(({ port }) => port));
  return clientRequests(scene, { purpose: 'other-listener' }).filter(
    ({ exchange }) => sameRequest(exchange, symptom) && exchange.listenerPort !== null && forwarding.has(exchange.listenerPort),
  );
}

/** True where the request is refused straight at the balancer too, and never by the listener that only passes packets on: the balancer's proxy refuses it. */
function onlyProxied(scene: Looks, symptom: Symptom): boolean {
  const past = pastProxy(scene, symptom);
  const straight = clientRequests(scene, { purpose: 'bypass-edge' }).filter(({ exchange }) => sameRequest(exchange, symptom));
  const refuses =
    scene.site.edge.length === 0 || (straight.length > 0 && straight.every(({ exchange }) => exchange.status === symptom.status));
  return symptom.failed === symptom.of && refuses && past.length > 0 && past.every((each) => !isFailure(each.exchange));
}

/** Whether the backends' own servers refuse it: so does the way past the balancer's proxy, or only some of several servers do. */
function atBackends(scene: Looks, symptom: Symptom): boolean {
  const past = pastProxy(scene, symptom);
  return (
    scene.site.balancer?.listeners.find(({ port }) => port === symptom.listenerPort)?.protocol === 'tcp' ||
    (symptom.failed < symptom.of && scene.site.backends.length > 1) ||
    past.some(({ exchange }) => exchange.status === symptom.status)
  );
}

/**
 * The outermost hop whose limit the request exceeds, where the limits of all before it are known to let it pass. A server that cannot read the request
 * line logs it without our mark, and whoever stands behind has the same limit: only the order of the hops tells who answered.
 */
function firstOver(scene: Looks, symptom: Symptom, failed: readonly Sent[]): string | null {
  const sent = failed.find(({ exchange }) => symptom.exchanges.some(({ nonce }) => nonce === exchange.nonce));
  if (sent === undefined) return null;
  for (const host of [
    ...scene.site.edge.map((each) => each.name),
    ...(scene.site.balancer === undefined ? [] : [scene.site.balancer.name]),
  ]) {
    const limit = requestLimit(scene, host, symptom);
    const over = limit === null ? null : isOver(scene, sent.exchange.url, limit, sizesOf(scene, sent));
    if (over === true) return host;
    if (over === null) return null;
  }
  return null;
}

/** What why5xx writes of its own: Host, User-Agent with the mark, Accept, Connection. */
const ownBytes = 300;

/** Bytes of the whole head, and of the request line alone; of that at least so many, since evidence keeps no values of a query. */
function sizesOf(scene: Scene<never>, { exchange }: Sent): { readonly total: number; readonly line: number } {
  const url = new URL(exchange.url);
  const total = exchange.requestHeaderBytes;
  const written = `${exchange.method} ${url.pathname}${url.search} HTTP/1.1`.length;
  return { total, line: headersOf(scene, exchange.url).length > 0 ? written : Math.max(written, total - ownBytes) };
}

/** Names of the headers that the site file gives to a request. */
function headersOf({ site }: Scene<never>, url: string): readonly string[] {
  return site.requests.find((each) => each.url === url)?.headerNames ?? [];
}

function judgeHop(scene: Looks, host: string | null, symptoms: readonly Symptom[], failed: readonly Sent[]): Finding {
  const nonces = new Set(symptoms.flatMap((each) => each.exchanges.map(({ nonce }) => nonce)));
  const largest = failed
    .filter(({ exchange }) => nonces.has(exchange.nonce))
    .toSorted((a, b) => b.exchange.requestHeaderBytes - a.exchange.requestHeaderBytes)[0];
  const [symptom] = symptoms;
  if (largest === undefined || symptom === undefined)
    return { is: 'not-applicable', host, reason: say('no request fails in this way', '没有这样的失败请求') };
  const { exchange } = largest;
  const { total, line } = sizesOf(scene, largest);
  const size: Citation = {
    evidence: largest.evidence.id,
    path: `/exchanges/${largest.index}/requestHeaderBytes`,
    says: say(`its request line and headers have ${total} bytes`, `其请求行与请求头共 ${total} 字节`),
  };
  if (total < harmlessBytes) return { is: 'ruled-out', host, because: [size, citeRequest(largest, outcomeText(largest))] };

  const limit = host === null ? null : requestLimit(scene, host, symptom);
  const over = limit === null ? null : isOver(scene, exchange.url, limit, { total, line });
  const said =
    exchange.status === 414 ||
    exchange.status === 431 ||
    exchange.status === 494 ||
    /Request Header Or Cookie Too Large|Request-URI Too (?:Large|Long)|header fields? too large/i.test(exchange.body);
  const always = symptoms.every((each) => each.failed === each.of);
  const smaller = clientRequests(scene, { purpose: ['experiment', 'header-bisect'] }).filter(
    (each) =>
      sameRequest(each.exchange, exchange) &&
      each.exchange.door === 'site' &&
      each.exchange.requestHeaderBytes < total * 0.8 &&
      each.exchange.requestBodyBytes === exchange.requestBodyBytes,
  );
  const fits = smaller
    .filter((each) => !isFailure(each.exchange))
    .toSorted((a, b) => b.exchange.requestHeaderBytes - a.exchange.requestHeaderBytes)[0];
  // A page that fails now and then may pass once by chance; only where it always fails does one success mean something.
  const flips = always && fits !== undefined && total >= smallestDefaultBytes;
  // An application may answer 400 to what a header says; a proxy that made the code itself has not understood a word of it.
  const ownCode = symptom.answeredBy.by === 'log' && (symptom.answeredBy.hop === 'balancer' || symptom.answeredBy.hop === 'edge');
  const where = host ?? null;
  const because: Citations = [
    citeRequest(
      largest,
      said
        ? say(
            `${outcomeText(largest).en}: the answer itself says that the request is too large`,
            `${outcomeText(largest).zh}：响应本身说明请求过大`,
          )
        : outcomeText(largest),
    ),
    size,
    ...(limit === null ? [] : [limit.citation]),
    ...(fits === undefined
      ? []
      : [
          citeRequest(
            fits,
            say(
              `the same request with ${fits.exchange.requestHeaderBytes} bytes of headers: ${outcomeText(fits).en}`,
              `同一请求仅带 ${fits.exchange.requestHeaderBytes} 字节请求头：${outcomeText(fits).zh}`,
            ),
          ),
        ]),
  ];
  const experiment = total - line > harmlessBytes ? ('without-headers' as const) : undefined;
  if (over === false || !(said || over === true || flips)) {
    if (smaller.length > 0 && always && fits === undefined)
      return {
        is: 'ruled-out',
        host,
        because: smaller
          .slice(0, 1)
          .map((each) =>
            citeRequest(
              each,
              say(
                `with only ${each.exchange.requestHeaderBytes} bytes of headers it fails as well: ${outcomeText(each).en}`,
                `请求头仅 ${each.exchange.requestHeaderBytes} 字节时同样失败：${outcomeText(each).zh}`,
              ),
            ),
          ) as unknown as Citations,
      };
    return {
      is: 'inconclusive',
      host,
      reason: say(
        `${exchange.status} may come from headers of ${total} bytes; the same request without them would tell`,
        `${exchange.status} 可能由 ${total} 字节的请求头引起；去掉它们重试即可判断`,
      ),
      wouldTell: ['nginx-config', 'haproxy-config'],
      ...(experiment === undefined || fits !== undefined ? {} : { experiment }),
    };
  }
  const isUrl = exchange.status === 414 || (limit?.of === 'line' && line > limit.bytes);
  const what = isUrl
    ? say(`a request of ${total} bytes, nearly all of it the URL,`, `${total} 字节的请求（几乎全部是 URL）`)
    : say(`${total} bytes of headers`, `${total} 字节的请求头`);
  const allows =
    limit === null
      ? say('more than it takes', '超过其上限')
      : say(
          `more than its ${limit.bytes} bytes${limit.of === 'line' ? ' a line' : ''} (${limit.setting}, ${limit.at})`,
          `超过其${limit.of === 'line' ? '每行' : ''} ${limit.bytes} 字节的上限（${limit.setting}，${limit.at === 'default' ? '默认值' : limit.at}）`,
        );
  return {
    is:
      where !== null &&
      ((said && (over === true || flips || symptom.answeredBy.by === 'log')) ||
        (over === true && (always || symptom.answeredBy.by === 'log')) ||
        (flips && ownCode))
        ? 'confirmed'
        : 'likely',
    host,
    summary: say(
      `${where ?? 'A hop that is not known'} refuses ${what.en} with ${exchange.status}: ${allows.en}.`,
      `${where ?? '某一跳（未知）'} 对${what.zh}返回 ${exchange.status}：${allows.zh}。`,
    ),
    because,
    explains: symptoms.map((each) => each.id),
    facts: { bytes: total, url: isUrl, product: limit?.product ?? '', setting: limit?.setting ?? '', file: limit?.file ?? '' },
    ...(scene.site.backends.some((each) => each.name === host) || (host === null && atBackends(scene, symptom))
      ? { layer: 'web-server' as const }
      : {}),
    ...(experiment === undefined || fits !== undefined ? {} : { experiment }),
  };
}

/** Whether a request is larger than a limit; null where only its total size is known and the limit is one of each line. */
function isOver(
  scene: Scene<never>,
  url: string,
  limit: HeaderLimit,
  { total, line }: { readonly total: number; readonly line: number },
): boolean | null {
  if (limit.of === 'all') return total > limit.bytes;
  if (line > limit.bytes) return true;
  if (total <= limit.bytes) return false;
  // With one header of its own, everything beside the request line and our few short headers is that header.
  const [own, other] = headersOf(scene, url);
  return own !== undefined && other === undefined && total - line - ownBytes > limit.bytes ? true : null;
}
