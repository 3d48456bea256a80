// The balancer does not check its backends, and the service of one of them is dead. Nothing takes it out: every request that its turn falls on meets
// a refused connection, a share of 1/N of all of them, until somebody notices. With a check the balancer would have taken it out within seconds.
// When every backend is dead, or none is, a missing check explains nothing.
import { citeHop, refusedSymptoms, serviceOf } from '../../facts/dead-service.ts';
import type { DeadService } from '../../facts/dead-service.ts';
import { checkedServer, citeLine, hasNoChecks, listenerFor } from '../../facts/health-check.ts';
import { ids } from '../../facts/scene.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Scene } from '../../model/cause.ts';
import type { Citation } from '../../model/finding.ts';
import { say } from '../../model/text.ts';
import { fixHealthCheckDisabled } from './fix.ts';

export const healthCheckDisabled = defineCause({
  id: 'health-check-disabled',
  title: say('Health checks are off, so a dead backend still gets requests', '健康检查已关闭，失效的后端仍在接收请求'),
  layer: 'balancer',
  seed: 'cause 6',
  needs: ['requests', 'listeners'],
  wants: ['backend-requests', 'haproxy-config', 'haproxy-stat', 'nginx-config', 'logs', 'firewall', 'routes'],
  judge(scene) {
    const { balancer } = scene.site;
    const host = balancer?.name ?? null;
    if (balancer === undefined || hasNoChecks(scene))
      return {
        is: 'not-applicable',
        host,
        reason: say('open-source nginx has no health checks of its own', '开源版 nginx 没有主动健康检查'),
      };
    const config = scene.one('haproxy-config', balancer.name);
    const url = scene.symptoms[0]?.url ?? scene.site.url;
    const servers = new Map(
      scene.site.backends.map((each) => [each.name, config === undefined ? null : checkedServer(scene.site, config.data, each.name, url)]),
    );
    const known = [...servers.values()].filter((each) => each !== null);
    const said = config === undefined && listenerFor(scene.site, url)?.healthCheck === false;
    const off = scene.site.backends
      .map((each) => each.name)
      .filter((name) => (config === undefined ? said : servers.get(name)?.server.check === false));
    const checked = known.find((each) => each.server.check);
    if (off.length === 0) {
      const citation = config === undefined || checked === undefined ? null : citeLine(config, checked.server.line, checked.server.name);
      if (citation !== null)
        return {
          is: 'ruled-out',
          host,
          because: [{ ...citation, says: say(`every server is checked: ${citation.says.en}`, `每台服务器都有检查：${citation.says.zh}`) }],
        };
      return {
        is: 'inconclusive',
        host,
        reason: say('it is not known whether the balancer checks its backends', '不清楚负载均衡是否检查后端'),
        wouldTell: ['haproxy-config'],
      };
    }
    const dead = new Map(
      scene.site.backends.flatMap(({ name }): readonly (readonly [string, DeadService])[] => {
        const state = serviceOf(scene, name);
        return state.is === 'dead' ? [[name, state]] : [];
      }),
    );
    const sent = off.filter((name) => dead.has(name));
    const switchedOff = offCitations(scene, sent.length > 0 ? sent : off, servers);
    const [firstOff] = switchedOff;
    if (sent.length === 0 || dead.size === scene.site.backends.length) {
      // True, and a risk, but with nobody dead or nobody alive it changes nothing.
      if (firstOff !== undefined)
        return {
          is: 'advice',
          host,
          summary: say(
            `${balancer.name} does not check ${off.join(', ')}: a dead backend would go on getting requests.`,
            `${balancer.name} 没有检查 ${off.join('、')}：后端失效后仍会收到请求。`,
          ),
          because: [firstOff],
        };
      return {
        is: 'not-applicable',
        host,
        reason: say('checks are off, but that explains nothing here', '健康检查已关闭，但与此处的失败无关'),
      };
    }
    const refused = sent.flatMap((name) =>
      refusedSymptoms(
        scene,
        name,
        [...dead.keys()].filter((each) => each !== name),
      ).filter(({ symptom }) => symptom.backends.every((each) => sent.includes(each))),
    );
    const line = refused.find((each) => each.line !== null)?.line ?? null;
    const [first, ...rest] = sent.flatMap((name) => dead.get(name)?.because ?? []);
    if (first === undefined || refused.length === 0)
      return {
        is: 'not-applicable',
        host,
        reason: say('checks are off, but no failure is that of a dead backend', '健康检查已关闭，但没有失败来自失效的后端'),
      };
    return {
      is: switchedOff.length > 0 && refused.some((each) => each.proven) ? 'confirmed' : 'likely',
      host,
      summary: say(
        `${balancer.name} does not check ${off.length === scene.site.backends.length ? 'its backends' : off.join(', ')}, so ${sent.join(', ')}, where the web service is dead, still gets its share of the requests.`,
        `${balancer.name} 没有对${off.length === scene.site.backends.length ? '后端' : ` ${off.join('、')} `}做健康检查，因此 Web 服务已失效的 ${sent.join('、')} 仍在接收请求。`,
      ),
      because: [
        firstOff ?? first,
        ...switchedOff.slice(1, 2),
        ...(firstOff === undefined ? [] : [first]),
        ...rest,
        ...(line === null ? [] : [citeHop(line)]),
      ],
      explains: [...new Set(ids(refused.map((each) => each.symptom)))],
      facts: {
        by: config === undefined ? 'site-file' : 'configuration',
        file: config?.data.configFile ?? '',
        section: known[0] === undefined ? '' : `${known[0].section.kind} ${known[0].section.name}`,
        at:
          config === undefined
            ? 'site file'
            : `${config.data.configFile ?? 'haproxy.cfg'}:${servers.get(sent[0] ?? '')?.server.line ?? ''}`,
        dead: sent,
        siteHost: new URL(scene.site.url).host,
        goodPath: scene.site.static === undefined ? '/' : new URL(scene.site.static).pathname,
        http:
          known.some((each) => each.check.kind === 'http') ||
          !known.some((each) => each.section.lines.some(({ words }) => words[0] === 'mode' && words[1] === 'tcp')),
      },
    };
  },
  fix: fixHealthCheckDisabled,
});

/** HAProxy's own word that it does not check these backends: its statistics, and the line of the configuration. */
function offCitations(
  scene: Scene<'haproxy-config' | 'haproxy-stat'>,
  off: readonly string[],
  servers: ReadonlyMap<string, ReturnType<typeof checkedServer>>,
): readonly Citation[] {
  const name = scene.site.balancer?.name ?? '';
  const config = scene.one('haproxy-config', name);
  const stat = scene.one('haproxy-stat', name);
  return off.flatMap((backend): readonly Citation[] => {
    const checked = servers.get(backend);
    if (config === undefined || checked == null) return [];
    const index =
      stat?.data.servers.findIndex(
        (each) => each.backend === checked.section.name && each.server === checked.server.name && each.status === 'no check',
      ) ?? -1;
    const line = citeLine(config, checked.server.line, checked.server.name);
    return [
      ...(stat === undefined || index < 0
        ? []
        : [
            cite(
              stat,
              `/servers/${index}/status`,
              say(`HAProxy’s state of ${checked.server.name} is "no check"`, `HAProxy 中 ${checked.server.name} 的状态为 “no check”`),
            ),
          ]),
      ...(line === null
        ? []
        : [{ ...line, says: say(`no check for this server: ${line.says.en}`, `该服务器没有健康检查：${line.says.zh}`) }]),
    ];
  });
}
