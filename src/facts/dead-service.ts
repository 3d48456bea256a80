// Whether the service of a backend is there at all: who listens on the port that the balancer sends to, and what a connection to it gets.
// A closed port and a firewall that rejects look alike from outside, so both views are needed.
import type { Scene } from '../model/cause.ts';
import { cite } from '../model/cause.ts';
import type { Citation, Citations } from '../model/finding.ts';
import type { ErrorLine, ProbeId, TcpListener } from '../model/observations.ts';
import { splitAddress } from '../model/site.ts';
import type { Symptom } from '../model/symptom.ts';
import { say } from '../model/text.ts';
import type { Localised } from '../model/text.ts';
import type { TraceHop } from '../model/trace.ts';
import { unreachedSymptoms } from './balancer-reach.ts';
import { isProxied } from './balancer-sources.ts';
import { reaches } from './fastcgi.ts';
import { isFailure, sameRequest } from './failure.ts';
import { nginxServers } from './nginx-config.ts';
import { backendRequests, balancerErrors, citeRequest, clientRequests, symptomsAt } from './scene.ts';
import type { Logged, Sent } from './scene.ts';

type Looks = Scene<'requests' | 'backend-requests' | 'listeners' | 'nginx-config' | 'haproxy-config' | 'logs' | 'firewall' | 'routes'>;

/** A service that is not there: nothing listens on its port, and connections to it are refused. */
export interface DeadService {
  readonly is: 'dead';
  readonly port: number;
  /** Seen from another host, not only from the backend itself. */
  readonly refusedOutside: boolean;
  /** The web server whose configuration claims this port and that does not run; null where none is known. */
  readonly software: 'nginx' | null;
  readonly configFile: string | null;
  readonly because: Citations;
}
export type ServiceState =
  | DeadService
  | { readonly is: 'listening'; readonly because: Citations }
  | { readonly is: 'unclear'; readonly reason: Localised; readonly wouldTell: readonly ProbeId[] };

/** Services that hosts run beside the one that a balancer sends to. A listener of another process may be the service on a wrong port. */
const infrastructure =
  /^(sshd|dropbear|systemd.*|init|rpcbind|rpc\..*|chronyd|ntpd|master|exim4?|cupsd|dnsmasq|named|unbound|mysqld|mariadbd|postgres|redis-server|memcached|mongod|php-fpm.*|snmpd|zabbix_agentd?2?|telegraf|filebeat|containerd|dockerd|kubelet|\w+_exporter)$/;
const loopback = /^(127\.|::1$|\[::1\]$)/;

/** How a backend's service stands. `unclear` where it cannot be told from a firewall, a wrong port or a restart. */
export function serviceOf(scene: Looks, host: string): ServiceState {
  const target = scene.site.backends.find((each) => each.name === host);
  const listeners = scene.one('listeners', host);
  if (target === undefined || listeners === undefined)
    return { is: 'unclear', reason: say('who listens there was not seen', '未能查看监听端口'), wouldTell: ['listeners'] };
  const split = splitAddress(target.address);
  const port = split.port ?? 80;
  const at = listeners.data.tcp.findIndex((each) => reaches({ host: split.host, port }, { host: each.address, port: each.port }));
  const listener = listeners.data.tcp[at];
  if (listener !== undefined) {
    const who = listener.process ?? '';
    return {
      is: 'listening',
      because: [
        cite(
          listeners,
          `/tcp/${at}`,
          say(
            `${who === '' ? 'a process' : who} listens on ${listener.address}:${port}`,
            `${who === '' ? '有进程' : who} 正在监听 ${listener.address}:${port}`,
          ),
        ),
      ],
    };
  }
  const elsewhere = listeners.data.tcp.find((each) => each.port === port);
  if (elsewhere !== undefined) {
    return {
      is: 'unclear',
      reason: say(
        `something listens on port ${port}, but only on ${elsewhere.address}, not on ${split.host}`,
        `端口 ${port} 只在 ${elsewhere.address} 上监听，而不在 ${split.host} 上`,
      ),
      wouldTell: [],
    };
  }
  const config = scene.one('nginx-config', host);
  const claimed = config !== undefined && nginxServers(config.data).some((server) => server.listens.some((each) => each.port === port));
  if (config?.data.running === true) {
    const ports = [...new Set(listeners.data.tcp.filter((each) => each.process === 'nginx').map((each) => each.port))].join(', ');
    return {
      is: 'unclear',
      reason: claimed
        ? say(`nginx runs but does not hold port ${port} that its configuration names`, `nginx 正在运行，但没有占用其配置中的端口 ${port}`)
        : say(
            `nginx runs, and its configuration listens on ${ports === '' ? 'other ports' : ports}, not on ${port}`,
            `nginx 正在运行，但监听的是 ${ports === '' ? '其他端口' : ports}，而不是 ${port}`,
          ),
      wouldTell: [],
    };
  }
  const stranger = claimed ? undefined : listeners.data.tcp.find(isStranger);
  if (stranger !== undefined) {
    const name = stranger.process ?? 'a process';
    return {
      is: 'unclear',
      reason: say(
        `nothing listens on port ${port}, but ${name} listens on ${stranger.port}: the port may be the wrong one`,
        `端口 ${port} 无人监听，但 ${name} 在监听 ${stranger.port}：可能是端口写错了`,
      ),
      wouldTell: ['nginx-config'],
    };
  }
  const asked = backendRequests(scene, host, { purpose: ['bypass-balancer', 'bypass-balancer-static'] });
  const outside = asked.filter((each) => each.from !== host);
  const sent = outside.length > 0 ? outside : asked;
  const refused = sent.filter(isRefused);
  if (refused.length < sent.length)
    return {
      is: 'unclear',
      reason: say(
        `nothing listens on port ${port} now, but not every connection to it was refused`,
        `端口 ${port} 现在无人监听，但并非所有连接都被拒绝`,
      ),
      wouldTell: ['backend-requests'],
    };
  const open = listeners.data.tcp.map((each) => each.port).join(', ');
  const [first] = refused;
  return {
    is: 'dead',
    port,
    refusedOutside: outside.length > 0,
    software: claimed ? 'nginx' : null,
    configFile: config?.data.configFile ?? null,
    because: [
      cite(
        listeners,
        '/tcp',
        say(
          `no process on ${host} listens on TCP port ${port} (listening ports: ${open === '' ? 'none' : open})`,
          `${host} 上没有进程监听 TCP 端口 ${port}（正在监听的端口：${open === '' ? '无' : open}）`,
        ),
      ),
      ...(first === undefined
        ? []
        : [
            citeRequest(
              first,
              say(
                `a connection from ${first.from} to ${host} port ${port} is refused`,
                `从 ${first.from} 连接 ${host} 的端口 ${port} 被拒绝`,
              ),
            ),
          ]),
      ...(config !== undefined && claimed
        ? [
            cite(
              config,
              '/running',
              say(`nginx, whose configuration listens on port ${port}, is not running`, `配置监听端口 ${port} 的 nginx 没有运行`),
            ),
          ]
        : []),
    ],
  };
}

