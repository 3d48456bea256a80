// Causes in application servers other than php-fpm, and in what stands behind applications.
import type { LogRule } from '../rule.ts';
import {
  about,
  closedAnswer,
  closedBy,
  failing,
  gatewayError,
  isBareDial,
  isFastcgi,
  isUwsgi,
  near,
  not,
  ruleOf,
  says,
  signalIn,
  slowAnswer,
  status,
  together,
  workerAgain,
} from './witness.ts';

const unanswered = failing(
  (failure) => failure.status !== null && [502, 503, 504].includes(failure.status) && failure.answeredBy !== 'upstream',
  'fits',
);
const workerTimeout = near(['gunicorn-worker-timeout'], 'suggests', 'writer');
const harakiri = near(['uwsgi-harakiri'], 'suggests', 'writer');
const rubyTimeout = near(['unicorn-worker-timeout', 'puma-worker-timeout'], 'suggests', 'writer');
const threads = near(['tomcat-threads'], 'suggests', 'writer');
const slowTrace = near(['fpm-slow-trace'], 'suggests', 'writer', ({ fields }) =>
  /mysqli|PDO|pg_|oci_|Redis|Memcached|Mongo|query|execute/i.test(fields['function'] ?? ''),
);
const callTrace = near(['fpm-slow-trace'], 'suggests', 'writer', ({ fields }) =>
  /curl_|fsockopen|stream_|file_get_contents|Soap|fopen|gethostby/i.test(fields['function'] ?? ''),
);
const told = (id: string) => about([id], 'suggests', 'none');
const refusing = near(['dependency-refused'], 'suggests', 'none', not(isBareDial));

