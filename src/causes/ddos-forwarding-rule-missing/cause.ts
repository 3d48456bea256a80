// An anti-DDoS, WAF or CDN edge forwards only domains that it was told about. For any other Host, or for a port or protocol without a rule, it answers
// itself: a placeholder page, an error, a placeholder certificate. Then every client fails, nothing reaches the balancer, and the same request
// straight to the balancer is well. An edge that has the rule but cannot reach its origin answers 502 or 504: that is another cause.
import { logHas } from '../../facts/entrance.ts';
import { isFailure, sameRequest } from '../../facts/failure.ts';
import { pointerOf } from '../../facts/fastcgi.ts';
import { identify } from '../../facts/fingerprints/identify.ts';
import { effective, locationFor, namesHost, passOf, placeOf, serverFor } from '../../facts/nginx-config.ts';
import type { NginxServer } from '../../facts/nginx-config.ts';
import { citeRequest, clientRequests, failing, outcomeText } from '../../facts/scene.ts';
import type { Sent } from '../../facts/scene.ts';
import type { Scene } from '../../model/cause.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Citation, Finding } from '../../model/finding.ts';
import type { NginxConfig } from '../../model/observations.ts';
import { say } from '../../model/text.ts';
import { fixDdosForwardingRuleMissing } from './fix.ts';

type Looks = Scene<'requests' | 'logs' | 'nginx-config' | 'tls'>;

export const ddosForwardingRuleMissing = defineCause({
  id: 'ddos-forwarding-rule-missing',
  title: say('The edge has no forwarding rule for the domain', '高防/WAF 未配置该域名的转发规则'),
  layer: 'edge',
  seed: 'cause 1',
  needs: ['requests'],
  wants: ['logs', 'nginx-config', 'tls'],
  judge(scene) {
    const [edge] = scene.site.edge;
    if (edge === undefined)
      return { is: 'not-applicable', host: null, reason: say('the site file names no edge', '站点文件中没有高防/WAF') };
    const host = edge.name;
    const sent = clientRequests(scene, { purpose: 'reproduce' });
    const rule = ruleOf(scene, host, sent[0]);
    if (rule?.citation != null && rule.exists) return { is: 'ruled-out', host, because: [rule.citation] };
    const through = sent.find((each) => !isFailure(each.exchange));
    if (through !== undefined && failing(sent).length < sent.length)
      return {
        is: 'ruled-out',
        host,
        because: [
          citeRequest(
            through,
            say(
              `${host} forwards the request of ${through.from}: ${outcomeText(through).en}`,
              `${host} 转发了 ${through.from} 的请求：${outcomeText(through).zh}`,
            ),
          ),
        ],
      };
    const [first] = sent;
    if (first === undefined) return { is: 'not-applicable', host, reason: say('no request was sent', '未发送请求') };
    return judgeFailure(scene, host, sent, first, rule?.citation ?? null);
  },
  fix: fixDdosForwardingRuleMissing,
});

