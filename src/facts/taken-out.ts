// Failures that a balancer makes because its own health checks have taken every backend out, and rightly so: the check asks for a page of the same
// broken application, so clients never see the application's own error, but the balancer's 503.
import type { Scene } from '../model/cause.ts';
import { cite } from '../model/cause.ts';
import type { Citation } from '../model/finding.ts';
import type { Symptom } from '../model/symptom.ts';
import { say } from '../model/text.ts';
import { isFailure } from './failure.ts';
import { hasNoChecks, noServerSymptoms } from './health-check.ts';
import { backendRequests } from './scene.ts';
import { backendOf } from './traces.ts';

type Looks = Scene<'requests' | 'backend-requests' | 'logs' | 'haproxy-config' | 'haproxy-stat' | 'nginx-config' | 'firewall' | 'routes'>;

/** HAProxy's words for a check that got a connection: a wrong status, no good answer, an answer too late. */
const answeredChecks = ['L7STS', 'L7RSP', 'L7TOUT'];

export interface TakenOut {
  readonly symptoms: readonly Symptom[];
  /** HAProxy's own row about this backend; null where its statistics could not be read, and only the requests sent straight to the backends tell. */
  readonly citation: Citation | null;
}

/**
 * What the balancer answers since its checks hold this backend, and every other one, for broken. `checks` are HAProxy's words for the way in which
 * the check fails. Null where the balancer has backends left, makes no checks, or where this backend's page works when it is asked directly.
 */
export function takenOut(scene: Looks, host: string, checks: readonly string[] = answeredChecks): TakenOut | null {
  if (hasNoChecks(scene)) return null;
  const broken = (backend: string): boolean => {
    const asked = backendRequests(scene, backend, { purpose: 'bypass-balancer' });
    return asked.length > 0 && asked.every(({ exchange }) => isFailure(exchange) && exchange.phases.connectedMs !== null);
  };
  if (!broken(host)) return null;
  const symptoms = noServerSymptoms(scene).map((each) => each.symptom);
  if (symptoms.length === 0) return null;
  const stat = scene.one('haproxy-stat', scene.site.balancer?.name);
  if (stat === undefined) return scene.site.backends.every((each) => broken(each.name)) ? { symptoms, citation: null } : null;
  const index = stat.data.servers.findIndex((each) => each.address !== null && backendOf(scene.site, each.address) === host);
  const server = stat.data.servers[index];
  if (server === undefined || !server.status.startsWith('DOWN') || !checks.includes(server.checkStatus ?? '')) return null;
  const answer = `${server.checkStatus ?? ''}${server.checkCode === null ? '' : ` ${server.checkCode}`}`;
  const says = say(
    `its health check fails too, so the balancer has taken ${host} out: ${server.backend}/${server.server} is ${server.status} (${answer})`,
    `健康检查也失败，负载均衡已摘除 ${host}：${server.backend}/${server.server} 为 ${server.status}（${answer}）`,
  );
  return { symptoms, citation: cite(stat, `/servers/${index}/checkStatus`, says) };
}
