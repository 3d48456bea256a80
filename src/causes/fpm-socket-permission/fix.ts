// The socket is made anew whenever php-fpm starts, so chmod lasts only until then: the pool file has to say it.
import type { Convicted } from '../../model/finding.ts';
import type { Fix } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixFpmSocketPermission(finding: Convicted): Fix {
  const { host } = finding;
  const fact = (name: string): string => String(finding.facts?.[name] ?? '');
  const user = fact('user') === '' ? 'www-data' : fact('user');
  const unit = `php${fact('version')}-fpm`;
  const closed = fact('closed');
  const directory = {
    title: say(`Let ${user} enter ${closed}`, `允许 ${user} 进入 ${closed}`),
    host,
    command: ['chmod', 'o+x', closed],
    undo: ['chmod', 'o-x', closed],
    risk: 'low' as const,
  };
  const pool = {
    title: say(
      'Make php-fpm create the socket for the web server’s user; a chmod by hand is lost at its next start',
      '让 php-fpm 以 Web 服务器用户创建套接字；手工 chmod 在下次启动后失效',
    ),
    host,
    config: {
      file: fact('poolFile') === '' ? 'www.conf' : fact('poolFile'),
      text: `listen.owner = ${user}\nlisten.group = ${user}\nlisten.mode = 0660\n`,
    },
    risk: 'low' as const,
  };
  return {
    summary:
      closed === ''
        ? say(
            `Give the socket to ${user} in the pool’s configuration (listen.owner, listen.group, listen.mode) and restart php-fpm.`,
            `在进程池配置中把套接字交给 ${user}（listen.owner、listen.group、listen.mode），然后重启 php-fpm。`,
          )
        : say(
            `Let ${user} enter ${closed}; if it closes again at boot, correct what creates it (tmpfiles.d or the unit’s RuntimeDirectoryMode).`,
            `允许 ${user} 进入 ${closed}；若重启后再次关闭，请修正创建该目录的配置（tmpfiles.d 或服务的 RuntimeDirectoryMode）。`,
          ),
    steps: [
      {
        title: say('See the rights on the way to the socket', '查看到套接字路径上的权限'),
        host,
        command: ['namei', '-l', fact('path')],
        risk: 'none',
      },
      ...(closed === ''
        ? [pool, { title: say('Restart php-fpm', '重启 php-fpm'), host, command: ['systemctl', 'restart', unit], risk: 'low' as const }]
        : [directory]),
    ],
    verify: say(
      `\`runuser -u ${user} -- test -w ${fact('path')}\` succeeds and the page answers.`,
      `\`runuser -u ${user} -- test -w ${fact('path')}\` 成功，且页面正常返回。`,
    ),
  };
}
