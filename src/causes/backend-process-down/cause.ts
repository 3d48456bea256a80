// The service of a backend does not run: no process holds a listening socket on its port, so the kernel itself answers every SYN with a reset.
// The balancer's connect() fails at once (ECONNREFUSED): nginx answers 502, HAProxy 503 after its retries, or at once when its health checks have taken
// every server out; a layer-4 balancer hands the refusal to the client. A firewall that rejects looks the same from outside, so the listening sockets decide.
import { citeHop, refusals, refusedSymptoms, serviceOf } from '../../facts/dead-service.ts';
import { citeError, freshErrors, ids, oldErrors } from '../../facts/scene.ts';
import { defineCause } from '../../model/cause.ts';
import { say } from '../../model/text.ts';
import { fixBackendProcessDown } from './fix.ts';

/** Lines in which nginx itself says why it did not come up. */
const reasons = ['bind-failed', 'config-error'];

export const backendProcessDown = defineCause({
  id: 'backend-process-down',
  title: say('The web service of a backend is not running', '后端的 Web 服务没有运行'),
  layer: 'web-server',
  seed: 'cause 6',
  perHost: ['backend'],
  needs: ['listeners'],
  wants: ['requests', 'backend-requests', 'nginx-config', 'haproxy-config', 'logs', 'firewall', 'routes'],
  consequenceOf: ['health-check-disabled'],
  judge(scene) {
    const host = scene.host?.host ?? '';
    const service = serviceOf(scene, host);
    if (service.is === 'listening') return { is: 'ruled-out', host, because: service.because };
    if (service.is === 'unclear') return { is: 'inconclusive', host, reason: service.reason, wouldTell: service.wouldTell };
    const backends = scene.site.backends.map((each) => each.name);
    const others = backends.filter((name) => name !== host && serviceOf(scene, name).is === 'dead');
    const refused = refusedSymptoms(scene, host, others);
    const line = refused.find((each) => each.line !== null)?.line ?? null;
    const errors = refused.flatMap(({ symptom }) => refusals(scene, host, symptom));
    const why = freshErrors(scene, host, reasons).at(-1) ?? oldErrors(scene, host, reasons).at(-1);
    const { port } = service;
    const [first, ...rest] = service.because;
    return {
      is: service.refusedOutside && refused.some((each) => each.proven) ? 'confirmed' : 'likely',
      host,
      summary:
        service.software === null
          ? say(
              `Nothing listens on port ${port} of ${host}: the web service there is not running, and every connection to it is refused.`,
              `${host} 的端口 ${port} 无人监听：该处的 Web 服务没有运行，所有连接都被拒绝。`,
            )
          : say(
              `${service.software} is not running on ${host}: nothing listens on port ${port}, and every connection to it is refused.`,
              `${host} 上的 ${service.software} 没有运行：端口 ${port} 无人监听，所有连接都被拒绝。`,
            ),
      because: [
        first,
        ...rest,
        ...(line === null ? [] : [citeHop(line)]),
        ...errors.slice(0, 1).map((each) => citeError(each)),
        ...(why === undefined ? [] : [citeError(why)]),
      ],
      explains: ids(refused.map((each) => each.symptom)),
      facts: { port, service: service.software ?? '', configFile: service.configFile ?? '' },
    };
  },
  fix: fixBackendProcessDown,
});
