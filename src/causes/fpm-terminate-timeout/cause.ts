// request_terminate_timeout is a setting of a php-fpm pool: the master looks every third of it and ends children whose request runs longer, so a
// kill lands between T and 4T/3 after a child took the request (waiting in the queue does not count). nginx sees the connection reset before a
// header came and sends 502. The reset alone looks like a crash, an OOM kill or a reload; only php-fpm's own line tells them apart.
import { citePass, ownErrors, ownSymptoms, passesHere, servedHere } from '../../facts/backend-view.ts';
import { poolAddress, reaches } from '../../facts/fastcgi.ts';
import { citeError, citeRequest, freshErrors, ids, outcomeText } from '../../facts/scene.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Citation } from '../../model/finding.ts';
import { say } from '../../model/text.ts';
import { fixFpmTerminateTimeout } from './fix.ts';

export const fpmTerminateTimeout = defineCause({
  id: 'fpm-terminate-timeout',
  title: say('php-fpm ends requests at request_terminate_timeout', 'php-fpm 按 request_terminate_timeout 终止请求'),
  layer: 'app-runtime',
  seed: 'cause 7.2',
  perHost: ['backend'],
  needs: ['fpm'],
  wants: ['logs', 'nginx-config', 'requests', 'backend-requests', 'haproxy-config', 'haproxy-stat', 'firewall', 'routes'],
  consequenceOf: ['cpu-saturated', 'hairpin-loop'],
  judge(scene) {
    const host = scene.host?.host ?? '';
    const fpm = scene.one('fpm');
    if (fpm === undefined || !fpm.data.running)
      return { is: 'not-applicable', host, reason: say('php-fpm does not run here', '本机未运行 php-fpm') };
    const config = scene.one('nginx-config');
    const passes = config === undefined ? [] : passesHere(scene, host, config.data);
    const used = [...fpm.data.pools.entries()].filter(([, pool]) => {
      const address = poolAddress(pool);
      return passes.length === 0 || (address !== null && passes.some((pass) => reaches(pass.address, address)));
    });
    const limited = used.find(([, pool]) => (pool.requestTerminateTimeoutMs ?? 0) > 0);
    if (limited === undefined) {
      const [index, pool] = used[0] ?? [];
      if (index === undefined || pool === undefined)
        return {
          is: 'inconclusive',
          host,
          reason: say('no pool that serves this page was found', '未找到处理该页面的进程池'),
          wouldTell: ['fpm'],
        };
      return {
        is: 'ruled-out',
        host,
        because: [
          cite(
            fpm,
            `/pools/${index}/requestTerminateTimeoutMs`,
            say(`request_terminate_timeout of pool "${pool.name}" is off`, `进程池 “${pool.name}” 未启用 request_terminate_timeout`),
          ),
        ],
      };
    }
    const [index, pool] = limited;
    const limitMs = pool.requestTerminateTimeoutMs ?? 0;
    const setting = cite(
      fpm,
      `/pools/${index}/requestTerminateTimeoutMs`,
      say(
        `request_terminate_timeout of pool "${pool.name}" is ${seconds(limitMs)} s (${pool.file})`,
        `进程池 “${pool.name}” 的 request_terminate_timeout 为 ${seconds(limitMs)} 秒（${pool.file}）`,
      ),
    );
    const symptoms = ownSymptoms(scene, host, [502]);
    const symptom = symptoms[0];
    // A request that ended with 502 no sooner than the limit; the queue before a child may add to it, so there is no upper bound.
    const late =
      symptom === undefined
        ? []
        : servedHere(scene, host, symptom).filter(({ exchange }) => exchange.status === 502 && exchange.phases.totalMs >= limitMs * 0.95);
    const resets = ownErrors(scene, host, ['reset-reading-header', 'premature-close']);
    const kills = freshErrors(scene, host, ['fpm-terminating']).filter(
      ({ line }) => line.fields['pool'] === undefined || line.fields['pool'] === pool.name,
    );
    const kill =
      kills.find(({ line }) => late.some(({ exchange }) => exchange.phases.totalMs >= (Number(line.fields['seconds']) - 0.5) * 1000)) ??
      kills[0];
    const log = scene.one('logs', host)?.data.files.some((file) => file.kind === 'php-fpm' && file.readable) ?? false;
    if (late.length === 0 || (kill === undefined && (log || resets.length === 0))) {
      const [sent] = symptom === undefined ? [] : servedHere(scene, host, symptom).filter(({ exchange }) => exchange.status === 502);
      if (kill !== undefined) {
        return {
          is: 'advice',
          host,
          summary: say(
            `php-fpm on ${host} ends requests of other users at request_terminate_timeout = ${seconds(limitMs)} s.`,
            `${host} 上的 php-fpm 正按 request_terminate_timeout = ${seconds(limitMs)} 秒终止其他用户的请求。`,
          ),
          because: [citeError(kill), setting],
        };
      }
      return {
        is: 'ruled-out',
        host,
        because: [
          setting,
          ...(sent === undefined
            ? []
            : [
                citeRequest(
                  sent,
                  say(`a failing request ended before that: ${outcomeText(sent).en}`, `失败请求在此之前就已结束：${outcomeText(sent).zh}`),
                ),
              ]),
        ],
      };
    }
    const slowest = late.toSorted((a, b) => a.exchange.phases.totalMs - b.exchange.phases.totalMs)[0];
    const rest: Citation[] = [
      setting,
      ...resets.slice(0, 1).map((each) => citeError(each)),
      ...(slowest === undefined
        ? []
        : [
            citeRequest(
              slowest,
              say(
                `our request to ${host}: ${outcomeText(slowest).en}, which lies behind that limit`,
                `我们发往 ${host} 的请求：${outcomeText(slowest).zh}，超过该限制`,
              ),
            ),
          ]),
      ...(config === undefined || passes[0] === undefined ? [] : [citePass(config, passes[0])]),
    ];
    const [first, ...others] = [...(kill === undefined ? [] : [citeError(kill)]), ...rest];
    const ran = Number(kill?.line.fields['seconds'] ?? Number.NaN);
    return {
      is: kill !== undefined && resets.length > 0 ? 'confirmed' : 'likely',
      host,
      summary: say(
        `php-fpm on ${host} ends the request${Number.isFinite(ran) ? ` after ${ran.toFixed(1)} s` : ''}: request_terminate_timeout of pool "${pool.name}" is ${seconds(limitMs)} s.`,
        `${host} 上的 php-fpm 在请求运行${Number.isFinite(ran) ? ` ${ran.toFixed(1)} 秒` : ''}后将其终止：进程池 “${pool.name}” 的 request_terminate_timeout 为 ${seconds(limitMs)} 秒。`,
      ),
      because: [first ?? setting, ...others],
      explains: ids(symptoms.filter((each) => each.maxMs >= limitMs * 0.95)),
      facts: {
        pool: pool.name,
        file: pool.file,
        limitSeconds: limitMs / 1000,
        script: kill?.line.fields['script'] ?? '',
        version: fpm.data.version ?? '',
      },
    };
  },
  fix: fixFpmTerminateTimeout,
});

function seconds(ms: number): string {
  return String(Math.round(ms / 100) / 10);
}
