// Causes in the resources of one machine or process: memory, disks, descriptors, processors.
import type { EventGroup, FailureGroup } from '../../records.ts';
import type { LogRule } from '../rule.ts';
import {
  about,
  closedAnswer,
  closedBy,
  failing,
  gatewayError,
  haproxy,
  isFastcgi,
  isUwsgi,
  lasting,
  lines,
  near,
  of,
  every,
  portOf,
  reasoned,
  ruleOf,
  says,
  signalIn,
  slowAnswer,
  target,
  together,
  envoy,
  workerAgain,
} from './witness.ts';

const oom = near(lines.oom, 'suggests', 'writer');
const kernelOom = near(['kernel-oom', 'kernel-oom-cgroup', 'kernel-oom-victim', 'systemd-oom'], 'suggests', 'writer');
const listener = lasting(near(['app-listening'], 'fits', 'writer', ({ fields }) => fields['port'] !== undefined));
const isEvent = (member: EventGroup | FailureGroup | undefined): member is EventGroup => member !== undefined && 'signature' in member;
const namesOf: Readonly<Record<string, RegExp>> = {
  php: /^(?:php|hhvm)/i,
  uwsgi: /^uwsgi/i,
  python: /^(?:gunicorn|python|uvicorn|hypercorn|daphne|uwsgi)/i,
  node: /^(?:node|nodejs|next-server|npm|MainThread)$/i,
  java: /^(?:java|jsvc|tomcat|http-nio)/i,
  ruby: /^(?:ruby|puma|unicorn|bundle|passenger|rails)/i,
};
/** Whether the processes that were killed, as far as their lines are kept, are such a server's. A unit's name tells as much. */
const isKilled = (event: EventGroup, kind: string): boolean => {
  const is = namesOf[kind];
  const killed = event.samples.flatMap(({ text }) => /(?:(?:Kill(?:ed)?|reaped) process \d+ \(|,task=)([^),]*)/.exec(text)?.[1] ?? []);
  const named = [
    ...killed,
    ...[event.fields['process'] ?? event.fields['task'] ?? event.fields['reaped'] ?? event.fields['unit'] ?? []].flat(),
  ];
  return is !== undefined && named.length > 0 && named.every((each) => is.test(each));
};
const sayers: Readonly<Record<string, string>> = {
  'fpm-child-signal': 'php',
  'gunicorn-worker-signal': 'python',
  'uwsgi-worker-died': 'uwsgi',
  'unicorn-worker-reaped': 'ruby',
};
/** The killed process is a worker of the server whose log tells of its end. */
const killedWorker = ([kill, end]: readonly (EventGroup | FailureGroup)[]): boolean =>
  isEvent(kill) && isEvent(end) && isKilled(kill, sayers[end.signature ?? ''] ?? '');
/** The killed process is of the kind that alone speaks the protocol of this upstream. A port of HTTP may be anybody's. */
const killedUpstream = ([kill, closed]: readonly (EventGroup | FailureGroup)[]): boolean =>
  isEvent(kill) && isEvent(closed) && ((isFastcgi(closed) && isKilled(kill, 'php')) || (isUwsgi(closed) && isKilled(kill, 'uwsgi')));
const listeners: Readonly<Record<string, string>> = { gunicorn: 'python', node: 'node', tomcat: 'java' };
/** The killed process is of the kind that says it listens on the port that failed. */
const killedListener = ([kill, closed, listener]: readonly (EventGroup | FailureGroup)[]): boolean =>
  isEvent(kill) &&
  isEvent(closed) &&
  isEvent(listener) &&
  portOf(target(closed)) !== null &&
  portOf(target(closed)) === listener.fields['port'] &&
  isKilled(kill, listeners[listener.product] ?? '');
// What applications say in passing; not each such line is a failed request.
const appSays = [
  'php-warning',
  'php-fatal',
  'fastcgi-stderr',
  'fpm-stderr',
  'gunicorn-request-error',
  'node-uncaught',
  'tomcat-servlet-error',
  'uwsgi-exception',
];
const stall = near(['kernel-soft-lockup', 'kernel-hung-task', 'kernel-panic'], 'suggests', 'writer');

