// Causes around php-fpm and PHP.
import type { LogRule } from '../rule.ts';
import {
  about,
  closedAnswer,
  every,
  failing,
  gatewayError,
  isFastcgi,
  isPhpUnit,
  isUnix,
  lines,
  near,
  own,
  ruleOf,
  served,
  slowAnswer,
  status,
  together,
} from './witness.ts';
import type { EventGroup } from '../../records.ts';

/** Only php-fpm stands there: FastCGI, or a socket that is named after it. */
const toPhp = isFastcgi;
const fastcgiClosed = (event: EventGroup): boolean => isFastcgi(event);
const signal = (...numbers: readonly string[]) =>
  near(['fpm-child-signal'], 'suggests', 'writer', ({ fields }) => numbers.includes(fields['signal'] ?? ''));
const maxChildren = near(['fpm-max-children', 'fpm-process-max'], 'suggests', 'writer');
const terminating = near(['fpm-terminating'], 'suggests', 'writer');
const reloading = near(['fpm-reloading', 'fpm-stopping'], 'fits', 'writer');
const crashed = signal('11', '7', '6', '4', '8');
const phpSegfault = near(['kernel-segfault', 'kernel-trap', 'systemd-core-dump'], 'suggests', 'writer', ({ fields }) =>
  (fields['process'] ?? '').startsWith('php'),
);
const fpmConfig = near(['fpm-bind-failed', 'fpm-config-error'], 'suggests', 'writer');
const fpmStopped = near(['fpm-stopping'], 'fits', 'writer');
const noSocket = about(lines.noSuchFile, 'suggests', 'writer', toPhp);