export const applicationRules: readonly LogRule[] = [
  ruleOf(
    'gunicorn-worker-timeout',
    'app-runtime',
    ['gunicorn kills workers at --timeout', 'gunicorn 按 --timeout 终止工作进程'],
    [
      workerAgain,
      workerTimeout,
      // Nothing but its own log tells which server runs the application.
      ...closedBy((event) => !isFastcgi(event) && !isUwsgi(event) && event.product !== 'apache'),
      near(['gunicorn-worker-signal'], 'fits', 'writer', signalIn('6', '9')),
      together([closedAnswer, workerTimeout], 'proves', 'writer'),
      together([slowAnswer, workerTimeout], 'suggests', 'writer', 120),
      together([workerTimeout, unanswered], 'proves', 'writer', 120),
    ],
    {
      summary: [
        'gunicorn on {host} killed workers that were silent longer than --timeout; {count} requests failed with them.',
        '{host} 上的 gunicorn 终止了超过 --timeout 无响应的工作进程；{count} 个请求随之失败。',
      ],
      fix: [
        'Make the slow view faster or move its work to a queue; then raise --timeout, or use threads.',
        '优化慢视图或改为异步队列；之后再调大 --timeout 或使用线程。',
      ],
      steps: [
        ['The traceback behind the line shows where the worker was', '该行之后的调用栈显示进程所在位置'],
        [
          'gunicorn --timeout 60 --worker-class gthread --threads 8 --workers 4 (default: one sync worker, 30 s)',
          'gunicorn --timeout 60 --worker-class gthread --threads 8 --workers 4（默认一个 sync 进程、30 秒）',
        ],
      ],
      verify: ['No new WORKER TIMEOUT.', '不再出现 WORKER TIMEOUT。'],
      tell: ['gunicorn’s error log: WORKER TIMEOUT.', 'gunicorn 错误日志：WORKER TIMEOUT。'],
      consequenceOf: ['dependency-slow', 'dependency-unreachable', 'oom-killed', 'backend-frozen'],
    },
  ),
  ruleOf(
    'uwsgi-harakiri',
    'app-runtime',
    ['uWSGI kills workers at harakiri', 'uWSGI 按 harakiri 终止工作进程'],
    [
      harakiri,
      ...closedBy(isUwsgi),
      together([closedAnswer, harakiri], 'proves', 'writer'),
      together([harakiri, unanswered], 'proves', 'writer', 120),
    ],
    {
      summary: [
        'uWSGI on {host} killed workers whose requests ran longer than harakiri; {count} requests failed.',
        '{host} 上的 uWSGI 终止了超过 harakiri 的进程；{count} 个请求失败。',
      ],
      fix: ['Make the request faster; raise harakiri only below the proxy’s read timeout.', '优化请求；harakiri 只能调到小于代理读超时。'],
      steps: [
        ['The line names the path; harakiri-verbose shows where it was', '日志行指明路径；harakiri-verbose 可显示所在位置'],
        ['harakiri = 60; processes and threads by memory', 'harakiri = 60；按内存设置 processes 与 threads'],
      ],
      verify: ['No new HARAKIRI.', '不再出现 HARAKIRI。'],
      tell: ['uWSGI’s log.', 'uWSGI 日志。'],
      consequenceOf: ['dependency-slow', 'dependency-unreachable', 'backend-frozen'],
    },
  ),
  ruleOf(
    'uwsgi-buffer-size',
    'app-runtime',
    ['A request does not fit into uWSGI’s buffer', '请求超过 uWSGI 的 buffer-size'],
    [
      ...closedBy(isUwsgi),
      near(
        ['uwsgi-block-size'],
        'suggests',
        'writer',
        ({ fields }) => Number(fields['bytes'] ?? 0) <= 16_384 || Number(fields['limit'] ?? 0) > 8192,
      ),
      together(
        [closedAnswer, near(['uwsgi-block-size'], 'suggests', 'writer', ({ fields }) => Number(fields['bytes'] ?? 0) <= 16_384)],
        'proves',
        'writer',
      ),
    ],
    {
      summary: [
        'Request headers did not fit into buffer-size of uWSGI on {host}: {count} requests were dropped.',
        '请求头超过 {host} 上 uWSGI 的 buffer-size：{count} 个请求被丢弃。',
      ],
      fix: ['Raise buffer-size.', '调大 buffer-size。'],
      steps: [
        ['buffer-size = 32768 in the uWSGI configuration; restart', 'uWSGI 配置 buffer-size = 32768；重启'],
        ['Send fewer cookies', '减少 Cookie'],
      ],
      verify: ['A request with a large cookie succeeds.', '带大 Cookie 的请求成功。'],
      tell: ['uWSGI’s log.', 'uWSGI 日志。'],
    },
  ),
  ruleOf(
    'unicorn-worker-timeout',
    'app-runtime',
    ['The Ruby server kills slow workers', 'Ruby 服务器终止慢进程'],
    [
      rubyTimeout,
      near(['rack-timeout'], 'suggests', 'writer'),
      together([closedAnswer, rubyTimeout], 'proves', 'writer'),
      together([rubyTimeout, unanswered], 'proves', 'writer', 120),
      together([near(['rack-timeout'], 'suggests', 'writer'), failing(status(500, 503), 'fits')], 'suggests', 'writer'),
    ],
    {
      summary: [
        'The Ruby server on {host} ended requests at its own timeout: {count} failed.',
        '{host} 上的 Ruby 服务器按自身超时终止请求：{count} 个失败。',
      ],
      fix: ['Make the action faster; raise timeout only below the proxy’s.', '优化该动作；timeout 只能调到小于代理超时。'],
      steps: [
        [
          'unicorn.rb: timeout 60; puma: worker_timeout; rack-timeout: service_timeout',
          'unicorn.rb：timeout 60；puma：worker_timeout；rack-timeout：service_timeout',
        ],
        ['See the slow action in the application’s log', '在应用日志中查找慢动作'],
      ],
      verify: ['No new “timeout … killing”.', '不再出现 “timeout … killing”。'],
      tell: ['The server’s own log.', '服务器自身日志。'],
      consequenceOf: ['dependency-slow', 'dependency-unreachable'],
    },
  ),
  ruleOf(
    'tomcat-threads-exhausted',
    'app-runtime',
    ['Every thread of Tomcat is busy', 'Tomcat 线程耗尽'],
    [
      threads,
      together([slowAnswer, threads], 'suggests', 'writer', 300),
      together([threads, gatewayError], 'suggests', 'writer', 300),
      near(['passenger-queue-full'], 'suggests', 'writer'),
    ],
    {
      summary: [
        'Every thread (or process) of the application server on {host} was in use; {count} requests waited in vain.',
        '{host} 上应用服务器的线程（进程）全部占用；{count} 个请求等待至失败。',
      ],
      fix: [
        'See what the threads wait for; then raise maxThreads and pools together.',
        '先查明线程在等待什么；再一并调大 maxThreads 与连接池。',
      ],
      steps: [
        ['jstack PID (three times, ten seconds apart)', 'jstack PID（间隔十秒共三次）'],
        [
          'server.xml: maxThreads, acceptCount; Passenger: PassengerMaxPoolSize, passenger_max_request_queue_size',
          'server.xml：maxThreads、acceptCount；Passenger：PassengerMaxPoolSize、passenger_max_request_queue_size',
        ],
      ],
      verify: ['Idle threads under load.', '负载下仍有空闲线程。'],
      tell: ['A thread dump while it happens.', '故障时的线程转储。'],
      consequenceOf: ['dependency-slow', 'dependency-unreachable', 'memory-pressure'],
    },
  ),
  ruleOf(
    'dependency-down',
    'dependency',
    ['A database or service behind the application fails', '应用依赖的数据库或服务不可用'],
    [
      ...['dependency-full', 'dependency-gone', 'dependency-login', 'dependency-read-only'].map((each) => told(each)),
      // Below the words of a proxy stands what Node says of its backend.
      about(
        ['dependency-refused'],
        'suggests',
        'none',
        (event, all = []) => !isBareDial(event) && !all.some(({ signature }) => signature === 'node-proxy-error'),
      ),
      about(['dependency-refused'], 'fits', 'none'),
      together([refusing, failing(status(500, 502, 503), 'fits')], 'suggests', 'none'),
      about(['lua-socket'], 'suggests', 'none', says(/refused/)),
    ],
    {
      summary: [
        'A database or service that the application needs refused or ended its connections; {count} requests failed.',
        '应用依赖的数据库或服务拒绝或断开了连接；{count} 个请求失败。',
      ],
      fix: [
        'Bring the service back (or its login, its limit, its address); give the application short timeouts.',
        '恢复该服务（或其账号、上限、地址）；并为应用设置较短的超时。',
      ],
      steps: [
        [
          'From the application’s host: nc -z ADDRESS PORT, then the service’s own client',
          '在应用主机上执行 nc -z 地址 端口，再用该服务的客户端连接',
        ],
        [
          '“Too many connections”: SHOW PROCESSLIST; max_connections against the sum of all pools',
          '“Too many connections”：SHOW PROCESSLIST；比较 max_connections 与各连接池之和',
        ],
        [
          '“Access denied”, “authentication failed”: the credentials of the deploy',
          '“Access denied”、“authentication failed”：检查发布所用的账号密码',
        ],
      ],
      verify: ['The application’s log has no new such line.', '应用日志不再出现此类错误。'],
      tell: ['The log of the service behind the application.', '被依赖服务的日志。'],
      consequenceOf: ['dependency-dns-failed', 'ephemeral-ports-exhausted'],
    },
  ),
  ruleOf(
    'dependency-slow',
    'dependency',
    ['A database or service behind the application is slow', '应用依赖的数据库或服务响应缓慢'],
    [
      told('dependency-slow'),
      slowTrace,
      together([slowAnswer, slowTrace], 'suggests', 'none', 120),
      together([slowAnswer, near(['dependency-slow', 'dependency-full'], 'suggests', 'none')], 'suggests', 'none', 120),
      about(['lua-socket'], 'suggests', 'none', says(/timed out/)),
    ],
    {
      summary: [
        'The application waited for a database or service that answered too late; {count} requests failed.',
        '应用等待响应过慢的数据库或服务；{count} 个请求失败。',
      ],
      fix: [
        'Find the slow query or call; give every outgoing call a timeout below the proxy’s.',
        '找出慢查询或慢调用；为每个外部调用设置小于代理的超时。',
      ],
      steps: [
        [
          'MySQL: slow_query_log, SHOW PROCESSLIST, SHOW ENGINE INNODB STATUS; PostgreSQL: pg_stat_activity',
          'MySQL：slow_query_log、SHOW PROCESSLIST、SHOW ENGINE INNODB STATUS；PostgreSQL：pg_stat_activity',
        ],
        ['An index, a shorter transaction, a cache', '增加索引、缩短事务、增加缓存'],
      ],
      verify: ['The slow log is empty under the same load.', '同样负载下慢日志为空。'],
      tell: ['The slow query log of the database for these minutes.', '数据库在这些分钟的慢查询日志。'],
      consequenceOf: ['dependency-dns-failed'],
    },
  ),
  ruleOf(
    'app-waits-on-external-service',
    'dependency',
    ['The application waits for a service outside', '应用在等待外部服务'],
    [callTrace, together([slowAnswer, callTrace], 'suggests', 'none', 120)],
    {
      summary: [
        'Slow requests were waiting for a call to another service (slow log); {count} failed.',
        '慢请求在等待外部调用（慢日志）；{count} 个失败。',
      ],
      fix: ['Give the call a short timeout, and do it in the background.', '为该调用设置短超时，并改为异步。'],
      steps: [
        ['The slow log names file and line of the call', '慢日志指明调用所在文件与行'],
        [
          'CURLOPT_CONNECTTIMEOUT 2, CURLOPT_TIMEOUT 5; default_socket_timeout',
          'CURLOPT_CONNECTTIMEOUT 2、CURLOPT_TIMEOUT 5；default_socket_timeout',
        ],
      ],
      verify: ['The slow log has no new entry for it.', '慢日志不再出现该调用。'],
      tell: ['php-fpm’s slow log.', 'php-fpm 慢日志。'],
    },
  ),
  ruleOf(
    'dependency-unreachable',
    'dependency',
    ['A database or service behind the application cannot be reached', '应用无法连通其依赖的数据库或服务'],
    [told('dependency-unreachable'), together([slowAnswer, near(['dependency-unreachable'], 'suggests', 'none')], 'suggests', 'none', 120)],
    {
      summary: [
        'The application’s connections to a database or service had no answer; {count} requests failed.',
        '应用到数据库或服务的连接没有应答；{count} 个请求失败。',
      ],
      fix: ['Open the way to it: address, route, security group, firewall.', '打通网络：地址、路由、安全组、防火墙。'],
      steps: [
        ['From the application’s host: nc -zv ADDRESS PORT; ip route get ADDRESS', '在应用主机上：nc -zv 地址 端口；ip route get 地址'],
        [
          'Allow the application’s group in the service’s security group; give connects a timeout of 2 s',
          '在该服务的安全组中放行应用；连接超时设为 2 秒',
        ],
      ],
      verify: ['nc -z succeeds from every backend.', '每台后端 nc -z 均成功。'],
      tell: ['nc -zv from the backend to the service.', '从后端执行 nc -zv 到该服务。'],
    },
  ),
  ruleOf(
    'dependency-dns-failed',
    'dependency',
    ['The application cannot look up the name of a service', '应用无法解析其依赖服务的域名'],
    [told('dependency-name'), together([slowAnswer, near(['dependency-name'], 'suggests', 'none')], 'suggests', 'none', 120)],
    {
      summary: [
        'The application could not look up the name of a service it needs; {count} requests failed.',
        '应用无法解析所依赖服务的域名；{count} 个请求失败。',
      ],
      fix: ['Correct the name, or the resolver of the backend (or container).', '更正域名，或修复后端（容器）的 DNS。'],
      steps: [
        [
          'On the backend, in the container: getent hosts NAME; cat /etc/resolv.conf',
          '在后端（容器内）：getent hosts 域名；cat /etc/resolv.conf',
        ],
        [
          'Docker: both services in one network; Kubernetes: NAME.NAMESPACE.svc',
          'Docker：两个服务处于同一网络；Kubernetes：名称.命名空间.svc',
        ],
      ],
      verify: ['getent answers on every backend.', '每台后端 getent 均有应答。'],
      tell: ['getent hosts NAME on the backend.', '后端执行 getent hosts 域名。'],
    },
  ),
];