export const limitRules: readonly LogRule[] = [
  ruleOf(
    'oom-killed',
    'host',
    ['The kernel killed a process for memory', '内核因内存不足杀死进程'],
    [
      oom,
      ...closedBy(),
      near(
        [
          'gunicorn-worker-signal',
          'uwsgi-worker-died',
          'fpm-child-signal',
          'unicorn-worker-reaped',
          'systemd-main-exited',
          'apache-child-signal',
          'worker-died',
        ],
        'fits',
        'writer',
        signalIn('9'),
      ),
      // gunicorn says so itself before it kills; without that somebody else did, and it guesses right who.
      near(
        ['gunicorn-worker-signal'],
        'suggests',
        'writer',
        (event, all = []) => signalIn('9')(event) && !all.some(({ signature }) => signature === 'gunicorn-worker-timeout'),
      ),
      near(['heroku-memory'], 'suggests', 'none'),
      workerAgain,
      near(['container-exit', 'haproxy-worker-died'], 'fits', 'writer', ({ fields }) => fields['code'] === '137'),
      near(['kernel-oom-invoked'], 'fits', 'writer'),
      near(['passenger-incomplete', 'wsgi-truncated'], 'fits', 'writer'),
      // Another program may have been killed in the same minute.
      together([oom, closedAnswer], 'suggests', 'writer'),
      together([oom, about(lines.refused, 'suggests', 'upstream')], 'suggests', 'writer', 300),
      together([kernelOom, closedAnswer], 'proves', 'writer', 60, killedUpstream),
      together([kernelOom, about(lines.refused, 'suggests', 'upstream')], 'proves', 'writer', 300, killedUpstream),
      together([kernelOom, closedAnswer, listener], 'proves', 'writer', 60, killedListener),
      together([kernelOom, about(lines.refused, 'suggests', 'upstream'), listener], 'proves', 'writer', 300, killedListener),
      together(
        [
          kernelOom,
          near(
            ['fpm-child-signal', 'gunicorn-worker-signal', 'uwsgi-worker-died', 'unicorn-worker-reaped'],
            'suggests',
            'writer',
            signalIn('9'),
          ),
        ],
        'proves',
        'writer',
        60,
        killedWorker,
      ),
      together([oom, near(['systemd-main-exited'], 'suggests', 'writer', signalIn('9'))], 'suggests', 'writer'),
      together([oom, gatewayError], 'suggests', 'writer', 120),
    ],
    {
      summary: [
        'The kernel of {host} killed a process for lack of memory, and {count} requests failed with it.',
        '{host} 的内核因内存不足杀死了进程，{count} 个请求随之失败。',
      ],
      fix: [
        'Let fewer processes run at once, or give them more memory; find what grows.',
        '减少同时运行的进程数，或增加内存；找出内存增长的原因。',
      ],
      steps: [
        ['See who was killed and at which limit: journalctl -k | grep -i oom', '查看谁被杀死、触发了哪个限制：journalctl -k | grep -i oom'],
        [
          'Workers × memory per worker has to stay below the limit: pm.max_children, --workers, processes, -Xmx; or raise MemoryMax= / the container’s limit',
          '进程数 × 单进程内存须低于限制：pm.max_children、--workers、processes、-Xmx；或调大 MemoryMax= / 容器限制',
        ],
      ],
      verify: ['oom_kill of /proc/vmstat stands still.', '/proc/vmstat 的 oom_kill 不再增长。'],
      tell: ['The kernel log of the backend.', '后端的内核日志。'],
    },
  ),
  ruleOf(
    'memory-pressure',
    'host',
    ['A process has no memory left', '进程内存不足'],
    [
      near(['jvm-out-of-memory', 'node-heap', 'malloc-failed', 'no-memory'], 'suggests', 'writer'),
      together([near(['jvm-out-of-memory', 'node-heap', 'malloc-failed'], 'suggests', 'writer'), gatewayError], 'suggests', 'writer', 300),
      failing(envoy('OM'), 'suggests', 'writer'),
    ],
    {
      summary: [
        'A process on {host} ran out of the memory that it may use; {count} requests failed.',
        '{host} 上的进程用尽了可用内存；{count} 个请求失败。',
      ],
      fix: [
        'Find what fills the memory (a heap dump), then raise the limit if it is really needed.',
        '先找出占用内存的对象（堆转储），确有需要再调大上限。',
      ],
      steps: [
        [
          'Java: -XX:+HeapDumpOnOutOfMemoryError and -Xmx; Node: --max-old-space-size; both below the container’s limit',
          'Java：-XX:+HeapDumpOnOutOfMemoryError 与 -Xmx；Node：--max-old-space-size；均须低于容器限制',
        ],
        [
          'Have the process end on such an error and be started again: -XX:+ExitOnOutOfMemoryError, Restart=always',
          '让进程在该错误时退出并自动重启：-XX:+ExitOnOutOfMemoryError、Restart=always',
        ],
      ],
      verify: ['Memory stays flat over a day.', '一天内内存保持平稳。'],
      tell: ['Memory of the process over time.', '进程内存的变化曲线。'],
    },
  ),
  ruleOf(
    'disk-full',
    'host',
    ['A file system is full', '文件系统已满'],
    [
      about(['temp-no-space', 'apache-no-space'], 'proves', 'writer'),
      near(['log-no-space'], 'suggests', 'writer', says(/No space left|incomplete|28:/)),
      about(
        ['dependency-read-only'],
        'suggests',
        'none',
        says(/No space left|is full|could not extend file|persist on disk|disk usage|watermark/),
      ),
      near(appSays, 'suggests', 'writer', says(/No space left on device|ENOSPC|errno=28|Errno 28/)),
      near(['no-space-left'], 'suggests', 'writer'),
    ],
    {
      summary: [
        'A file system of {host} has no space left: {count} requests could not be written.',
        '{host} 的文件系统没有剩余空间：{count} 个请求无法写入。',
      ],
      fix: [
        'Free space (or inodes), then keep logs and temporary files from filling it again.',
        '释放空间（或 inode），并防止日志与临时文件再次写满。',
      ],
      steps: [
        ['df -h and df -i; du -xsh /var/* shows what is large', 'df -h 与 df -i；用 du -xsh /var/* 查找大目录'],
        [
          'Rotate logs (logrotate), give temporary files their own volume; nginx: proxy_max_temp_file_size 0 where buffering is not needed',
          '轮转日志（logrotate），为临时文件单独分配卷；nginx 不需要缓冲时可设 proxy_max_temp_file_size 0',
        ],
      ],
      verify: ['df shows room, and a POST of 1 MB succeeds.', 'df 显示有剩余空间，1 MB 的 POST 成功。'],
      tell: ['df -h and df -i on the host.', '该主机的 df -h 与 df -i。'],
    },
  ),
  ruleOf(
    'filesystem-readonly',
    'host',
    ['A file system became read-only', '文件系统变为只读'],
    [
      about(['temp-read-only'], 'proves', 'writer', says(/Read-only|30:/)),
      about(['temp-read-only'], 'suggests', 'writer'),
      near(['kernel-read-only'], 'suggests', 'writer'),
      near(['kernel-filesystem'], 'fits', 'writer'),
      together([near(['kernel-read-only', 'kernel-filesystem'], 'suggests', 'writer'), gatewayError], 'suggests', 'writer', 600),
      near(appSays, 'suggests', 'writer', says(/Read-only file system|EROFS/)),
      near(['read-only-fs'], 'suggests', 'writer'),
    ],
    {
      summary: [
        'A file system of {host} is read-only or failing; {count} requests failed.',
        '{host} 的文件系统只读或出错；{count} 个请求失败。',
      ],
      fix: ['Repair the disk or file system: a remount alone comes back.', '修复磁盘或文件系统：仅重新挂载会再次发生。'],
      steps: [
        [
          'See why: journalctl -k | grep -iE "ext4|xfs|I/O error|remount"',
          '查看原因：journalctl -k | grep -iE "ext4|xfs|I/O error|remount"',
        ],
        [
          'Take the host out of the balancer, check the disk (smartctl -a, the cloud’s console), run fsck unmounted, then mount it read-write',
          '先将主机移出负载均衡，检查磁盘（smartctl -a、云控制台），卸载后执行 fsck，再以读写方式挂载',
        ],
      ],
      verify: ['findmnt shows rw, and no new I/O error is logged.', 'findmnt 显示 rw，且不再有 I/O 错误。'],
      tell: ['The kernel log of the host.', '该主机的内核日志。'],
    },
  ),
  ruleOf(
    'temp-dir-permission',
    'host',
    ['nginx may not write to its temporary directory', 'nginx 无权写入临时目录'],
    [about(['temp-permission'], 'proves', 'writer'), about(['temp-missing'], 'suggests', 'writer')],
    {
      summary: [
        'nginx on {host} may not write request bodies to its temporary directory: {count} requests failed.',
        '{host} 上的 nginx 无权把请求体写入临时目录：{count} 个请求失败。',
      ],
      fix: ['Give the directory to the worker user.', '把该目录的属主改为 worker 用户。'],
      steps: [
        [
          'The user is in `user` of nginx.conf; the path is in the error line: chown -R USER PATH',
          '用户见 nginx.conf 的 user，路径见错误日志：chown -R 用户 路径',
        ],
        ['Every directory above it needs x for that user', '其上各级目录须对该用户有 x 权限'],
      ],
      verify: ['A POST of 100 KB succeeds.', '100 KB 的 POST 成功。'],
      tell: ['namei -l PATH on the host.', '该主机上的 namei -l 路径。'],
    },
  ),
  ruleOf(
    'fd-exhausted',
    'host',
    ['A process may open no more files', '进程打开文件数达到上限'],
    [
      about(['too-many-open-files', 'go-too-many-files', 'apache-too-many-files'], 'proves', 'writer'),
      near(['haproxy-connection-limit'], 'suggests', 'writer', says(/FD limit/)),
      failing(haproxy('PC'), 'fits', 'writer'),
      failing(haproxy('RC'), 'fits', 'writer'),
      near(appSays, 'suggests', 'writer', says(/Too many open files|EMFILE/)),
      // Which program, nobody knows.
      near(['program-too-many-files'], 'suggests', 'writer'),
    ],
    {
      summary: [
        'A process on {host} reached its limit of open files: {count} requests failed.',
        '{host} 上的进程达到打开文件数上限：{count} 个请求失败。',
      ],
      fix: ['Raise the limit, and look for what is not closed.', '调大上限，并查找未关闭的描述符。'],
      steps: [
        [
          'nginx: worker_rlimit_nofile 65535; in the main block; systemd: LimitNOFILE=65535 of the unit; php-fpm: rlimit_files',
          'nginx：主配置块设置 worker_rlimit_nofile 65535；systemd：单元中设置 LimitNOFILE=65535；php-fpm：rlimit_files',
        ],
        [
          'Compare: ls /proc/PID/fd | wc -l with /proc/PID/limits; a number that only grows is a leak',
          '比较 ls /proc/PID/fd | wc -l 与 /proc/PID/limits；持续增长说明有泄漏',
        ],
      ],
      verify: ['No new “too many open files”.', '不再出现 “Too many open files”。'],
      tell: ['/proc/PID/limits and the number of its descriptors.', '/proc/PID/limits 与描述符数量。'],
      consequenceOf: ['hairpin-loop'],
    },
  ),
  ruleOf(
    'worker-connections-exhausted',
    'balancer',
    ['nginx has no connection slot left', 'nginx 的 worker_connections 用尽'],
    [about(['worker-connections'], 'suggests', 'writer'), near(['worker-connections-reuse'], 'fits', 'writer')],
    {
      summary: [
        'nginx on {host} had no free connection slot: {count} requests failed.',
        '{host} 上的 nginx 没有空闲连接槽位：{count} 个请求失败。',
      ],
      fix: [
        'Raise worker_connections with worker_rlimit_nofile, unless the requests go in a circle.',
        '调大 worker_connections 与 worker_rlimit_nofile；但须先排除请求回环。',
      ],
      steps: [
        [
          'See the access log: dozens of lines of one URI within milliseconds, from the proxy’s own address, are a loop',
          '查看访问日志：若数毫秒内有几十行相同 URI 且来自代理自身地址，则为回环',
        ],
        [
          'events { worker_connections 4096; } and worker_rlimit_nofile 8192; a proxied request takes two',
          'events { worker_connections 4096; } 与 worker_rlimit_nofile 8192；每个代理请求占用两个',
        ],
      ],
      verify: [
        'stub_status: active stays below workers × worker_connections.',
        'stub_status 的 active 低于 worker 数 × worker_connections。',
      ],
      tell: ['The access log of the same seconds.', '同一时刻的访问日志。'],
      consequenceOf: ['hairpin-loop', 'upstream-read-timeout'],
    },
  ),
  ruleOf(
    'fpm-fork-failed',
    'host',
    ['php-fpm cannot start another child', 'php-fpm 无法创建子进程'],
    [near(['fpm-fork-failed'], 'proves', 'writer'), near(['kernel-cgroup-fork'], 'suggests', 'writer', says(/php/))],
    {
      summary: [
        'php-fpm on {host} could not start another child (fork failed) while {count} requests failed.',
        '{host} 上的 php-fpm 无法创建子进程（fork 失败），期间 {count} 个请求失败。',
      ],
      fix: ['Raise the limit of processes or memory that fork ran into.', '调大 fork 触及的进程数或内存限制。'],
      steps: [
        [
          'systemctl show php-fpm -p TasksMax -p MemoryMax; free -m; ulimit -u of its user',
          '查看 systemctl show php-fpm -p TasksMax -p MemoryMax、free -m 以及该用户的 ulimit -u',
        ],
        ['Raise the one that is reached, or lower pm.max_children', '调大触及的限制，或减小 pm.max_children'],
      ],
      verify: ['No new “fork() failed”.', '不再出现 “fork() failed”。'],
      tell: ['The kernel log (pids controller, memory) of the host.', '该主机的内核日志（pids 控制器、内存）。'],
      consequenceOf: ['oom-killed'],
    },
  ),
  ruleOf(
    'backend-frozen',
    'host',
    ['The backend host stands still', '后端主机僵死'],
    [
      stall,
      together([stall, slowAnswer], 'suggests', 'writer', 300),
      together([stall, about(lines.connectTimeout, 'fits', 'upstream')], 'suggests', 'writer', 300),
    ],
    {
      summary: [
        'The kernel of {host} reports that processors or tasks stood still while {count} requests failed.',
        '{host} 的内核报告处理器或任务长时间停滞，期间 {count} 个请求失败。',
      ],
      fix: [
        'Take the host out of the balancer, then look at its disk, its hypervisor and its kernel.',
        '先将主机移出负载均衡，再检查其磁盘、虚拟化平台与内核。',
      ],
      steps: [
        ['See the stacks in the kernel log: which device or file system they wait for', '查看内核日志中的堆栈：在等待哪个设备或文件系统'],
        ['Check the storage (NFS server, cloud disk) and steal time (vmstat 1)', '检查存储（NFS、云盘）与 steal 时间（vmstat 1）'],
      ],
      verify: ['No new “blocked for more than” or “soft lockup”.', '不再出现 “blocked for more than” 或 “soft lockup”。'],
      tell: ['The kernel log and the console of the host.', '该主机的内核日志与控制台。'],
    },
  ),
  ruleOf(
    'cpu-saturated',
    'host',
    ['The backend’s CPUs are used up', '后端 CPU 耗尽'],
    [near(['fpm-busy', 'apache-busy'], 'fits', 'writer')],
    {
      summary: ['Load on {host} rose quickly while {count} requests failed.', '{host} 的负载快速上升，期间 {count} 个请求失败。'],
      fix: ['Find what uses the processors, and scale out or cache.', '找出占用 CPU 的原因，扩容或增加缓存。'],
      steps: [
        ['See /proc/pressure/cpu and top -H while it happens', '故障时查看 /proc/pressure/cpu 与 top -H'],
        ['Add backends, cache the busiest pages, profile the code', '增加后端、缓存热点页面、分析代码'],
      ],
      verify: ['/proc/pressure/cpu: avg10 below 20 under the same load.', '同样负载下 /proc/pressure/cpu 的 avg10 低于 20。'],
      tell: ['CPU and pressure metrics of the host at that time.', '当时该主机的 CPU 与 pressure 指标。'],
    },
  ),
  ruleOf(
    'lb-spec-limit',
    'balancer',
    ['The balancer reached its own limit', '负载均衡达到自身规格上限'],
    [
      near(['haproxy-connection-limit'], 'suggests', 'writer', says(/maxconn/)),
      failing(
        every(
          of('aws-alb', 'gcp-lb', 'alibaba-alb', 'alibaba-slb'),
          reasoned('WAFConnectionError', 'quota_exceeded', 'resource_exhausted'),
        ),
        'suggests',
        'writer',
      ),
    ],
    {
      summary: [
        'The balancer reached a limit of its own while {count} requests failed.',
        '负载均衡达到自身上限，期间 {count} 个请求失败。',
      ],
      fix: ['Raise the limit or the size of the balancer.', '调大限制或提升负载均衡规格。'],
      steps: [
        [
          'HAProxy: maxconn in global and in the frontend; clouds: the instance’s specification',
          'HAProxy：global 与 frontend 的 maxconn；云产品：实例规格',
        ],
        ['See the metrics of dropped connections', '查看丢弃连接的监控指标'],
      ],
      verify: ['No dropped connections under the same load.', '同样负载下不再丢弃连接。'],
      tell: ['Metrics of the balancer.', '负载均衡的监控指标。'],
    },
  ),
];