/** Every client fails. `missing` shows that the edge's configuration has no rule; null where it could not be read. */
function judgeFailure(scene: Looks, host: string, sent: readonly Sent[], first: Sent, missing: Citation | null): Finding {
  const { exchange } = first;
  const balancer = scene.site.balancer?.name ?? null;
  const url = new URL(exchange.url);
  const behind = balancer === null ? null : logHas(scene, balancer, sent);
  const log = balancer === null ? undefined : scene.one('logs', balancer);
  if (behind === true && log !== undefined)
    return {
      is: 'ruled-out',
      host,
      because: [
        cite(
          log,
          '/access',
          say(`${balancer ?? ''} has logged these requests: ${host} forwards them`, `${balancer ?? ''} 记录了这些请求：${host} 已转发`),
        ),
      ],
    };
  const page = pageOf(first);
  if (page !== null && (page.kind === 'icp-block' || page.kind === 'waf-block' || page.kind === 'origin-unreachable')) {
    return {
      is: 'ruled-out',
      host,
      because: [citeRequest(first, say(`the answer is the page of ${page.product}`, `响应是 ${page.product} 的页面`))],
    };
  }
  const handshake = exchange.status === null && exchange.error !== null && (exchange.failedPhase === 'tls' || exchange.error === 'tls');
  const past = clientRequests(scene, { purpose: ['bypass-edge', 'other-listener'] }).find(
    (each) => sameRequest(each.exchange, exchange) && !isFailure(each.exchange),
  );
  const endsAlike = (each: Sent): boolean => each.exchange.status === exchange.status && each.exchange.error === exchange.error;
  const alike = sent.every(endsAlike);
  const pastEdge = clientRequests(scene, { purpose: 'bypass-edge' }).filter((each) => sameRequest(each.exchange, exchange));
  const [failsToo] = pastEdge;
  // The same code on another page may be another hop's word for another trouble.
  if (missing === null && alike && failsToo !== undefined && pastEdge.every((each) => endsAlike(each) && pageOf(each)?.id === page?.id))
    return {
      is: 'ruled-out',
      host,
      because: [
        citeRequest(
          failsToo,
          say(
            `the same request past ${host}, straight to ${balancer ?? 'the balancer'}, fails in the same way: ${outcomeText(failsToo).en}`,
            `同一请求绕过 ${host} 直达 ${balancer ?? '负载均衡'}，以同样的方式失败：${outcomeText(failsToo).zh}`,
          ),
        ),
      ],
    };
  const told: Citation[] = [
    citeRequest(
      first,
      say(`every request through ${host} ends alike: ${outcomeText(first).en}`, `通过 ${host} 的请求结果都相同：${outcomeText(first).zh}`),
    ),
    ...(past === undefined
      ? []
      : [
          citeRequest(
            past,
            say(
              `the same request past ${host}, straight to ${balancer ?? 'the balancer'}${past.exchange.purpose === 'other-listener' ? ` port ${past.exchange.listenerPort ?? ''}` : ''}: ${outcomeText(past).en}`,
              `同一请求绕过 ${host} 直达 ${balancer ?? '负载均衡'}${past.exchange.purpose === 'other-listener' ? ` ${past.exchange.listenerPort ?? ''} 端口` : ''}：${outcomeText(past).zh}`,
            ),
          ),
        ]),
    ...(behind === false && log !== undefined
      ? [
          cite(
            log,
            '/access',
            say(
              `the log of ${balancer ?? ''} has none of these ${sent.length} requests`,
              `${balancer ?? ''} 的日志中没有这 ${sent.length} 个请求`,
            ),
          ),
        ]
      : []),
  ];
  const certificate = handshake ? placeholder(scene, url.hostname) : null;
  const answers = handshake || exchange.status !== null;
  const facts = {
    domain: url.hostname,
    scheme: url.protocol.replace(':', ''),
    edge: host,
    balancer: scene.site.balancer?.address ?? '',
    server: '',
  };
  const explains = scene.symptoms.map((each) => each.id);
  if (missing !== null && answers && alike) {
    return {
      is: 'confirmed',
      host,
      summary: say(
        `${host} has no forwarding rule for ${url.hostname} on port ${portOf(url)}, so it answers by itself and forwards nothing.`,
        `${host} 没有 ${url.hostname} 在 ${portOf(url)} 端口的转发规则，因此自行响应，不转发任何请求。`,
      ),
      because: [missing, ...told, ...(certificate === null ? [] : [certificate])],
      explains,
      facts,
    };
  }
  // 502 and 504 of an edge speak of its origin.
  const own = exchange.status !== null && exchange.status !== 502 && exchange.status !== 504;
  if (!alike || past === undefined || !(own || certificate !== null)) {
    return {
      is: 'inconclusive',
      host,
      reason: say(
        `whether ${host} has a rule for ${url.hostname} cannot be told from these answers`,
        `从这些响应无法判断 ${host} 是否有 ${url.hostname} 的转发规则`,
      ),
      wouldTell: ['nginx-config'],
      ...(exchange.status === null ? {} : { experiment: 'other-host' as const }),
    };
  }
  const unknown = clientRequests(scene, { purpose: 'other-host' }).filter(
    (each) => each.exchange.status !== null && each.exchange.hostHeader !== exchange.hostHeader,
  );
  const [stranger] = unknown;
  if (
    exchange.status !== null &&
    stranger !== undefined &&
    !unknown.some((each) => each.exchange.status === exchange.status && each.exchange.body === exchange.body)
  ) {
    return {
      is: 'inconclusive',
      host,
      reason: say(
        `${host} answers a name that nobody serves otherwise (${outcomeText(stranger).en}), so it knows ${url.hostname}`,
        `${host} 对无人使用的域名返回不同结果（${outcomeText(stranger).zh}），说明它认识 ${url.hostname}`,
      ),
      wouldTell: ['nginx-config'],
    };
  }
  return {
    is: 'likely',
    host,
    summary: say(
      `${host} seems to have no forwarding rule for ${url.hostname} on port ${portOf(url)}: it answers by itself, and past it the site is well.`,
      `${host} 很可能没有 ${url.hostname} 在 ${portOf(url)} 端口的转发规则：它自行响应，而绕过它站点正常。`,
    ),
    because: [
      ...(told as [Citation, ...Citation[]]),
      ...(certificate === null ? [] : [certificate]),
      ...(stranger === undefined
        ? []
        : [
            citeRequest(
              stranger,
              say(
                `it answers ${stranger.exchange.hostHeader ?? 'another name'}, which nobody serves, just the same: ${outcomeText(stranger).en}`,
                `它对无人使用的 ${stranger.exchange.hostHeader ?? '域名'} 也是同样的响应：${outcomeText(stranger).zh}`,
              ),
            ),
          ]),
    ],
    explains,
    facts,
    ...(stranger === undefined && exchange.status !== null ? { experiment: 'other-host' as const } : {}),
  };
}

