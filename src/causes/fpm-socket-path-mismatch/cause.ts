// php-fpm runs and listens, but at another address than the one nginx is told to use: typically after an upgrade of PHP, whose socket has the
// version in its name. connect() finds no file (ENOENT) or a stale one, or no listener on the TCP port (ECONNREFUSED), and nginx answers 502 at once.
import { citePass, fastcgiFailures, passesHere, staticAnswer } from '../../facts/backend-view.ts';
import { addressText, listenerAt, poolAddress, reaches } from '../../facts/fastcgi.ts';
import { citeError, citeRequest, ids, outcomeText } from '../../facts/scene.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Citation } from '../../model/finding.ts';
import { say } from '../../model/text.ts';
import { fixFpmSocketPathMismatch } from './fix.ts';

export const fpmSocketPathMismatch = defineCause({
  id: 'fpm-socket-path-mismatch',
  title: say('nginx and php-fpm are told different addresses', 'nginx 与 php-fpm 配置的地址不一致'),
  layer: 'web-server',
  seed: 'cause 7',
  perHost: ['backend'],
  needs: ['fpm', 'nginx-config', 'listeners'],
  wants: ['logs', 'requests', 'backend-requests', 'haproxy-config', 'haproxy-stat', 'firewall', 'routes'],
  judge(scene) {
    const host = scene.host?.host ?? '';
    const fpm = scene.one('fpm');
    const config = scene.one('nginx-config');
    const listeners = scene.one('listeners');
    if (fpm === undefined || config === undefined || listeners === undefined)
      return {
        is: 'inconclusive',
        host,
        reason: say('php-fpm was not looked at', '未能查看 php-fpm'),
        wouldTell: ['fpm', 'nginx-config', 'listeners'],
      };
    const passes = passesHere(scene, host, config.data);
    if (passes.length === 0)
      return {
        is: 'not-applicable',
        host,
        reason: say('nginx here hands no request to a FastCGI runtime on this host', '本机 nginx 没有把请求交给本机的 FastCGI 服务'),
      };
    if (!fpm.data.running)
      return {
        is: 'not-applicable',
        host,
        reason: say('php-fpm does not run here, so there is nothing to compare', '本机 php-fpm 未运行，无从比较'),
      };
    const pools = fpm.data.pools.flatMap((pool, index) => {
      const address = poolAddress(pool);
      const listener = address === null ? null : listenerAt(listeners.data, address);
      return address === null || listener === null ? [] : [{ pool, index, address, listener }];
    });
    const { errors, called, symptoms, check } = fastcgiFailures(scene, host, passes, ['connect-refused', 'connect-no-such-file']);
    const lost = (called.length > 0 ? called : passes).filter(
      (pass) =>
        listenerAt(listeners.data, pass.address) === null &&
        !fpm.data.pools.some((pool) => meets(pool.listen === null ? null : poolAddress(pool), pass.address)),
    );
    const pass = lost[0];
    const met = pools.find((each) => passes.some((one) => reaches(one.address, each.address)));
    // A pool that no pass leads to is the likelier one to have been meant.
    const meant = pools.find((each) => !passes.some((one) => reaches(one.address, each.address))) ?? pools[0];
    if (pass === undefined || meant === undefined) {
      if (met === undefined)
        return {
          is: 'inconclusive',
          host,
          reason: say('it could not be seen where php-fpm listens', '无法确定 php-fpm 的监听地址'),
          wouldTell: ['listeners', 'fpm'],
        };
      return {
        is: 'ruled-out',
        host,
        because: [
          cite(
            listeners,
            met.listener.path,
            say(
              `php-fpm listens on ${met.pool.listen ?? ''}, where nginx sends requests`,
              `php-fpm 监听 ${met.pool.listen ?? ''}，与 nginx 转发的地址一致`,
            ),
          ),
        ],
      };
    }
    const answer = staticAnswer(scene, host);
    const rest: Citation[] = [
      cite(
        fpm,
        `/pools/${meant.index}/listen`,
        say(
          `pool ${meant.pool.name} listens on ${meant.pool.listen ?? ''} (${meant.pool.file}:${meant.pool.line})`,
          `进程池 ${meant.pool.name} 监听 ${meant.pool.listen ?? ''}（${meant.pool.file}:${meant.pool.line}）`,
        ),
      ),
      cite(
        listeners,
        meant.listener.path,
        say(`the kernel shows that listener, and none at ${pass.text}`, `内核中有该监听，而 ${pass.text} 处没有`),
      ),
      ...errors.slice(0, 1).map((each) => citeError(each)),
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
      ...(check === null ? [] : [check]),
    ];
    return {
      is: errors.length > 0 ? 'confirmed' : 'likely',
      host,
      summary: say(
        `On ${host} nginx sends PHP requests to ${pass.text}, but php-fpm listens on ${meant.pool.listen ?? ''}.`,
        `${host} 上的 nginx 把 PHP 请求发往 ${pass.text}，而 php-fpm 监听的是 ${meant.pool.listen ?? ''}。`,
      ),
      because: [citePass(config, pass), ...rest],
      explains: ids(symptoms),
      facts: { written: pass.text, file: pass.file, line: pass.line, listens: addressText(meant.address) },
    };
  },
  fix: fixFpmSocketPathMismatch,
});

function meets(bound: ReturnType<typeof poolAddress>, called: Parameters<typeof reaches>[0]): boolean {
  return bound !== null && reaches(called, bound);
}