function isStranger({ address, process }: TcpListener): boolean {
  return !loopback.test(address) && (process === null || !infrastructure.test(process));
}

function isRefused({ exchange }: Sent): boolean {
  return exchange.error === 'refused' && exchange.failedPhase === 'connect';
}

/** A failure that connections refused by this backend can have made. */
export interface RefusedSymptom {
  readonly symptom: Symptom;
  /** A log shows that the balancer tried this backend and got no connection, or no other explanation is left. */
  readonly proven: boolean;
  /** The balancer's own line about such a request, where its log has one. */
  readonly line: TraceHop | null;
}

/** Symptoms that refused connections to this backend explain. `others` are the other backends whose service is dead. */
export function refusedSymptoms(scene: Looks, host: string, others: readonly string[]): readonly RefusedSymptom[] {
  const living = scene.site.backends.map((each) => each.name).filter((name) => name !== host && !others.includes(name));
  const proxied = unreachedSymptoms(scene, host).flatMap(({ symptom, tried, noServer }): readonly RefusedSymptom[] => {
    if (symptom.status !== 502 && symptom.status !== 503) return [];
    const line = tried[0] ?? noServer[0] ?? null;
    if (tried.length > 0 || living.length === 0) return [{ symptom, proven: true, line }];
    // Without a backend left, the ones that live were taken out for a reason of their own.
    if (noServer.length > 0 || !livingAnswer(scene, living, symptom) || !someSucceed(scene, symptom)) return [];
    // A log that does not name backends, but an error log that does.
    return [{ symptom, proven: refusals(scene, host, symptom).length > 0, line: null }];
  });
  const forwarded = symptomsAt(scene, host).flatMap((symptom): readonly RefusedSymptom[] => {
    // A balancer that only forwards packets hands the client the backend's own refusal.
    if (symptom.status !== null || symptom.error !== 'refused' || isProxied(scene, symptom.listenerPort)) return [];
    if (living.length === 0) return [{ symptom, proven: true, line: null }];
    return livingAnswer(scene, living, symptom) && someSucceed(scene, symptom) ? [{ symptom, proven: true, line: null }] : [];
  });
  return [...proxied, ...forwarded];
}

/** The balancer's own lines of refused connections to this backend for the failing page, written while our requests ran. */
export function refusals(scene: Looks, host: string, symptom: Symptom): readonly Logged<ErrorLine>[] {
  const path = new URL(symptom.url).pathname;
  return balancerErrors(scene, host, ['connect-refused']).filter(({ line }) => line.request?.split(' ')[1]?.split('?')[0] === path);
}

/** Whether every living backend gives the page when it is asked directly from outside: then it is not their failure. */
function livingAnswer(scene: Looks, living: readonly string[], symptom: Symptom): boolean {
  return living.every((name) => {
    const asked = backendRequests(scene, name, { purpose: 'bypass-balancer', notFrom: name }).filter((each) =>
      sameRequest(each.exchange, symptom),
    );
    return asked.length > 0 && asked.every((each) => !isFailure(each.exchange));
  });
}

/** With living backends behind the balancer, some of the same requests must have come through. */
function someSucceed(scene: Looks, symptom: Symptom): boolean {
  return clientRequests(scene, { purpose: 'reproduce' }).some((each) => sameRequest(each.exchange, symptom) && !isFailure(each.exchange));
}

/** Cites the balancer's line about a request that found no service. */
export function citeHop(hop: TraceHop): Citation {
  return {
    evidence: hop.evidence,
    path: `/access/${hop.index}/text`,
    says: say(`${hop.host}: ${hop.line.text}`, `${hop.host}：${hop.line.text}`),
  };
}