function pageOf({ exchange }: Sent): ReturnType<typeof identify> {
  return exchange.status === null ? null : identify({ status: exchange.status, headers: exchange.headers, body: exchange.body });
}

function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

/** The edge's rule for the failing request, from its nginx configuration; null where there is none to read. */
function ruleOf(
  scene: Looks,
  host: string,
  first: Sent | undefined,
): { readonly exists: boolean; readonly citation: Citation | null } | null {
  const config = scene.one('nginx-config', host);
  if (config === undefined || first === undefined || !config.data.running) return null;
  const url = new URL(first.exchange.url);
  const server = serverFor(config.data, {
    port: first.exchange.remotePort ?? portOf(url),
    host: url.hostname,
    address: first.exchange.remoteAddress,
  });
  if (server === null) return null;
  const path = pointerOf(config.data, server.directive);
  const at = placeOf(server.directive);
  if (path === null) return null;
  const names = server.names.length === 0 ? '""' : server.names.slice(0, 4).join(' ');
  if (namesHost(server, url.hostname) || forwards(config.data, server, url.pathname)) {
    return {
      exists: true,
      citation: cite(
        config,
        path,
        say(
          `${host} has a rule for ${url.hostname}: server_name ${names} (${at})`,
          `${host} 有 ${url.hostname} 的规则：server_name ${names}（${at}）`,
        ),
      ),
    };
  }
  return {
    exists: false,
    citation: cite(
      config,
      path,
      say(
        `${host} has no server for ${url.hostname} on port ${first.exchange.remotePort ?? portOf(url)}: such requests meet the default one, server_name ${names} (${at}), which forwards nothing`,
        `${host} 在 ${first.exchange.remotePort ?? portOf(url)} 端口没有 ${url.hostname} 的 server：此类请求进入默认 server，server_name ${names}（${at}），不转发`,
      ),
    ),
  };
}

/** A default server that forwards every name is a rule for all of them. */
function forwards(config: NginxConfig, server: NginxServer, path: string): boolean {
  const location = locationFor(server, path);
  return passOf(config, location) !== null || effective(config, { server, location }, 'try_files') !== null;
}

/** A certificate that is not made for this name, as an edge shows for names that it does not know. */
function placeholder(scene: Looks, name: string): Citation | null {
  const evidence = scene.one('tls');
  const index =
    evidence?.data.sessions.findIndex(({ chain }) => chain[0] !== undefined && !chain[0].names.some((each) => covers(each, name))) ?? -1;
  const leaf = evidence?.data.sessions[index]?.chain[0];
  return evidence === undefined || leaf === undefined
    ? null
    : cite(
        evidence,
        `/sessions/${index}/chain/0/subject`,
        say(
          `the certificate shown is not for ${name}, but for ${leaf.names.join(', ') || leaf.subject}`,
          `出示的证书不是 ${name} 的，而是 ${leaf.names.join('、') || leaf.subject} 的`,
        ),
      );
}

function covers(pattern: string, name: string): boolean {
  const bare = pattern.replace(/^DNS:/i, '').toLowerCase();
  return bare === name.toLowerCase() || (bare.startsWith('*.') && name.toLowerCase().split('.').slice(1).join('.') === bare.slice(2));
}
