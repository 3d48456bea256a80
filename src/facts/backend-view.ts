// What the marked requests showed of one backend's own work: the failing page as this backend served it through every door, the page
// beside it that needs no application, and the error lines that our own requests left in its logs.
import type { Scene } from '../model/cause.ts';
import type { Citation } from '../model/finding.ts';
import type { AccessLine, ErrorLine, NginxConfig } from '../model/observations.ts';
import { splitAddress } from '../model/site.ts';
import type { Symptom } from '../model/symptom.ts';
import { say } from '../model/text.ts';
import type { TraceHop } from '../model/trace.ts';
import { fastcgiAddress, fastcgiPasses, isHere, reaches } from './fastcgi.ts';
import type { FastcgiPass } from './fastcgi.ts';
import { isFailure, sameRequest } from './failure.ts';
import { routeOf } from './nginx-config.ts';
import type { NginxRoute } from './nginx-config.ts';
import { accessLines, backendRequests, balancerErrors, clientRequests, ejections, freshErrors, symptomsAt } from './scene.ts';
import { takenOut } from './taken-out.ts';
import { tryAt } from './traces.ts';
import type { Logged, Sent } from './scene.ts';

type Looks = Scene<'requests' | 'backend-requests'>;
type Behind = Scene<'requests' | 'backend-requests' | 'logs' | 'haproxy-config' | 'haproxy-stat' | 'nginx-config' | 'firewall' | 'routes'>;

/** Symptoms of these statuses that this backend can have caused; those that a log proves the balancer made by itself are left out. */
export function ownSymptoms(scene: Scene<never>, host: string, statuses: readonly number[]): readonly Symptom[] {
  return symptomsAt(scene, host).filter(
    ({ status, answeredBy }) => status !== null && statuses.includes(status) && !(answeredBy.hop === 'balancer' && answeredBy.by === 'log'),
  );
}

/** A symptom that a wait behind the balancer made, and the balancer's own lines about it. */
export interface LateSymptom {
  readonly symptom: Symptom;
  /** Lines of requests to this backend: connected, and no header came until the balancer gave up. Empty where its log could not be read. */
  readonly gaveUp: readonly TraceHop[];
  /** True where the code was made behind the balancer: the backend's own web server gave up. */
  readonly atBackend: boolean;
}

/**
 * Symptoms that a slow answer of this backend can have made: 504, or no answer until our own deadline. Left out are those of which the balancer's
 * log says that it never got a connection.
 */
export function lateSymptoms(scene: Behind, host: string): readonly LateSymptom[] {
  // A check that asks for a page of the slow application is late too, and takes the backend out.
  const out = takenOut(scene, host, ['L7TOUT'])?.symptoms ?? [];
  // A balancer that tries the next member after a timeout may end with 502 for want of members; its error log has the timeouts.
  const waited = balancerErrors(scene, host, ['read-timeout']).length > 0;
  const late = symptomsAt(scene, host)
    .filter(
      ({ status, error, shadow }) => status === 504 || (status === null && error === 'timeout') || ((waited || shadow) && status === 502),
    )
    .flatMap((symptom): readonly LateSymptom[] => {
      if (symptom.shadow) return ejections(scene, host, ['read-timeout']).length > 0 ? [{ symptom, gaveUp: [], atBackend: false }] : [];
      const nonces = new Set(symptom.exchanges.map((each) => each.nonce));
      const own = scene.traces.filter((trace) => nonces.has(trace.nonce) && trace.tried.includes(host));
      const hops = own.flatMap((trace) => trace.hops.filter((hop) => hop.role === 'balancer'));
      const connected = hops.filter((hop) => tryAt(scene.site, hop.line, host)?.connected !== false);
      if (hops.length > 0 && connected.length === 0) return [];
      if (symptom.status === 502 && connected.length === 0) return [];
      const atBackend = own.some((trace) => trace.madeBy === host) || (own.length === 0 && symptom.answeredBy.hop === 'backend');
      return [
        {
          symptom,
          gaveUp: connected.filter(
            (hop) => tryAt(scene.site, hop.line, host)?.connected === true && tryAt(scene.site, hop.line, host)?.answered !== true,
          ),
          atBackend,
        },
      ];
    });
  const known = new Set(late.map((each) => each.symptom.id));
  return [...late, ...out.filter((each) => !known.has(each.id)).map((symptom) => ({ symptom, gaveUp: [], atBackend: false }))];
}

