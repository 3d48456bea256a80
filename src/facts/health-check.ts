// The balancer's own health check: what it asks of a backend, what it wants to hear, what it heard, and what came of the same request when we
// sent it. HAProxy's configuration and statistics say so exactly; of a balancer that nobody can look into, the site file says what its operator knows.
import type { Scene } from '../model/cause.ts';
import { cite } from '../model/cause.ts';
import type { Measured, SiteFacts } from '../model/evidence.ts';
import type { Citation, Finding } from '../model/finding.ts';
import type { HaproxyConfig, HaproxySection, HaproxyServerStat } from '../model/observations.ts';
import type { Listener } from '../model/site.ts';
import type { Symptom } from '../model/symptom.ts';
import { say } from '../model/text.ts';
import type { Localised } from '../model/text.ts';
import type { TraceHop } from '../model/trace.ts';
import { unreachedSymptoms } from './balancer-reach.ts';
import { isFailure, sameRequest } from './failure.ts';
import { backendsOf, frontendFor, haproxyServers, haproxyTimeout, healthCheckOf } from './haproxy-config.ts';
import type { HaproxyCheck, HaproxyServer } from './haproxy-config.ts';
import { backendRequests, clientRequests } from './scene.ts';
import type { Sent } from './scene.ts';
import { backendOf } from './traces.ts';

type SiteView = Pick<SiteFacts, 'balancer' | 'backends' | 'url'>;

/** One server of HAProxy that stands for a backend of the site, and its check. */
export interface CheckedServer {
  readonly section: HaproxySection;
  readonly server: HaproxyServer;
  readonly check: HaproxyCheck;
  /** How long HAProxy waits for the answer: `timeout check`, else the time between two checks. */
  readonly timeoutMs: number;
}

