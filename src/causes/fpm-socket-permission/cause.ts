// nginx's worker processes and php-fpm run as users of their own. connect() on a Unix socket needs write permission on the socket file and
// search permission on every directory above it; without them the kernel answers EACCES, nginx writes errno 13 and sends 502 at once. php-fpm
// itself is well and notices nothing.
import { citePass, fastcgiFailures, passesHere, staticAnswer } from '../../facts/backend-view.ts';
import { listenerAt, poolAt, reaches } from '../../facts/fastcgi.ts';
import { citeError, citeRequest, ids, outcomeText } from '../../facts/scene.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Citation } from '../../model/finding.ts';
import type { SocketFiles } from '../../model/observations.ts';
import { say } from '../../model/text.ts';
import { fixFpmSocketPermission } from './fix.ts';

export const fpmSocketPermission = defineCause({
  id: 'fpm-socket-permission',
  title: say('The web server may not use php-fpm’s socket', 'Web 服务器无权使用 php-fpm 的套接字'),
  layer: 'app-runtime',
  seed: 'cause 7',
  perHost: ['backend'],
  needs: ['socket-files', 'nginx-config'],
  wants: ['fpm', 'listeners', 'logs', 'requests', 'backend-requests', 'haproxy-config', 'haproxy-stat', 'firewall', 'routes'],
  judge(scene) {
    const host = scene.host?.host ?? '';
    const files = scene.one('socket-files');
    const config = scene.one('nginx-config');
    if (files === undefined || config === undefined)
      return {
        is: 'inconclusive',
        host,
        reason: say('the socket was not looked at', '未能查看套接字'),
        wouldTell: ['socket-files', 'nginx-config'],
      };
    const passes = passesHere(scene, host, config.data).filter(({ address }) => 'unix' in address);
    if (passes.length === 0)
      return {
        is: 'not-applicable',
        host,
        reason: say('nginx here uses no Unix socket of a runtime', '本机 nginx 未使用运行时的 Unix 套接字'),
      };
    const { errors, called, symptoms, check } = fastcgiFailures(scene, host, passes, ['connect-permission']);
    const used = (called.length > 0 ? called : passes).map((pass) => ({
      pass,
      at: files.data.sockets.findIndex((each) => reaches(pass.address, { unix: each.path })),
    }));
    const shut = used.find(({ at }) => files.data.sockets[at]?.exists === true && files.data.sockets[at]?.writableByWebServer === false);
    const chosen = shut ?? used[0];
    const socket = chosen === undefined ? undefined : files.data.sockets[chosen.at];
    const user = files.data.webServerUser ?? config.data.workerUser ?? '';
    if (chosen === undefined || socket === undefined || (shut === undefined && errors.length === 0)) {
      const open = used.find(({ at }) => files.data.sockets[at]?.writableByWebServer === true);
      const good = open === undefined ? undefined : files.data.sockets[open.at];
      if (open === undefined || good === undefined)
        return {
          is: 'inconclusive',
          host,
          reason: say('whether nginx may use the socket could not be worked out', '无法判断 nginx 是否有权使用该套接字'),
          wouldTell: ['socket-files', 'logs'],
        };
      return {
        is: 'ruled-out',
        host,
        because: [
          cite(
            files,
            `/sockets/${open.at}/mode`,
            say(`${user} may write to ${good.path} (${modeText(good)})`, `${user} 可以写 ${good.path}（${modeText(good)}）`),
          ),
        ],
      };
    }
    const closed = socket.closedDirectories.at(-1);
    const reason =
      closed === undefined
        ? say(
            `${socket.path} is ${modeText(socket)}, so ${user} may not write to it`,
            `${socket.path} 的权限为 ${modeText(socket)}，${user} 无权写入`,
          )
        : say(`${user} may not enter ${closed}, the directory of ${socket.path}`, `${user} 无权进入 ${socket.path} 所在的目录 ${closed}`);
    const state = cite(files, closed === undefined ? `/sockets/${chosen.at}/mode` : `/sockets/${chosen.at}/closedDirectories`, reason);
    const lines = errors.slice(0, 1).map((each): Citation => citeError(each));
    const answer = staticAnswer(scene, host);
    const listeners = scene.one('listeners');
    const listener = listeners === undefined ? null : listenerAt(listeners.data, chosen.pass.address);
    const fpm = scene.one('fpm');
    const pool = fpm === undefined ? null : poolAt(fpm.data, chosen.pass.address);
    const rest: Citation[] = [
      citePass(config, chosen.pass),
      ...(listeners === undefined || listener === null
        ? []
        : [
            cite(
              listeners,
              listener.path,
              say(`${listener.process ?? 'a process'} listens there`, `${listener.process ?? '某进程'} 正在监听`),
            ),
          ]),
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
    const [first, ...others] = [...lines, ...(shut === undefined ? [] : [state]), ...rest];
    return {
      // The kernel's own answer to our request, or rights that can only give that answer to the failure seen.
      is: errors.length > 0 ? 'confirmed' : 'likely',
      host,
      summary: say(
        `On ${host} nginx may not use php-fpm’s socket: ${shut === undefined ? `connect() to ${socket.path} fails with errno 13` : reason.en}.`,
        `${host} 上的 nginx 无权使用 php-fpm 的套接字：${shut === undefined ? `connect() ${socket.path} 失败，errno 13` : reason.zh}。`,
      ),
      because: [first ?? state, ...others],
      explains: ids(symptoms),
      facts: {
        path: socket.path,
        user,
        closed: closed ?? '',
        directoryOnly: closed !== undefined,
        poolFile: pool?.pool.file ?? '',
        version: fpm?.data.version ?? '',
      },
    };
  },
  fix: fixFpmSocketPermission,
});

/** `0600 root:root`. */
function modeText(socket: SocketFiles['sockets'][number]): string {
  return `${socket.mode ?? '?'} ${socket.owner ?? '?'}:${socket.group ?? '?'}`;
}