export const phpRules: readonly LogRule[] = [
  ruleOf(
    'fpm-max-children',
    'app-runtime',
    ['php-fpm pool has no free child', 'php-fpm 进程数达到上限'],
    [
      maxChildren,
      together([slowAnswer, maxChildren], 'proves', 'writer', 300),
      together([maxChildren, about(lines.backlogFull, 'suggests', 'writer')], 'proves', 'writer', 300),
      together([maxChildren, failing(every(status(504), own), 'fits')], 'proves', 'writer', 300),
      together([maxChildren, gatewayError], 'suggests', 'writer', 300),
    ],
    {
      summary: [
        'Every child of the php-fpm pool on {host} was in use; {count} requests waited in its queue in vain.',
        '{host} 上的 php-fpm 进程池已满；{count} 个请求在队列中等待至失败。',
      ],
      fix: [
        'First find why requests hold the children so long; then set pm.max_children to what memory allows.',
        '先查明请求占用进程的原因；再按内存设置 pm.max_children。',
      ],
      steps: [
        [
          'In the pool file: request_slowlog_timeout = 5s and slowlog = /var/log/php-fpm-slow.log; it names the function',
          '在池配置中设置 request_slowlog_timeout = 5s 与 slowlog = /var/log/php-fpm-slow.log，可定位到函数',
        ],
        [
          'pm.max_children = memory for PHP / size of a child (ps -ylC php-fpm8.2 --sort rss); reload',
          'pm.max_children = PHP 可用内存 / 单进程内存（ps -ylC php-fpm8.2 --sort rss）；然后重载',
        ],
      ],
      verify: [
        'ss -lnt (or -lx): Recv-Q of the pool’s socket stays 0 under load.',
        '负载下 ss -lnt（或 -lx）中该池套接字的 Recv-Q 保持为 0。',
      ],
      tell: [
        'php-fpm’s log, its status page (pm.status_listen) and Recv-Q of its socket; with pm = static it logs nothing.',
        'php-fpm 日志、状态页（pm.status_listen）及其套接字的 Recv-Q；pm = static 时不会记录日志。',
      ],
      consequenceOf: ['dependency-slow', 'dependency-unreachable', 'hairpin-loop'],
    },
  ),
  ruleOf(
    'fpm-backlog-overflow-unix',
    'app-runtime',
    ['The queue of php-fpm’s socket is full', 'php-fpm 套接字队列已满'],
    [about(lines.backlogFull, 'proves', 'writer', toPhp), about(lines.backlogFull, 'suggests', 'writer')],
    {
      summary: [
        'The listen queue of the socket on {host} was full: {count} connections were refused at once.',
        '{host} 上套接字的监听队列已满：{count} 个连接被立即拒绝。',
      ],
      fix: [
        'All children are busy: make requests shorter or children more; a longer queue only buys time.',
        '所有子进程繁忙：缩短请求或增加进程；加长队列只能缓解。',
      ],
      steps: [
        ['ss -lx: Recv-Q above Send-Q', 'ss -lx：Recv-Q 大于 Send-Q'],
        [
          'pm.max_children by memory; then listen.backlog = 1024 in the pool file and sysctl net.core.somaxconn=1024',
          '按内存调整 pm.max_children；再设 listen.backlog = 1024 与 sysctl net.core.somaxconn=1024',
        ],
      ],
      verify: ['No new “(11: Resource temporarily unavailable)”.', '不再出现 “(11: Resource temporarily unavailable)”。'],
      tell: ['php-fpm’s log and slow log of these minutes.', '这些分钟的 php-fpm 日志与慢日志。'],
      consequenceOf: ['fpm-max-children', 'dependency-slow', 'dependency-unreachable', 'dependency-down'],
    },
  ),
  ruleOf(
    'fpm-terminate-timeout',
    'app-runtime',
    ['php-fpm ends requests at request_terminate_timeout', 'php-fpm 按 request_terminate_timeout 终止请求'],
    [
      near(['fpm-terminating'], 'suggests', 'writer'),
      together([about([...lines.closed, 'apache-read-status'], 'suggests', 'upstream'), terminating], 'proves', 'writer'),
      together(
        [
          terminating,
          failing(
            every(status(502, 503), (failure) => failure.answeredBy !== 'upstream'),
            'fits',
          ),
        ],
        'proves',
        'writer',
      ),
      about(lines.closed, 'fits', 'upstream', fastcgiClosed),
    ],
    {
      summary: [
        'php-fpm on {host} killed requests at request_terminate_timeout: {count} got 502.',
        '{host} 上的 php-fpm 按 request_terminate_timeout 终止了请求：{count} 个得到 502。',
      ],
      fix: [
        'Make the script faster; only then raise the limit, and keep it below fastcgi_read_timeout.',
        '先优化脚本；之后再调大该限制，并保持小于 fastcgi_read_timeout。',
      ],
      steps: [
        [
          'The line names script and request; turn the slow log on (request_slowlog_timeout) to see where it waits',
          '日志行已指明脚本与请求；开启慢日志（request_slowlog_timeout）查看等待位置',
        ],
        [
          'request_terminate_timeout in the pool file (/etc/php/*/fpm/pool.d/*.conf); long work belongs into a queue',
          '池配置（/etc/php/*/fpm/pool.d/*.conf）中的 request_terminate_timeout；长任务应放入队列',
        ],
      ],
      verify: ['No new “execution timed out … terminating”.', '不再出现 “execution timed out … terminating”。'],
      tell: ['php-fpm’s log: “execution timed out … terminating”.', 'php-fpm 日志：“execution timed out … terminating”。'],
      consequenceOf: [],
    },
  ),
  ruleOf(
    'fpm-worker-crash',
    'app-runtime',
    ['A PHP process crashes', 'PHP 进程崩溃'],
    [
      crashed,
      phpSegfault,
      near(['fpm-emergency-restart'], 'suggests', 'writer'),
      near(['apache-child-signal'], 'fits', 'writer', ({ fields }) => fields['signal'] === '11'),
      together([closedAnswer, crashed], 'proves', 'writer'),
      together([closedAnswer, phpSegfault], 'proves', 'writer'),
      together(
        [
          crashed,
          failing(
            every(status(502, 503), (failure) => failure.answeredBy !== 'upstream'),
            'fits',
          ),
        ],
        'proves',
        'writer',
      ),
      about(lines.closed, 'fits', 'upstream', fastcgiClosed),
    ],
    {
      summary: [
        'PHP processes on {host} crashed and took {count} requests with them.',
        '{host} 上的 PHP 进程崩溃，{count} 个请求随之中断。',
      ],
      fix: ['Find the extension or the code that crashes: JIT and caches first.', '定位崩溃的扩展或代码：优先排查 JIT 与缓存扩展。'],
      steps: [
        [
          'The kernel’s “segfault … in X.so” names the library; opcache.jit=off, then disable that extension',
          '内核日志 “segfault … in X.so” 指明库；先 opcache.jit=off，再停用该扩展',
        ],
        [
          'For a backtrace: rlimit_core = unlimited in the pool file, coredumpctl gdb; endless recursion in PHP code looks the same',
          '获取调用栈：池配置 rlimit_core = unlimited，coredumpctl gdb；PHP 代码无限递归也有同样表现',
        ],
      ],
      verify: ['No new “exited on signal”.', '不再出现 “exited on signal”。'],
      tell: ['php-fpm’s log (“exited on signal”) and the kernel log.', 'php-fpm 日志（“exited on signal”）与内核日志。'],
      consequenceOf: ['oom-killed', 'fpm-terminate-timeout'],
    },
  ),
  ruleOf(
    'fpm-reload-kills-requests',
    'app-runtime',
    ['A reload of php-fpm cuts running requests', '重载 php-fpm 中断了正在执行的请求'],
    [
      together([closedAnswer, reloading], 'suggests', 'writer'),
      together([about(['premature-close-body', 'reset-reading-body'], 'fits', 'upstream'), reloading], 'suggests', 'writer'),
      together(
        [
          reloading,
          failing(
            every(status(502, 503), (failure) => failure.answeredBy !== 'upstream'),
            'fits',
          ),
        ],
        'suggests',
        'writer',
      ),
      about(lines.closed, 'fits', 'upstream', fastcgiClosed),
    ],
    {
      summary: [
        'php-fpm on {host} was reloaded or stopped in the same minute: {count} running requests were cut.',
        '{host} 上的 php-fpm 在同一分钟被重载或停止：{count} 个请求被中断。',
      ],
      fix: ['Give running requests time to end.', '为正在执行的请求留出结束时间。'],
      steps: [
        [
          'php-fpm.conf, [global]: process_control_timeout = 30s (default 0 kills at once)',
          'php-fpm.conf 的 [global]：process_control_timeout = 30s（默认 0 立即终止）',
        ],
        ['Drain the backend from the balancer before a deploy', '发布前先将后端从负载均衡排空'],
      ],
      verify: ['A reload during a slow request: it ends with 200.', '慢请求期间重载，仍以 200 结束。'],
      tell: ['php-fpm’s log: “Reloading in progress”.', 'php-fpm 日志：“Reloading in progress”。'],
      consequenceOf: ['fpm-worker-crash', 'oom-killed', 'fpm-terminate-timeout'],
    },
  ),
  ruleOf(
    'fpm-down-static-health-ok',
    'app-runtime',
    ['php-fpm is not running, and the health check does not see it', 'php-fpm 未运行，而健康检查看不出来'],
    [
      // Alone it may as well be a wrong address or path, or a container's own loopback.
      about([...lines.refused, ...lines.noSuchFile], 'fits', 'writer', toPhp),
      served(about([...lines.refused, ...lines.noSuchFile], 'suggests', 'writer', toPhp)),
      // A socket that exists and refuses is one that nobody listens on.
      about(lines.refused, 'suggests', 'writer', (event) => toPhp(event) && isUnix(event)),
      together([about([...lines.refused, ...lines.noSuchFile], 'suggests', 'writer', toPhp), fpmConfig], 'suggests', 'writer', 86_400),
      together([about([...lines.refused, ...lines.noSuchFile], 'suggests', 'writer', toPhp), fpmStopped], 'suggests', 'writer', 3600),
      near(['fpm-bind-failed', 'fpm-config-error'], 'suggests', 'writer'),
      near(['systemd-failed', 'systemd-main-exited', 'systemd-start-failed', 'systemd-start-limit'], 'suggests', 'writer', isPhpUnit),
      near(['systemctl-inactive'], 'fits', 'writer'),
    ],
    {
      summary: [
        'php-fpm is not running on {host}, or it listens elsewhere: {count} requests for PHP failed.',
        '{host} 上的 php-fpm 未运行，或监听在别处：{count} 个 PHP 请求失败。',
      ],
      fix: [
        'Start php-fpm once its log has said why it stopped, or name the address it listens on.',
        '先从日志查明停止原因再启动 php-fpm，或使用其实际监听地址。',
      ],
      steps: [
        [
          'systemctl status "php*-fpm"; php-fpm8.2 -t; journalctl -u php8.2-fpm -n 50',
          'systemctl status "php*-fpm"；php-fpm8.2 -t；journalctl -u php8.2-fpm -n 50',
        ],
        [
          'Runs: compare listen = of the pool with fastcgi_pass; a container needs its service’s name: fastcgi_pass php:9000;',
          '若在运行：比较池的 listen = 与 fastcgi_pass；容器中应使用服务名：fastcgi_pass php:9000;',
        ],
        [
          'systemctl enable --now php8.2-fpm; let the health check ask a PHP page (ping.path)',
          'systemctl enable --now php8.2-fpm；让健康检查请求 PHP 页面（ping.path）',
        ],
      ],
      verify: ['The ping page answers pong.', 'ping 页面返回 pong。'],
      tell: ['systemctl status of php-fpm, ss -lx / ss -ltn on the backend.', 'php-fpm 的 systemctl status，以及后端的 ss -lx / ss -ltn。'],
      consequenceOf: ['oom-killed', 'fpm-socket-path-mismatch', 'disk-full'],
    },
  ),
  ruleOf(
    'fpm-socket-path-mismatch',
    'web-server',
    ['nginx and php-fpm are told different addresses', 'nginx 与 php-fpm 配置的地址不一致'],
    [
      about(lines.noSuchFile, 'fits', 'writer', toPhp),
      // A path with what only configurations contain: somebody copied too much.
      about([...lines.noSuchFile, 'apache-connect-other', 'connect-other'], 'suggests', 'writer', ({ fields, upstream }) =>
        /\/.{0,200}(?: =|= |;| listen)/.test(fields['target'] ?? upstream ?? ''),
      ),
      together([noSocket, near(['fpm-reload-config', 'fpm-started'], 'fits', 'writer')], 'suggests', 'writer', 604_800),
    ],
    {
      summary: [
        'The socket that the proxy names does not exist on {host} although php-fpm runs: {count} requests failed.',
        '{host} 上代理配置的套接字不存在，而 php-fpm 在运行：{count} 个请求失败。',
      ],
      fix: ['Name the socket that php-fpm listens on.', '使用 php-fpm 实际监听的套接字。'],
      steps: [
        ['grep -rn "^listen" /etc/php/*/fpm/pool.d/; ss -lx | grep php', 'grep -rn "^listen" /etc/php/*/fpm/pool.d/；ss -lx | grep php'],
        [
          'Correct fastcgi_pass (grep -rn fastcgi_pass /etc/nginx), nginx -t, reload',
          '更正 fastcgi_pass（grep -rn fastcgi_pass /etc/nginx），nginx -t 后重载',
        ],
      ],
      verify: ['The page answers.', '页面可返回。'],
      tell: ['ss -lx on the backend: whether php-fpm listens elsewhere.', '后端 ss -lx：php-fpm 是否监听在别处。'],
    },
  ),
  ruleOf(
    'fpm-stale-socket',
    'app-runtime',
    ['A socket file is left over and nobody listens on it', '残留的套接字文件无人监听'],
    [about(lines.refused, 'fits', 'writer', isUnix)],
    {
      summary: [
        'The socket on {host} exists and refuses: {count} requests failed.',
        '{host} 上的套接字存在但拒绝连接：{count} 个请求失败。',
      ],
      fix: ['Start the runtime again; it replaces the file.', '重新启动运行时，它会重建该文件。'],
      steps: [
        ['ss -lx | grep SOCKET: no line means that nobody listens', 'ss -lx | grep 套接字：没有输出说明无人监听'],
        ['systemctl restart php8.2-fpm', 'systemctl restart php8.2-fpm'],
      ],
      verify: ['ss -lx shows the socket.', 'ss -lx 显示该套接字。'],
      tell: ['ss -lx on the backend.', '后端的 ss -lx。'],
    },
  ),
  ruleOf(
    'fpm-socket-permission',
    'app-runtime',
    ['The web server may not use php-fpm’s socket', 'Web 服务器无权使用 php-fpm 的套接字'],
    [about(lines.permission, 'suggests', 'writer', isUnix)],
    {
      summary: [
        'The web server on {host} may not use the socket: {count} requests failed with “permission denied”.',
        '{host} 上的 Web 服务器无权使用套接字：{count} 个请求因 “Permission denied” 失败。',
      ],
      fix: ['Give the socket to the web server’s user or group.', '将套接字授权给 Web 服务器的用户或组。'],
      steps: [
        [
          'Pool file: listen.owner = www-data, listen.group = www-data, listen.mode = 0660 (the user of nginx.conf); restart php-fpm',
          '池配置：listen.owner = www-data、listen.group = www-data、listen.mode = 0660（即 nginx.conf 的 user）；重启 php-fpm',
        ],
        ['namei -l SOCKET: every directory on the way needs x for that user', 'namei -l 套接字：沿途目录须对该用户有 x 权限'],
      ],
      verify: ['sudo -u USER test -w SOCKET succeeds.', 'sudo -u 用户 test -w 套接字 成功。'],
      tell: ['namei -l SOCKET on the backend, and getenforce.', '后端的 namei -l 套接字 与 getenforce。'],
      consequenceOf: ['selinux-denies-connect'],
    },
  ),
  ruleOf(
    'fpm-allowed-clients',
    'app-runtime',
    ['php-fpm does not accept this client’s address', 'php-fpm 拒绝该来源地址'],
    [near(['fpm-client-refused'], 'proves', 'writer')],
    {
      summary: [
        'php-fpm on {host} dropped connections that listen.allowed_clients does not name; {count} requests failed.',
        '{host} 上的 php-fpm 丢弃了不在 listen.allowed_clients 中的连接；{count} 个请求失败。',
      ],
      fix: ['Name the web server’s address.', '加入 Web 服务器的地址。'],
      steps: [
        ['listen.allowed_clients = 127.0.0.1,ADDRESS in the pool file; reload', '池配置 listen.allowed_clients = 127.0.0.1,地址；重载'],
        ['Or remove it and let a firewall guard the port', '或删除该项并由防火墙保护端口'],
      ],
      verify: ['No new “Connection disallowed”.', '不再出现 “Connection disallowed”。'],
      tell: ['php-fpm’s log.', 'php-fpm 日志。'],
    },
  ),
  ruleOf(
    'php-fatal-error',
    'application',
    ['PHP ends the request with a fatal error', 'PHP 致命错误导致请求中断'],
    [
      about(['php-fatal'], 'proves', 'writer'),
      near(['fpm-stderr-fatal'], 'suggests', 'writer'),
      together([near(['fpm-stderr-fatal'], 'suggests', 'writer'), failing(status(500), 'fits')], 'suggests', 'writer'),
    ],
    {
      summary: ['PHP on {host} ended {count} requests with a fatal error.', '{host} 上的 PHP 以致命错误结束了 {count} 个请求。'],
      fix: ['Correct the code (or the deploy) that the message names.', '修正错误信息指明的代码（或发布）。'],
      steps: [
        ['The message has file and line: look at what changed there last', '错误信息包含文件与行号：查看最近的改动'],
        ['php -l FILE for parse errors; composer install for a missing class', '语法错误用 php -l 文件；缺类时执行 composer install'],
      ],
      verify: ['The page answers 200, and no new line.', '页面返回 200，且不再出现该错误。'],
      tell: ['PHP’s error log.', 'PHP 错误日志。'],
      consequenceOf: ['dependency-down', 'disk-full'],
    },
  ),
  ruleOf(
    'php-memory-limit',
    'application',
    ['A script needs more than memory_limit', '脚本超过 memory_limit'],
    [about(['php-memory-limit'], 'proves', 'writer')],
    {
      summary: [
        'Scripts on {host} needed more than memory_limit: {count} requests ended.',
        '{host} 上的脚本超过 memory_limit：{count} 个请求中断。',
      ],
      fix: [
        'Read and write in pieces; raise memory_limit only as far as max_children × limit fits the memory.',
        '分批处理数据；调大 memory_limit 时须保证 max_children × 限制 不超过内存。',
      ],
      steps: [
        ['The message names file and line', '错误信息指明文件与行号'],
        [
          'memory_limit in php.ini or php_admin_value[memory_limit] of the pool',
          'php.ini 的 memory_limit 或池的 php_admin_value[memory_limit]',
        ],
      ],
      verify: ['No new “Allowed memory size”.', '不再出现 “Allowed memory size”。'],
      tell: ['PHP’s error log.', 'PHP 错误日志。'],
    },
  ),
  ruleOf(
    'fpm-max-execution-time',
    'application',
    ['A script runs longer than max_execution_time', '脚本超过 max_execution_time'],
    [about(['php-max-execution-time'], 'proves', 'writer')],
    {
      summary: [
        'Scripts on {host} used more CPU time than max_execution_time: {count} requests ended.',
        '{host} 上的脚本 CPU 时间超过 max_execution_time：{count} 个请求中断。',
      ],
      fix: ['Make the script cheaper; raise the limit for the few that need it.', '优化脚本；仅对确需的脚本调大限制。'],
      steps: [
        ['The message names file and line: a loop', '错误信息指明文件与行号：通常是循环'],
        ['max_execution_time in php.ini, or set_time_limit() in that script', 'php.ini 的 max_execution_time，或脚本内 set_time_limit()'],
      ],
      verify: ['No new “Maximum execution time”.', '不再出现 “Maximum execution time”。'],
      tell: ['PHP’s error log.', 'PHP 错误日志。'],
    },
  ),
];