/** The port that a URL goes to. */
export function portOfUrl(text: string): number {
  const url = new URL(text);
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

/** The server of this backend behind the listener that the URL goes to; where no frontend has that port, behind any. Null where none is known. */
export function checkedServer(site: SiteView, config: HaproxyConfig, backend: string, url: string = site.url): CheckedServer | null {
  const frontend = frontendFor(config, portOfUrl(url));
  const sections =
    frontend === null ? config.sections.filter((each) => each.kind === 'backend' || each.kind === 'listen') : backendsOf(config, frontend);
  for (const section of sections) {
    const server = haproxyServers(config, section).find(
      (each) =>
        backendOf(
          site as SiteFacts,
          `${each.address.includes(':') ? `[${each.address}]` : each.address}${each.port === null ? '' : `:${each.port}`}`,
        ) === backend,
    );
    if (server !== undefined)
      return {
        section,
        server,
        check: healthCheckOf(config, section),
        timeoutMs: haproxyTimeout(config, section, 'check')?.ms ?? server.interMs,
      };
  }
  return null;
}

/** The listener of the balancer that a URL goes to, with its place; null where the site file names none of that port. */
export function listenerFor(site: SiteView, url: string): Listener | null {
  return site.balancer?.listeners.find((each) => each.port === portOfUrl(url)) ?? null;
}

/** Whether a status is among those of an `expect` of the site file: `2xx,3xx`, `200-399,401`. */
export function expects(expect: string, status: number): boolean {
  return expect.split(',').some((part) => {
    const text = part.trim().toLowerCase();
    const [low = '', high = low] = text.split('-');
    return /^[1-5]xx$/.test(text) ? Math.floor(status / 100) === Number(text[0]) : status >= Number(low) && status <= Number(high);
  });
}

/** How one backend stands before the check. */
export interface CheckedBackend {
  readonly backend: string;
  /** HAProxy's own row about it, and the server's line of the configuration. */
  readonly stat: { readonly evidence: Measured<'haproxy-stat'>; readonly index: number; readonly server: HaproxyServerStat } | null;
  /** The check as the balancer sends it, sent by us from outside of the backend. */
  readonly sent: Sent | null;
  /** The same path as a browser would ask for it: GET, HTTP/1.1, the site's name. */
  readonly plain: Sent | null;
  /** The failing page, asked straight from this backend. */
  readonly page: Sent | null;
}
export interface HealthCheck {
  readonly balancer: string;
  /** `configuration`: read from the balancer itself. `site-file`: what its operator says of it. */
  readonly by: 'configuration' | 'site-file';
  readonly method: string;
  readonly path: string;
  /** Null: no Host header is sent. */
  readonly host: string | null;
  readonly version: '1.0' | '1.1';
  /** What counts as healthy, in words: `200-399`. */
  readonly expect: string;
  /** Null where the expectation is not about the status. */
  readonly accepts: (status: number) => boolean | null;
  /** Where the configuration says so. */
  readonly citation: Citation | null;
  /** `haproxy.cfg:31`, `site file`. */
  readonly at: string;
  readonly backends: readonly CheckedBackend[];
}

type Looks = Scene<'requests' | 'backend-requests' | 'haproxy-config' | 'haproxy-stat'>;

/** The HTTP check of the listener that the failing requests use. `none` where there is no such check, null where nobody says what it asks. */
export function healthCheckIn(scene: Looks): HealthCheck | 'none' | null {
  const { site } = scene;
  const { balancer } = site;
  if (balancer === undefined) return null;
  const url = scene.symptoms[0]?.url ?? site.url;
  const config = scene.one('haproxy-config', balancer.name);
  const servers = new Map(
    site.backends.map((each) => [each.name, config === undefined ? null : checkedServer(site, config.data, each.name, url)]),
  );
  const first = [...servers.values()].find((each) => each !== null && each.server.check) ?? null;
  const backends = site.backends.map((each) => viewOf(scene, each.name, servers.get(each.name) ?? null));
  if (config !== undefined && first !== null) {
    const { check } = first;
    if (check.kind !== 'http') return 'none';
    const at = `${config.data.configFile ?? 'haproxy.cfg'}${check.line === null ? '' : `:${check.line}`}`;
    const citation = check.line === null ? null : citeLine(config, check.line, check.uri);
    return {
      balancer: balancer.name,
      by: 'configuration',
      method: check.method,
      path: check.uri,
      host: check.host,
      version: check.version.endsWith('1.0') ? '1.0' : '1.1',
      expect: check.expect?.replace(/^status /, '') ?? '200-399',
      accepts: check.accepts,
      citation,
      at,
      backends,
    };
  }
  if (first === null && [...servers.values()].some((each) => each !== null)) return 'none';
  const said =
    listenerFor(site, url)?.healthCheck ??
    balancer.listeners.map((each) => each.healthCheck).find((each) => each !== undefined && each !== false);
  if (said === false) return 'none';
  if (said === undefined) return null;
  return {
    balancer: balancer.name,
    by: 'site-file',
    method: said.method,
    path: said.path,
    host: said.host ?? null,
    version: said.host === undefined ? '1.0' : '1.1',
    expect: said.expect,
    accepts: (status) => expects(said.expect, status),
    citation: null,
    at: 'site file',
    backends,
  };
}

function viewOf(scene: Looks, backend: string, checked: CheckedServer | null): CheckedBackend {
  const ask = (purpose: 'health-check' | 'health-check-plain' | 'bypass-balancer'): Sent | null =>
    backendRequests(scene, backend, { purpose, notFrom: backend })[0] ?? null;
  const evidence = scene.site.balancer === undefined ? undefined : scene.one('haproxy-stat', scene.site.balancer.name);
  const index =
    checked === null
      ? -1
      : (evidence?.data.servers.findIndex((each) => each.backend === checked.section.name && each.server === checked.server.name) ?? -1);
  const server = evidence?.data.servers[index];
  return {
    backend,
    stat: evidence === undefined || server === undefined ? null : { evidence, index, server },
    sent: ask('health-check'),
    plain: ask('health-check-plain'),
    page: ask('bypass-balancer'),
  };
}

/** Cites a line of HAProxy's configuration by its number and one of its words. */
export function citeLine(config: Measured<'haproxy-config'>, line: number, word: string): Citation | null {
  for (const [i, section] of config.data.sections.entries()) {
    const j = section.lines.findIndex((each) => each.line === line && each.words.includes(word));
    if (j >= 0) {
      const text = section.lines[j]?.words.join(' ') ?? '';
      const at = `${config.data.configFile ?? 'haproxy.cfg'}:${line}`;
      return cite(config, `/sections/${i}/lines/${j}`, say(`${at}: ${text}`, `${at}：${text}`));
    }
  }
  return null;
}

/** A failure that the balancer made because no server was left to it. */
export interface NoServerSymptom {
  readonly symptom: Symptom;
  /** Its own line about such a request; null where its log could not be read. */
  readonly line: TraceHop | null;
}

/** Symptoms that a balancer makes for which every server is down. */
export function noServerSymptoms(scene: Looks & Scene<'logs' | 'firewall' | 'routes' | 'nginx-config'>): readonly NoServerSymptom[] {
  const backend = scene.site.backends[0]?.name;
  if (backend === undefined) return [];
  return unreachedSymptoms(scene, backend).flatMap(({ symptom, tried, noServer }): readonly NoServerSymptom[] => {
    if (symptom.status !== 502 && symptom.status !== 503) return [];
    const line = noServer[0] ?? null;
    if (line !== null) return [{ symptom, line }];
    const came = clientRequests(scene, { purpose: 'reproduce' }).some(
      (each) => sameRequest(each.exchange, symptom) && !isFailure(each.exchange),
    );
    return tried.length > 0 || symptom.backends.length > 0 || came ? [] : [{ symptom, line: null }];
  });
}

/** Whether what came back would count as healthy. Null where it was not sent, never got through, or took too long, which are other troubles. */
export function passes(check: HealthCheck, sent: Sent | null): boolean | null {
  if (sent === null) return null;
  const { status, error, phases } = sent.exchange;
  if (status !== null) return check.accepts(status);
  return phases.connectedMs === null || error === 'timeout' ? null : false;
}

/** Whether a balancer of this kind has no health checks of its own: open-source nginx only notices failures of real requests. */
export function hasNoChecks(scene: Scene<'haproxy-config'>): boolean {
  const { balancer } = scene.site;
  return balancer?.kind === 'nginx' && scene.one('haproxy-config', balancer.name)?.data.running !== true;
}

/** `GET /health HTTP/1.0, Host shop.example.com`. */
export function checkText(check: HealthCheck): string {
  return `${check.method} ${check.path} HTTP/${check.version}, ${check.host === null ? 'no Host' : `Host ${check.host}`}`;
}

/** What fixes need to know of a check. */
export function checkFacts(scene: Scene<'backend-requests'>, check: HealthCheck): Readonly<Record<string, string>> {
  const first = scene.site.backends[0];
  const fixed =
    first === undefined
      ? undefined
      : backendRequests(scene, first.name, { purpose: 'bypass-balancer-static', notFrom: first.name }).find(
          (each) => !isFailure(each.exchange),
        );
  const path = fixed === undefined ? '' : new URL(fixed.exchange.url).pathname;
  return {
    by: check.by,
    method: check.method,
    path: check.path,
    host: check.host ?? '',
    version: check.version,
    expect: check.expect,
    at: check.at,
    file: check.by === 'configuration' ? check.at.replace(/:\d+$/, '') : '',
    address: first?.address ?? '',
    goodPath: path === check.path ? '' : path,
    siteHost: new URL(scene.site.url).host,
  };
}

/** A check that fails everywhere, and what clients see of it. */
export interface TakenOut {
  readonly check: HealthCheck;
  readonly stats: readonly NonNullable<CheckedBackend['stat']>[];
  readonly symptoms: readonly NoServerSymptom[];
}

/**
 * What both judges of a wrong check ask first: is there a check, do HAProxy's own results (where they can be read) say that it fails
 * everywhere in the way that `failsAs` matches, and does a client see a balancer without a server? A finding where the answer is no.
 * `notAsked` gives the reason why this check is none of the judge's business, or null.
 */
export function takenOutByCheck(
  scene: Looks & Scene<'logs' | 'firewall' | 'routes' | 'nginx-config'>,
  failsAs: RegExp,
  notAsked: (check: HealthCheck) => Localised | null = () => null,
): TakenOut | Finding {
  const host = scene.site.balancer?.name ?? null;
  const notApplicable = (reason: Localised): Finding => ({ is: 'not-applicable', host, reason });
  if (hasNoChecks(scene)) return notApplicable(say('open-source nginx has no health checks of its own', '开源版 nginx 没有主动健康检查'));
  const check = healthCheckIn(scene);
  if (check === 'none') return notApplicable(say('the balancer makes no HTTP health check', '负载均衡没有 HTTP 健康检查'));
  if (check === null)
    return {
      is: 'inconclusive',
      host,
      reason: say('it is not known what the balancer’s health check asks', '不清楚负载均衡的健康检查请求什么'),
      wouldTell: ['haproxy-config'],
    };
  const reason = notAsked(check);
  if (reason !== null) return notApplicable(reason);
  const stats = check.backends.flatMap(({ stat }) => (stat === null ? [] : [stat]));
  const other = stats.find(({ server }) => !server.status.startsWith('DOWN') || !failsAs.test(server.checkStatus ?? ''));
  if (other !== undefined) {
    const { evidence, index, server } = other;
    const says = say(
      `HAProxy holds ${server.server} for ${server.status} (${server.checkStatus ?? 'no check'})`,
      `HAProxy 认为 ${server.server} 的状态是 ${server.status}（${server.checkStatus ?? '无检查'}）`,
    );
    return { is: 'ruled-out', host, because: [cite(evidence, `/servers/${index}/status`, says)] };
  }
  const symptoms = noServerSymptoms(scene);
  if (symptoms.length === 0) return notApplicable(say('no failure shows a balancer without a server', '没有失败表明负载均衡已无可用后端'));
  return { check, stats, symptoms };
}
