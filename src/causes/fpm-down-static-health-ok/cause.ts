// php-fpm does not run, but the web server in front of it does. nginx serves static pages and answers 502 to every request that it would
// hand to PHP: its connect() finds no socket file (ENOENT), or a stale one that nobody listens on (ECONNREFUSED). A health check of a static page
// stays green, so the balancer keeps sending users here.
import { citePass, fastcgiFailures, passesHere, staticAnswer } from '../../facts/backend-view.ts';
import { addressText, listenerAt, poolAt } from '../../facts/fastcgi.ts';
import { citeError, citeRequest, freshErrors, ids, oldErrors, outcomeText } from '../../facts/scene.ts';
import { backendOf } from '../../facts/traces.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Citation } from '../../model/finding.ts';
import { say } from '../../model/text.ts';
import { fixFpmDown } from './fix.ts';

/** Lines in which php-fpm itself says why it went or did not come. */
const farewells = ['fpm-config-error', 'fpm-bind-failed', 'fpm-stopping', 'fpm-fork-failed'];

export const fpmDownStaticHealthOk = defineCause({
  id: 'fpm-down-static-health-ok',
  title: say('php-fpm is not running, and the health check does not see it', 'php-fpm 未运行，而健康检查看不出来'),
  layer: 'app-runtime',
  seed: 'cause 7.3',
  perHost: ['backend'],
  needs: ['fpm', 'nginx-config'],
  wants: ['listeners', 'logs', 'requests', 'backend-requests', 'haproxy-stat', 'haproxy-config', 'firewall', 'routes'],
  consequenceOf: ['disk-full'],
  judge(scene) {
    const host = scene.host?.host ?? '';
    const fpm = scene.one('fpm');
    const config = scene.one('nginx-config');
    if (fpm === undefined || config === undefined)
      return { is: 'inconclusive', host, reason: say('php-fpm was not looked at', '未能查看 php-fpm'), wouldTell: ['fpm', 'nginx-config'] };
    const passes = passesHere(scene, host, config.data);
    if (passes.length === 0)
      return {
        is: 'not-applicable',
        host,
        reason: say('nginx here hands no request to a FastCGI runtime on this host', '本机 nginx 没有把请求交给本机的 FastCGI 服务'),
      };
    if (fpm.data.running) {
      const pid = fpm.data.masterPid ?? 0;
      return { is: 'ruled-out', host, because: [cite(fpm, '/masterPid', say(`php-fpm runs, pid ${pid}`, `php-fpm 正在运行，pid ${pid}`))] };
    }
    const { errors, called, symptoms, check } = fastcgiFailures(scene, host, passes, ['connect-refused', 'connect-no-such-file']);
    const listeners = scene.one('listeners');
    const listening = called.map((pass) => ({ pass, listener: listeners === undefined ? null : listenerAt(listeners.data, pass.address) }));
    const served = listening.find((each) => each.listener !== null);
    if (errors.length === 0 && listeners !== undefined && served?.listener != null && listening.every((each) => each.listener !== null)) {
      const { pass, listener } = served;
      return {
        is: 'ruled-out',
        host,
        because: [
          cite(
            listeners,
            listener.path,
            say(
              `${listener.process ?? 'a process'} listens on ${pass.text}, where nginx sends requests`,
              `${listener.process ?? '某进程'} 正在监听 nginx 转发到的 ${pass.text}`,
            ),
          ),
        ],
      };
    }
    const target = listening.find((each) => each.listener === null)?.pass ?? called[0] ?? passes[0];
    const answer = staticAnswer(scene, host);
    const stat = scene
      .all('haproxy-stat')
      .flatMap((evidence) => evidence.data.servers.map((server, i) => ({ evidence, server, i })))
      .find(
        ({ server }) => server.address !== null && backendOf(scene.site, server.address) === host && /^(UP|no check)/.test(server.status),
      );
    const why = freshErrors(scene, host, farewells).at(-1) ?? oldErrors(scene, host, farewells).at(-1);
    const rest: Citation[] = [
      ...errors.slice(0, 1).map((each) => citeError(each)),
      ...(target === undefined ? [] : [citePass(config, target)]),
      ...(answer === null
        ? []
        : [
            citeRequest(
              answer,
              say(
                `a page without PHP, asked straight from ${host}: ${outcomeText(answer).en}`,
                `直接向 ${host} 请求不经过 PHP 的页面：${outcomeText(answer).zh}`,
              ),
            ),
          ]),
      ...(stat === undefined
        ? []
        : [
            cite(
              stat.evidence,
              `/servers/${stat.i}/status`,
              say(
                `the balancer holds ${host} for ${stat.server.status} (${stat.server.checkStatus ?? 'no check'})`,
                `负载均衡认为 ${host} 的状态是 ${stat.server.status}（${stat.server.checkStatus ?? '无检查'}）`,
              ),
            ),
          ]),
      ...(check === null ? [] : [check]),
      ...(why === undefined ? [] : [citeError(why)]),
    ];
    return {
      // nginx's own line about our request proves it; without its log, the state of the host only makes it probable.
      is: errors.length > 0 ? 'confirmed' : 'likely',
      host,
      summary: say(
        `php-fpm is not running on ${host}: nginx there finds nobody at ${target?.text ?? 'its FastCGI address'} and answers 502${answer === null ? '' : ', while static pages are fine'}.`,
        `${host} 上的 php-fpm 未运行：nginx 在 ${target?.text ?? 'FastCGI 地址'} 找不到服务，因而返回 502${answer === null ? '' : '，而静态页面正常'}。`,
      ),
      because: [cite(fpm, '/running', say(`no php-fpm process runs on ${host}`, `${host} 上没有 php-fpm 进程`)), ...rest],
      explains: ids(symptoms),
      facts: {
        address: target === undefined ? '' : addressText(target.address),
        version: fpm.data.version ?? '',
        pool: target === undefined ? '' : (poolAt(fpm.data, target.address)?.pool.name ?? ''),
        checkedUp: stat !== undefined,
      },
    };
  },
  fix: fixFpmDown,
});