/** Marks of every run of why5xx, this one or another. */
const marked = /why5xx\/\S+ \(\+/;

/**
 * Failing requests of other users that this host's web server logged while ours ran. 499: whoever asked gave up waiting. A request without
 * Referer and User-Agent is a health check, not a user.
 */
export function failedOthers(scene: Scene<'logs'>, host: string): readonly Logged<AccessLine>[] {
  return accessLines(
    scene,
    host,
    ({ ours, nonce, text, ...line }) => ours && nonce === null && failed(line) && !marked.test(text) && !isCheck(text),
  );
}

/**
 * How many requests without users, our own and health checks, may have come to this host and were not answered well. A pool may still work on
 * them, or keep their place in its queue, when nobody waits for them any more.
 */
export function ownFailures(scene: Looks & Scene<'logs'>, host: string): number {
  const backendOf = new Map(scene.traces.map((trace) => [trace.nonce, trace.backend]));
  const all = [...scene.all('requests'), ...scene.all('backend-requests')].flatMap((each) => each.data.exchanges);
  return all.filter((each) => isFailure(each) && (backendOf.get(each.nonce) ?? host) === host).length + failedChecks(scene, host).length;
}

function failedChecks(scene: Scene<'logs'>, host: string): readonly Logged<AccessLine>[] {
  return accessLines(
    scene,
    host,
    ({ ours, nonce, text, ...line }) => ours && nonce === null && failed(line) && !marked.test(text) && isCheck(text),
  );
}

/** How long requests of an earlier run of why5xx may still keep workers busy. */
const leftoverMs = 180_000;

/** Failing requests of a run of why5xx shortly before this one. */
export function earlierRuns(scene: Scene<'logs'>, host: string): readonly Logged<AccessLine>[] {
  const now = Date.parse(scene.one('logs', host)?.at ?? '');
  return accessLines(
    scene,
    host,
    ({ nonce, at, text, ...line }) =>
      nonce === null && failed(line) && marked.test(text) && at !== null && now - Date.parse(at) < leftoverMs,
  );
}

function failed({ status }: Pick<AccessLine, 'status'>): boolean {
  return status !== null && (status >= 500 || status === 499);
}

function isCheck(text: string): boolean {
  return text.trimEnd().endsWith(' "-" "-"');
}

/** The failing request, whoever sent it and through whichever door, where it was served by this backend. In order of sending. */
export function servedHere(scene: Looks, host: string, symptom: Pick<Symptom, 'method' | 'url'>): readonly Sent[] {
  const backendOf = new Map(scene.traces.map((trace) => [trace.nonce, trace.backend]));
  const through = clientRequests(scene, { purpose: ['reproduce', 'bypass-edge', 'other-listener'] }).filter(
    (each) => backendOf.get(each.exchange.nonce) === host,
  );
  return [...through, ...askedDirectly(scene, host)]
    .filter((each) => sameRequest(each.exchange, symptom))
    .toSorted((a, b) => a.exchange.at.localeCompare(b.exchange.at));
}

/** The failing page asked straight from this backend. */
export function askedDirectly(scene: Scene<'backend-requests'>, host: string): readonly Sent[] {
  return backendRequests(scene, host, { purpose: 'bypass-balancer' });
}

/** The page that needs no application, asked straight from this backend: the first that was answered well, or null. */
export function staticAnswer(scene: Scene<'backend-requests'>, host: string): Sent | null {
  return (
    backendRequests(scene, host, { purpose: ['bypass-balancer-static', 'health-check-plain', 'health-check'] }).find(
      (each) => !isFailure(each.exchange) && each.exchange.status !== null && each.exchange.status < 300,
    ) ?? null
  );
}

/**
 * Error lines of this host with one of these signatures that were written while our requests ran and name one of our requests by method
 * and path. (Another user may have sent the same request: then it failed in the same way as ours.)
 */
export function ownErrors(scene: Looks & Scene<'logs'>, host: string, signatures: readonly string[]): readonly Logged<ErrorLine>[] {
  const sent = new Set(
    [
      ...clientRequests(scene),
      ...scene.all('backend-requests').flatMap((each) => each.data.exchanges.map((exchange) => ({ exchange }))),
    ].map(({ exchange }) => `${exchange.method} ${new URL(exchange.url).pathname}`),
  );
  return freshErrors(scene, host, signatures).filter(({ line }) => {
    const [method = '', target = ''] = (line.request ?? '').split(' ');
    return sent.has(`${method} ${target.split('?')[0] ?? ''}`);
  });
}

/** How our own requests failed between nginx and the FastCGI runtime of this host. */
export interface FastcgiFailures {
  /** nginx's own lines about it, oldest first. */
  readonly errors: readonly Logged<ErrorLine>[];
  /** Where nginx tried to connect: what the lines name, or every `fastcgi_pass` where no line could be read. */
  readonly called: readonly FastcgiPass[];
  /** What this explains: 502s, and what the balancer answers once its checks met them too. Empty where the error log was read and has no such line about our requests. */
  readonly symptoms: readonly Symptom[];
  /** The balancer's own word that its check of this backend fails too. */
  readonly check: Citation | null;
}

function ownAddress(scene: Scene<never>, host: string): string | null {
  const backend = scene.site.backends.find((each) => each.name === host);
  return backend === undefined ? null : splitAddress(backend.address).host;
}

/** The way of a failing request through this backend's own nginx; null where it cannot be followed. */
export function routeHere(scene: Scene<never>, host: string, config: NginxConfig, symptom: Pick<Symptom, 'url'>): NginxRoute | null {
  const backend = scene.site.backends.find((each) => each.name === host);
  const url = new URL(symptom.url);
  return routeOf(config, {
    port: backend === undefined ? 80 : (splitAddress(backend.address).port ?? 80),
    host: url.hostname,
    uri: `${url.pathname}${url.search}`,
  });
}

/**
 * The `fastcgi_pass` that failing requests meet on this host, where their way can be followed, else every one; only those whose runtime is on
 * the host itself.
 */
export function passesHere(scene: Scene<never>, host: string, config: NginxConfig): readonly FastcgiPass[] {
  const own = ownAddress(scene, host);
  const all = fastcgiPasses(config).filter((pass) => isHere(pass.address, own));
  const met = new Set(
    scene.symptoms.flatMap((symptom) => {
      const pass = routeHere(scene, host, config, symptom)?.pass;
      return pass?.kind === 'fastcgi' ? [pass.directive, ...pass.peers.map((peer) => peer.directive)] : [];
    }),
  );
  const chosen = all.filter((pass) => met.has(pass.directive));
  return chosen.length > 0 ? chosen : all;
}

/** `signatures` are those of connect() failures. Without a readable error log, 502 on asking this backend directly has to do. */
export function fastcgiFailures(
  scene: Behind,
  host: string,
  passes: readonly FastcgiPass[],
  signatures: readonly string[],
): FastcgiFailures {
  const own = ownAddress(scene, host);
  const out = takenOut(scene, host, ['L7STS']);
  const check = out?.citation ?? null;
  const errors = ownErrors(scene, host, signatures).filter(({ line }) => {
    const address = line.upstream?.startsWith('fastcgi://') ? fastcgiAddress(line.upstream) : null;
    return address !== null && isHere(address, own);
  });
  if (errors.length > 0) {
    const named = errors.map(({ line }) => fastcgiAddress(line.upstream ?? '')).filter((each) => each !== null);
    return {
      errors,
      called: passes.filter((pass) => named.some((address) => reaches(address, pass.address))),
      symptoms: [...ownSymptoms(scene, host, [502]), ...(out?.symptoms ?? [])],
      check,
    };
  }
  const read = scene.one('logs', host)?.data.files.some((file) => file.kind === 'nginx-error' && file.readable) ?? false;
  const refused = askedDirectly(scene, host).some((each) => each.exchange.status === 502);
  const symptoms = read || !refused ? [] : [...ownSymptoms(scene, host, [502]), ...(out?.symptoms ?? [])];
  return { errors, called: passes, symptoms, check };
}

/** Cites the `fastcgi_pass` of a configuration. */
export function citePass(config: { readonly id: string }, pass: FastcgiPass): Citation {
  return {
    evidence: config.id,
    path: pass.path,
    says: say(
      `nginx hands requests to ${pass.text} (${pass.file}:${pass.line})`,
      `nginx 把请求交给 ${pass.text}（${pass.file}:${pass.line}）`,
    ),
  };
}
