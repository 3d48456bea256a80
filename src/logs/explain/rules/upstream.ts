// Causes between a proxy and the service behind it: nobody listens, wrong place, wrong protocol, answers that cannot be used or come too late.
import type { EventGroup, FailureGroup } from '../../records.ts';
import { addressOf } from '../addresses.ts';
import type { LogRule } from '../rule.ts';
import {
  about,
  checks,
  closedAnswer,
  closedAnswers,
  closedBy,
  closedRequests,
  envoy,
  every,
  failing,
  haproxy,
  isBareDial,
  isBodyless,
  isFastcgi,
  isLoopback,
  isPhpUnit,
  isProxyUnit,
  isUnix,
  lasted,
  lines,
  near,
  noServer,
  not,
  of,
  own,
  portOf,
  reasonLike,
  ruleOf,
  says,
  served,
  signalIn,
  slowAnswers,
  status,
  target,
  timing,
  together,
  workerAgain,
} from './witness.ts';

/** `http://app:443`. */
const isPlainToTlsPort = says(/\bhttp:\/\/[^/\s"]{1,253}:(?:443|8443)\b/);
const plainRefused = (event: EventGroup): boolean => !isUnix(event) && !isFastcgi(event);
const refused = about(lines.refused, 'suggests', 'upstream', plainRefused);
/** Lines about one server. */
const sameServer = ([one, other]: readonly (EventGroup | FailureGroup)[]): boolean =>
  isEvent(one) && isEvent(other) && serverOf(target(one)) !== '' && serverOf(target(one)) === serverOf(target(other));
const serverOf = (text: string): string => addressOf(text)?.split('/')[0] ?? '';
/** Whoever took a connection there before did so at the right address. */
const answeredOnce = near(
  [...lines.closed, ...lines.readTimeout, 'reset-sending-request', 'body-timeout', 'premature-close-body', 'reset-reading-body'],
  'fits',
  'upstream',
);
/** A request that nobody took, as access logs show it. */
const refusedRequests = [
  failing(every(of('nginx', 'alibaba-slb', 'alibaba-alb'), status(502), own, timing('instant')), 'fits'),
  failing(every(of('aws-alb'), status(502), own), 'fits'),
  failing(every(of('gcp-lb'), reasonLike(/failed_to_connect_to_backend/)), 'fits'),
  failing(every(of('cloudflare'), status(521)), 'fits'),
  failing(every(of('caddy', 'traefik', 'apache'), status(502, 503), own), 'fits'),
] as const;

const listening = near(['app-listening'], 'fits', 'writer', ({ fields }) => portOf(`:${fields['port'] ?? ''}`) !== null);
const isEvent = (member: EventGroup | FailureGroup | undefined): member is EventGroup => member !== undefined && 'signature' in member;
/** The proxy asks one port, and the application says that it listens on another. */
const otherPort = ([asked, said]: readonly (EventGroup | FailureGroup)[]): boolean => {
  if (!isEvent(asked) || !isEvent(said)) return false;
  const port = portOf(target(asked));
  return port !== null && said.fields['port'] !== undefined && port !== said.fields['port'];
};
/** The proxy asks the port that the application names, at an address where it should hear. */
const samePort = ([asked, said]: readonly (EventGroup | FailureGroup)[]): boolean =>
  isEvent(asked) &&
  isEvent(said) &&
  !isLoopback(asked) &&
  portOf(target(asked)) === (said.fields['port'] ?? '') &&
  !/^(?:127\.|localhost|\[?::1)/.test(said.fields['address'] ?? '');
/** The proxy asks an address of the network, and the application says that it listens on loopback alone. */
const onlyLoopback = ([asked, said]: readonly (EventGroup | FailureGroup)[]): boolean =>
  isEvent(asked) &&
  isEvent(said) &&
  !isLoopback(asked) &&
  portOf(target(asked)) === (said.fields['port'] ?? '') &&
  /^(?:127\.|localhost|\[?::1)/.test(said.fields['address'] ?? '');
/** `app-1  | …`: the name of the container that printed a line. */
const containerOf = ({ samples }: EventGroup): string | null => /^([\w.-]{1,100}?) {0,20}\| /.exec(samples[0]?.text ?? '')?.[1] ?? null;
/** The proxy asks its own loopback address for the port on which a program of another container listens. */
const otherContainer = ([asked, said]: readonly (EventGroup | FailureGroup)[]): boolean => {
  if (!isEvent(asked) || !isEvent(said) || portOf(target(asked)) !== said.fields['port']) return false;
  const [here, there] = [containerOf(asked), containerOf(said)];
  return here !== null && there !== null && here !== there;
};
const startedFailing = near(
  [
    'systemd-failed',
    'systemd-main-exited',
    'gunicorn-boot-failed',
    'node-module-missing',
    'tomcat-app-failed',
    'tomcat-bind-failed',
    'gunicorn-bind-failed',
    'node-bind-failed',
    'bind-failed',
    'fpm-bind-failed',
    'haproxy-config-error',
    'systemd-start-failed',
    'uwsgi-no-app',
    'passenger-spawn-failed',
    'app-bind-failed',
    'systemctl-failed',
    'systemctl-inactive',
    'systemd-exec-failed',
    'container-exit',
    'ancm-start-failed',
    'iis-pool-failing',
  ],
  'suggests',
  'writer',
);
const looping = near(['systemd-start-limit', 'k8s-back-off', 'systemd-restart', 'node-killed'], 'suggests', 'writer', not(isProxyUnit));
const bindFailed = ['app-bind-failed', 'node-bind-failed', 'gunicorn-bind-failed', 'tomcat-bind-failed', 'uwsgi-bind-failed'];
const ofApplication = (event: EventGroup): boolean => !isProxyUnit(event) && !isPhpUnit(event);

const herokuCode = (...codes: readonly string[]) => every(of('other'), own, reasonLike(new RegExp(`^(?:${codes.join('|')})\\b`)));
const otherService = /\b(?:nginx|openresty|apache2|httpd|haproxy|caddy|traefik|envoy|php[\d.]{0,4}-?fpm)(?:\.service\b| -g )/;
/** Where these are said too, that the application ended follows from them. */
const startless: ReadonlySet<string | null> = new Set(['heroku-boot-timeout', 'heroku-memory']);

export const upstreamRules: readonly LogRule[] = [
  ruleOf(
    'backend-process-down',
    'web-server',
    ['The web service of a backend is not running', '后端的 Web 服务没有运行'],
    [
      // Alone it may as well be a wrong port or address, or a firewall.
      about(lines.refused, 'fits', 'upstream', plainRefused),
      about(['dependency-refused'], 'fits', 'none', isBareDial),
      served(refused),
      together([refused, answeredOnce], 'suggests', 'upstream', 3600, sameServer),
      together([refused, listening], 'suggests', 'upstream', 604_800, samePort),
      about(lines.refused, 'suggests', 'upstream', (event) => isUnix(event) && !isFastcgi(event)),
      about(lines.noSuchFile, 'suggests', 'upstream', (event) => !isFastcgi(event)),
      about(['envoy-connect-failure'], 'fits', 'upstream', says(/111|Connection refused/)),
      served(about(['envoy-connect-failure'], 'suggests', 'upstream', says(/111|Connection refused/))),
      failing(haproxy('SC'), 'fits'),
      served(
        failing(
          every(haproxy('SC'), (failure) => !noServer(failure)),
          'suggests',
        ),
      ),
      served(failing(every(envoy('UF'), reasonLike(/111|refused/i)), 'suggests')),
      failing(envoy('UF'), 'fits'),
      ...refusedRequests,
      together([refused, startedFailing], 'suggests', 'upstream', 3600),
      near(checks, 'suggests', 'none', says(/Connection refused/)),
      near(['tomcat-app-failed', 'tomcat-bind-failed'], 'suggests', 'writer'),
      near([...bindFailed, 'systemctl-inactive', 'varnish-fetch-failed'], 'fits', 'writer'),
      near(['k8s-probe-failed'], 'fits', 'none', says(/connection refused/)),
      failing(every(of('iis'), reasonLike(/^(?:503\.0|502\.3$)|Disabled/)), 'fits', 'writer'),
      failing(every(of('iis'), reasonLike(/win32:12029/)), 'fits'),
      // Windows asks a refusing port three times within about two seconds, and waits for silence about 21.
      served(failing(every(of('iis'), reasonLike(/win32:12029/), lasted(0, 5000)), 'suggests')),
      about(['node-proxy-error'], 'fits', 'none', says(/ECONNREFUSED/)),
      failing(herokuCode('H10', 'H14', 'H21'), 'fits', 'none'),
      served(about(['node-proxy-error'], 'suggests', 'none', says(/ECONNREFUSED/))),
    ],
    {
      summary: [
        'Nothing takes connections at {host}: {count} attempts were refused. Its service is not running, or it listens elsewhere (another port or address).',
        '{host} 无人监听：{count} 次连接被拒绝。服务未运行，或监听在别处（其他端口或地址）。',
      ],
      fix: [
        'Start the service once its log has said why it stopped; where it runs, make the address it listens on and the one the proxy uses the same.',
        '先从日志查明停止原因再启动服务；若服务在运行，则让监听地址与代理使用的地址一致。',
      ],
      steps: [
        [
          'On the backend: ss -ltnp — does the port of the error line listen, and on which address?',
          '在后端执行 ss -ltnp：错误行中的端口是否在监听？监听在哪个地址？',
        ],
        [
          'Not listening: journalctl -u SERVICE -n 50, then systemctl enable --now SERVICE',
          '未监听：查看 journalctl -u 服务 -n 50，然后 systemctl enable --now 服务',
        ],
        [
          'Listening elsewhere: correct proxy_pass / server, or let the service listen on 0.0.0.0:PORT',
          '监听在别处：更正 proxy_pass / server，或让服务监听 0.0.0.0:端口',
        ],
        [
          'Listening right: a firewall rejects; see its counters (nft list ruleset)',
          '监听正确：则为防火墙拒绝；查看其计数（nft list ruleset）',
        ],
      ],
      verify: ['From the proxy: nc -z ADDRESS PORT succeeds.', '从代理执行 nc -z 地址 端口 成功。'],
      tell: ['The error log of the proxy (the errno), and ss -ltn on the backend.', '代理的错误日志（errno）以及后端的 ss -ltn。'],
      consequenceOf: [
        'oom-killed',
        'app-crash-loop',
        'wrong-upstream-port',
        'upstream-binds-localhost',
        'firewall-rejects-lb-range',
        'upstream-localhost-in-container',
        'upstream-ipv6-unreachable',
        'deploy-drain-race',
        'stale-dns-upstream',
        'ephemeral-ports-exhausted',
        'proxy-reload-failed',
        'memory-pressure',
        'disk-full',
      ],
    },
  ),
  ruleOf(
    'wrong-upstream-port',
    'balancer',
    ['The proxy forwards to a port on which the service does not listen', '代理转发到的端口没有服务监听'],
    [
      about(lines.refused, 'fits', 'upstream', not(isUnix)),
      failing(
        every(haproxy('SC'), (failure) => !noServer(failure)),
        'fits',
      ),
      failing(every(envoy('UF'), reasonLike(/111|refused/i)), 'fits'),
      near(['heroku-boot-timeout'], 'fits', 'none'),
      together([refused, listening], 'suggests', 'upstream', 604_800, otherPort),
    ],
    {
      summary: [
        'The proxy asks a port of {host} that refuses ({count} times), while the service says that it listens on another.',
        '代理访问 {host} 的端口被拒绝（{count} 次），而服务日志显示其监听在另一端口。',
      ],
      fix: ['Name the port that the service listens on.', '改为服务实际监听的端口。'],
      steps: [
        [
          'ss -ltnp on the backend shows the port; in Kubernetes compare containerPort, targetPort and the application',
          '在后端用 ss -ltnp 查看端口；Kubernetes 中比较 containerPort、targetPort 与应用',
        ],
        ['Correct proxy_pass, upstream or server; reload', '更正 proxy_pass、upstream 或 server 后重载'],
      ],
      verify: ['The proxy’s error log has no new “refused”.', '代理错误日志不再出现 refused。'],
      tell: ['ss -ltnp on the backend, and the service’s start lines.', '后端的 ss -ltnp 与服务启动日志。'],
    },
  ),
  ruleOf(
    'upstream-binds-localhost',
    'app-runtime',
    ['The service listens on its loopback address only', '服务只监听本机回环地址'],
    [
      about(lines.refused, 'fits', 'upstream', (event) => !isUnix(event) && !isLoopback(event)),
      together([refused, listening], 'suggests', 'upstream', 604_800, onlyLoopback),
    ],
    {
      summary: [
        '{host} refuses {count} connections from outside: its service listens on loopback only.',
        '{host} 拒绝了 {count} 次来自外部的连接：其服务只监听回环地址。',
      ],
      fix: ['Let the service listen on 0.0.0.0 (or the address of the private network).', '让服务监听 0.0.0.0（或内网地址）。'],
      steps: [
        [
          'The setting is mostly named host or bind: app.listen(PORT, "0.0.0.0"), gunicorn --bind 0.0.0.0:PORT, HOST=0.0.0.0',
          '相关配置通常为 host 或 bind：app.listen(PORT, "0.0.0.0")、gunicorn --bind 0.0.0.0:端口、HOST=0.0.0.0',
        ],
        ['Keep the port closed to the world in the firewall', '在防火墙中不对公网开放该端口'],
      ],
      verify: ['ss -ltn shows 0.0.0.0:PORT or *:PORT.', 'ss -ltn 显示 0.0.0.0:端口 或 *:端口。'],
      tell: ['ss -ltn on the backend (in the container).', '后端（容器内）的 ss -ltn。'],
    },
  ),
  ruleOf(
    'upstream-localhost-in-container',
    'balancer',
    ['The proxy in a container is told “localhost”, which is the container itself', '容器内的代理把 localhost 当作后端，实际指向容器自身'],
    [
      about(lines.refused, 'fits', 'upstream', (event) => !isUnix(event) && isLoopback(event)),
      together([about(lines.refused, 'suggests', 'upstream', isLoopback), listening], 'suggests', 'writer', 604_800, otherContainer),
    ],
    {
      summary: [
        'The proxy asks its own loopback address ({host}), where nothing listens: {count} refusals.',
        '代理访问自身的回环地址（{host}），但无人监听：被拒绝 {count} 次。',
      ],
      fix: ['In a container, name the service and not localhost.', '在容器中使用服务名而不是 localhost。'],
      steps: [
        [
          'docker compose: proxy_pass http://SERVICE:PORT; with both in one network',
          'docker compose：proxy_pass http://服务名:端口，并处于同一网络',
        ],
        [
          'A service on the host: host.docker.internal (with extra_hosts: host-gateway on Linux)',
          '若服务在宿主机：使用 host.docker.internal（Linux 需 extra_hosts: host-gateway）',
        ],
      ],
      verify: ['From inside the proxy’s container: curl http://SERVICE:PORT/ answers.', '在代理容器内 curl http://服务名:端口/ 有应答。'],
      tell: ['Whether the proxy runs in a container, and ss -ltn inside it.', '代理是否运行在容器中，以及容器内的 ss -ltn。'],
    },
  ),
  ruleOf(
    'app-crash-loop',
    'app-runtime',
    ['The application ends and is started again and again', '应用反复崩溃并重启'],
    [
      near(['heroku-crashed'], 'suggests', 'none', (_event, all = []) => !all.some(({ signature }) => startless.has(signature))),
      near(['heroku-boot-timeout', 'heroku-crashed'], 'fits', 'none'),
      workerAgain,
      near(['systemctl-failed'], 'fits', 'writer', ({ fields }) => fields['result'] !== 'oom-kill'),
      failing(herokuCode('H10'), 'fits', 'none'),
      failing(herokuCode('H13', 'H20'), 'fits', 'none'),
      near(['systemd-start-limit', 'k8s-back-off'], 'suggests', 'writer', ofApplication),
      near([...bindFailed, 'gunicorn-worker-exit', 'apache-cgi-no-headers', 'passenger-incomplete', 'wsgi-truncated'], 'fits', 'writer'),
      near(['container-exit'], 'suggests', 'writer', ({ fields }) => fields['code'] !== '137' && fields['code'] !== '143'),
      near(['container-exit'], 'fits', 'writer'),
      near(['kernel-segfault', 'kernel-trap', 'systemd-core-dump'], 'suggests', 'writer', ({ fields }) =>
        /^(?:python|gunicorn|uwsgi|node|java|ruby|puma|dotnet)/.test(fields['process'] ?? ''),
      ),
      ...closedBy(),
      near(
        [
          'systemd-restart',
          'systemd-failed',
          'systemd-main-exited',
          'node-killed',
          'gunicorn-boot-failed',
          'node-module-missing',
          'uwsgi-no-app',
          'passenger-spawn-failed',
          'systemd-exec-failed',
          'ancm-start-failed',
          'iis-pool-failing',
          'program-crashed',
        ],
        'suggests',
        'writer',
        ofApplication,
      ),
      // The line itself does not name the service; others do.
      near(
        ['systemctl-failed'],
        'suggests',
        'writer',
        (event, all = []) =>
          event.fields['result'] !== 'oom-kill' &&
          ofApplication(event) &&
          !all.some((other) => otherService.test(other.samples[0]?.text ?? '')),
      ),
      together([refused, looping], 'suggests', 'upstream', 3600),
      together(
        [
          refused,
          near(
            ['gunicorn-boot-failed', 'node-module-missing', 'tomcat-app-failed', 'systemd-main-exited', 'systemd-failed'],
            'suggests',
            'writer',
          ),
        ],
        'suggests',
        'upstream',
        3600,
      ),
      together([closedAnswer, looping], 'suggests', 'upstream', 120),
      near(['uwsgi-worker-died', 'uwsgi-crash', 'unicorn-worker-reaped'], 'suggests', 'writer', signalIn('4', '6', '7', '8', '11')),
      near(['gunicorn-worker-signal'], 'suggests', 'writer', signalIn('4', '7', '8', '11')),
      // gunicorn itself aborts workers that were silent too long.
      near(['gunicorn-worker-signal'], 'fits', 'writer', signalIn('6')),
      near(['uwsgi-crash'], 'suggests', 'writer'),
      failing(every(of('iis'), reasonLike(/^(?:502\.5|500\.3[0-8])|AppOffline/)), 'suggests', 'writer'),
    ],
    {
      summary: [
        'The application on {host} ended again and again; {count} requests met it while it was away.',
        '{host} 上的应用反复退出；{count} 个请求恰逢其不可用。',
      ],
      fix: ['Read why it ends; a restart only hides it.', '查明退出原因；重启只会掩盖问题。'],
      steps: [
        [
          'journalctl -u SERVICE -n 100; Kubernetes: kubectl logs POD --previous and kubectl describe pod POD',
          'journalctl -u 服务 -n 100；Kubernetes：kubectl logs POD --previous 与 kubectl describe pod POD',
        ],
        [
          'The first error of a start is the cause: a missing module, a setting, a taken port, a database',
          '启动时的第一个错误即为原因：缺少模块、配置错误、端口被占用、数据库不可用',
        ],
      ],
      verify: [
        'NRestarts (systemctl show) or RESTARTS (kubectl get pod) stays the same.',
        'NRestarts（systemctl show）或 RESTARTS（kubectl get pod）不再增长。',
      ],
      tell: ['The application’s own log from its last start.', '应用最近一次启动的日志。'],
      consequenceOf: [
        'oom-killed',
        'memory-pressure',
        'disk-full',
        'dependency-down',
        'dependency-dns-failed',
        'dependency-unreachable',
        'gunicorn-worker-timeout',
      ],
    },
  ),
  ruleOf(
    'upstream-read-timeout',
    'app-runtime',
    ['The page is slower than a read timeout allows', '页面响应时间超过读超时'],
    [
      ...slowAnswers('suggests'),
      about(['send-timeout', 'tls-timeout'], 'fits', 'upstream'),
      near(['uwsgi-write-error', 'fpm-slow'], 'fits', 'writer'),
      about(['fcgid-error', 'apache-cgi-timeout', 'wsgi-error'], 'suggests', 'writer', says(/[Tt]imeout|timed out/)),
      failing(every(of('nginx'), status(504), timing('waited')), 'suggests'),
      failing(haproxy('sH'), 'suggests'),
      failing(envoy('UT'), 'suggests'),
      failing(every(of('envoy'), reasonLike(/upstream_(?:response|per_try)_timeout|max_duration_timeout|stream_idle_timeout/)), 'suggests'),
      failing(every(of('aws-alb', 'alibaba-slb', 'alibaba-alb'), status(504), own, lasted(20_000)), 'suggests'),
      failing(every(of('aws-alb', 'alibaba-slb', 'alibaba-alb'), status(504), own), 'fits'),
      failing(every(of('gcp-lb'), reasonLike(/backend_timeout/)), 'suggests'),
      failing(every(of('iis'), reasonLike(/win32:12002/)), 'suggests'),
      failing(herokuCode('H12'), 'suggests'),
      failing(every(of('caddy', 'apache'), status(504)), 'suggests'),
      failing(every(of('traefik'), status(504)), 'fits'),
      failing(every(of('nginx'), status(504), timing('none', 'answered')), 'fits'),
    ],
    {
      summary: [
        '{host} took the connection and gave no answer in time: {count} requests ran into a read timeout.',
        '{host} 已建立连接但未及时应答：{count} 个请求触发读超时。',
      ],
      fix: [
        'Make the page faster, or move its work into the background; only then raise the timeout, from the inside out.',
        '优化页面或把耗时任务改为异步；之后再由内向外逐级调大超时。',
      ],
      steps: [
        [
          'See where the time goes: php-fpm request_slowlog_timeout, the slow query log of the database, a trace of the application',
          '查看耗时所在：php-fpm 的 request_slowlog_timeout、数据库慢查询日志、应用链路追踪',
        ],
        [
          'The timeouts: proxy_read_timeout / fastcgi_read_timeout / uwsgi_read_timeout (nginx, 60s), timeout server (HAProxy), ProxyTimeout (Apache), idle timeout (ALB), request timeout (CLB, at most 180)',
          '相关超时：proxy_read_timeout / fastcgi_read_timeout / uwsgi_read_timeout（nginx，60s）、timeout server（HAProxy）、ProxyTimeout（Apache）、idle timeout（ALB）、请求超时（CLB，最大 180）',
        ],
      ],
      verify: ['The slow page answers, and the longest request stays well below the timeout.', '慢页面可以返回，且最长请求明显低于超时。'],
      tell: [
        'The backend’s own log and metrics for these minutes: workers in use, CPU, database.',
        '后端在这些分钟内的日志与指标：进程占用、CPU、数据库。',
      ],
      consequenceOf: [
        'fpm-max-children',
        'dependency-slow',
        'dependency-unreachable',
        'dependency-down',
        'dependency-dns-failed',
        'cpu-saturated',
        'apache-max-request-workers',
        'tomcat-threads-exhausted',
        'uwsgi-harakiri',
        'gunicorn-worker-timeout',
        'backend-frozen',
        'oom-killed',
        'filesystem-readonly',
        'memory-pressure',
        'hairpin-loop',
        'listen-backlog-overflow',
        'app-waits-on-external-service',
      ],
    },
  ),
  ruleOf(
    'response-stall-mid-body',
    'app-runtime',
    ['The answer breaks off in its middle', '响应在中途中断'],
    [
      about(['body-timeout', 'reset-reading-body', 'premature-close-body'], 'suggests', 'upstream'),
      failing(haproxy('SD', 'sD'), 'suggests'),
      failing(every(of('gcp-lb'), reasonLike(/closed_after_partial_response/)), 'suggests'),
    ],
    {
      summary: [
        '{host} broke off {count} answers in the middle; clients saw the first status with a short body.',
        '{host} 有 {count} 个响应只发送了一部分；客户端看到原状态码但内容不完整。',
      ],
      fix: ['See what ended or stalled the application in mid-answer.', '查明应用在响应中途终止或停滞的原因。'],
      steps: [
        ['Compare with the backend’s log of the same second: a crash, a kill, a limit', '对照后端同一秒的日志：崩溃、被杀或触及限制'],
        [
          'For long streams raise proxy_read_timeout: it is the gap between two reads',
          '长流式响应可调大 proxy_read_timeout（两次读取之间的间隔）',
        ],
      ],
      verify: ['The body is as long as Content-Length says.', '响应体长度与 Content-Length 一致。'],
      tell: ['The backend’s log of the same second.', '后端同一秒的日志。'],
      consequenceOf: [
        'oom-killed',
        'fpm-worker-crash',
        'fpm-terminate-timeout',
        'fpm-reload-kills-requests',
        'disk-full',
        'php-fatal-error',
        'php-memory-limit',
        'fpm-max-execution-time',
      ],
    },
  ),
  ruleOf(
    'keepalive-race',
    'balancer',
    ['The backend closes an idle connection just as the balancer uses it again', '后端关闭空闲连接时恰被负载均衡复用'],
    [
      ...closedAnswers('fits'),
      about(['reset-sending-request', 'upstream-tls-read'], 'fits', 'upstream'),
      about(['go-closed'], 'suggests', 'upstream', says(/server closed idle connection/)),
      failing(haproxy('SH'), 'fits'),
      failing(envoy('UC'), 'fits'),
      failing(every(of('iis'), reasonLike(/win32:12030/)), 'fits'),
      failing(every(of('nginx', 'aws-alb'), status(502), own, timing('instant')), 'fits'),
      failing(every(of('gcp-lb'), reasonLike(/backend_connection_closed_before_data_sent/)), 'suggests'),
    ],
    {
      summary: [
        '{host} closed {count} connections just as the balancer used one again: its keep-alive time is shorter than the balancer’s.',
        '{host} 在连接被复用时关闭了连接（{count} 次）：其长连接超时短于负载均衡。',
      ],
      fix: ['Let the backend keep idle connections longer than the balancer does.', '让后端的空闲长连接时间大于负载均衡。'],
      steps: [
        [
          'Behind AWS ALB (60 s): Node server.keepAliveTimeout = 65000 and headersTimeout = 66000; gunicorn --keep-alive 75; behind Google (600 s): 620 s',
          'AWS ALB（60 秒）之后：Node server.keepAliveTimeout = 65000、headersTimeout = 66000；gunicorn --keep-alive 75；Google（600 秒）之后：620 秒',
        ],
        [
          'Or let the balancer drop them sooner: keepalive_timeout 4s in nginx’s upstream block, HAProxy pool-purge-delay, retry-on empty-response',
          '或让负载均衡更早关闭：nginx upstream 中 keepalive_timeout 4s、HAProxy pool-purge-delay、retry-on empty-response',
        ],
      ],
      verify: ['A day without such a line.', '一天内不再出现此类日志。'],
      tell: [
        'The backend’s log (no line about these requests means that it never read them) and both keep-alive times.',
        '后端日志（若没有这些请求的记录，说明未读取到）以及双方的长连接超时。',
      ],
      consequenceOf: [
        'fpm-worker-crash',
        'fpm-terminate-timeout',
        'oom-killed',
        'gunicorn-worker-timeout',
        'app-crash-loop',
        'deploy-drain-race',
      ],
    },
  ),
  ruleOf(
    'deploy-drain-race',
    'app-runtime',
    ['A service was stopped or reloaded while requests were on their way', '发布或重启期间请求未排空'],
    [
      together(
        [closedAnswer, near(['systemd-stopped', 'gunicorn-stopping', 'uwsgi-lifecycle', 'apache-stopping'], 'fits', 'writer')],
        'suggests',
        'upstream',
      ),
      together(
        [about(lines.refused, 'fits', 'upstream', plainRefused), near(['gunicorn-stopping', 'uwsgi-lifecycle'], 'fits', 'writer')],
        'suggests',
        'upstream',
      ),
      failing(haproxy('DC', 'DH', 'DD'), 'fits'),
      ...closedBy(not(isFastcgi)),
      ...closedRequests,
    ],
    {
      summary: [
        'A service on {host} was stopped or restarted in the same minute in which {count} requests failed.',
        '{host} 上的服务在 {count} 个请求失败的同一分钟被停止或重启。',
      ],
      fix: [
        'Take a backend out of the balancer before it is stopped, and let it finish its requests.',
        '先将后端移出负载均衡，待请求处理完再停止。',
      ],
      steps: [
        [
          'Drain first: HAProxy set server B/S state drain; Kubernetes preStop sleep and readiness; ALB deregistration delay',
          '先排空：HAProxy set server B/S state drain；Kubernetes 使用 preStop sleep 与就绪探针；ALB 使用 deregistration delay',
        ],
        [
          'Give it time to end: graceful_timeout, TimeoutStopSec=, terminationGracePeriodSeconds',
          '留出结束时间：graceful_timeout、TimeoutStopSec=、terminationGracePeriodSeconds',
        ],
      ],
      verify: ['A deploy under load without a 5xx.', '负载下发布不再出现 5xx。'],
      tell: ['The times of deploys.', '发布的时间。'],
      consequenceOf: ['oom-killed', 'app-crash-loop'],
    },
  ),
  ruleOf(
    'upload-closed-by-backend',
    'web-server',
    ['The backend closes before it has read the request body', '后端在读完请求体之前关闭连接'],
    [
      about(['reset-sending-request'], 'fits', 'upstream', not(isBodyless)),
      about(['apache-request-body', 'send-timeout'], 'fits', 'upstream'),
      // The backend says itself that the body was too large for it. What the proxy refuses is another request.
      together(
        [about(['reset-sending-request', 'apache-request-body'], 'fits', 'upstream'), near(['request-body-too-large'], 'fits', 'writer')],
        'suggests',
        'upstream',
        60,
        ([closed, refusal]) => closed?.input !== refusal?.input,
      ),
      failing(every(of('gcp-lb'), reasonLike(/backend_early_response_with_non_error_status/)), 'suggests'),
    ],
    {
      summary: ['{host} closed {count} connections before it had read the request body.', '{host} 在读完请求体之前关闭了 {count} 个连接。'],
      fix: ['Align the limits of body size at every hop.', '统一各跳的请求体大小限制。'],
      steps: [
        [
          'client_max_body_size (nginx), post_max_size and upload_max_filesize (PHP), maxSwallowSize (Tomcat), LimitRequestBody (Apache)',
          'client_max_body_size（nginx）、post_max_size 与 upload_max_filesize（PHP）、maxSwallowSize（Tomcat）、LimitRequestBody（Apache）',
        ],
        ['The backend’s log says whether it answered 413 or 401 before it closed', '后端日志可看出关闭前是否已返回 413 或 401'],
      ],
      verify: ['Uploads of rising size all succeed.', '逐步增大的上传均成功。'],
      tell: ['The backend’s log, and whether small bodies fail too (then it is not this).', '后端日志；若小请求体也失败则不是此原因。'],
      consequenceOf: ['oom-killed', 'fpm-worker-crash', 'upstream-tls-mismatch'],
    },
  ),
  ruleOf(
    'upstream-protocol-mismatch',
    'balancer',
    ['The proxy speaks another protocol than the service on that port', '代理与该端口的服务协议不一致'],
    [
      about(['fastcgi-unsupported'], 'proves', 'upstream'),
      about(['fastcgi-record-invalid', 'apache-ajp-signature'], 'suggests', 'upstream'),
      about(['response-header-invalid'], 'suggests', 'upstream', says(/no valid HTTP/)),
      about(['grpc-frame-invalid'], 'suggests', 'upstream', ({ fields }) => fields['size'] !== undefined),
      about(['grpc-frame-invalid'], 'fits', 'upstream'),
      about(['go-malformed'], 'suggests', 'upstream', says(/malformed HTTP (?:response|version|status)/)),
      about(['go-tls-failed'], 'fits', 'upstream', says(/HTTP response to HTTPS/)),
      about(['reset-reading-header'], 'fits', 'upstream', (event) => !isFastcgi(event)),
      near(
        ['uwsgi-block-size'],
        'suggests',
        'writer',
        ({ fields }) => Number(fields['bytes'] ?? 0) > 16_384 && Number(fields['limit'] ?? 0) <= 8192,
      ),
      failing(haproxy('PH'), 'fits'),
      failing(envoy('UPE'), 'fits'),
      about(['apache-bad-response'], 'fits', 'upstream', says(/bogus version|bogus rid/)),
    ],
    {
      summary: [
        'What {host} sends is not the protocol that the proxy speaks to it: {count} answers could not be read.',
        '{host} 返回的内容不是代理所用的协议：{count} 个响应无法解析。',
      ],
      fix: ['Use the directive and port of the protocol that the service speaks.', '使用与服务协议相符的指令与端口。'],
      steps: [
        [
          'php-fpm wants fastcgi_pass, uWSGI’s socket wants uwsgi_pass, its http-socket and web servers want proxy_pass, gRPC wants grpc_pass',
          'php-fpm 用 fastcgi_pass；uWSGI 的 socket 用 uwsgi_pass，http-socket 与 Web 服务器用 proxy_pass；gRPC 用 grpc_pass',
        ],
        ['Ask the port by hand: curl -v http://ADDRESS:PORT/', '手工访问该端口：curl -v http://地址:端口/'],
      ],
      verify: ['curl straight to the port answers in HTTP.', '直接 curl 该端口得到 HTTP 应答。'],
      tell: ['curl -v to the backend’s port, and the proxy’s configuration.', 'curl -v 后端端口，以及代理配置。'],
    },
  ),
  ruleOf(
    'upstream-invalid-header',
    'application',
    ['The response has a header that the proxy does not accept', '响应头不合法，代理拒绝'],
    [
      about(
        ['response-header-invalid'],
        'proves',
        'upstream',
        says(/invalid header|invalid status|duplicate header|invalid "Content-Length"|invalid chunked|unexpected/),
      ),
      about(['response-length-conflict'], 'proves', 'upstream'),
      about(['apache-response-invalid'], 'suggests', 'upstream'),
      about(['grpc-frame-invalid'], 'suggests', 'upstream', says(/:status|header/)),
      about(
        ['apache-bad-response'],
        'suggests',
        'upstream',
        says(/bad HTTP|bogus (?:non-)?header|bogus HTTP|Error parsing script headers|(?:Invalid|Corrupt) (?:Content-Length|status line)/),
      ),
      failing(haproxy('PH'), 'fits'),
    ],
    {
      summary: [
        '{host} sent headers that the proxy refuses: {count} answers became 502.',
        '{host} 返回的响应头被代理拒绝：{count} 个响应变为 502。',
      ],
      fix: [
        'Correct the header in the application: no blanks in names, no control characters, one length.',
        '在应用中修正响应头：名称无空格、无控制字符、长度声明唯一。',
      ],
      steps: [
        [
          'See it raw: printf "GET /x HTTP/1.1\\r\\nHost: H\\r\\nConnection: close\\r\\n\\r\\n" | nc ADDRESS PORT | head',
          '查看原始响应：printf "GET /x HTTP/1.1\\r\\nHost: H\\r\\nConnection: close\\r\\n\\r\\n" | nc 地址 端口 | head',
        ],
        [
          'Content-Length and Transfer-Encoding must not both be sent; newer nginx refuses it',
          'Content-Length 与 Transfer-Encoding 不可同时发送；新版 nginx 会拒绝',
        ],
      ],
      verify: ['No new “upstream sent invalid” line.', '不再出现 “upstream sent invalid”。'],
      tell: ['The raw answer of the backend; HAProxy: show errors.', '后端的原始响应；HAProxy 可用 show errors。'],
    },
  ),
  ruleOf(
    'upstream-malformed-response',
    'application',
    ['What the backend sends is not a whole, valid response', '后端返回的响应不完整或不合法'],
    [
      failing(haproxy('PH'), 'fits'),
      failing(envoy('UPE'), 'suggests'),
      failing(every(of('iis'), reasonLike(/win32:12152/)), 'suggests'),
      failing(every(of('gcp-lb'), reasonLike(/backend_response_corrupted|invalid_http/)), 'suggests'),
      about(['envoy-protocol-error'], 'suggests', 'upstream'),
      about(['apache-bad-response'], 'suggests', 'upstream', says(/chunk|malformed|Transfer-Encoding|No HTTP headers/)),
      about(['go-malformed'], 'suggests', 'upstream', says(/MIME header|invalid header|transport connection broken/)),
      about(['response-header-invalid'], 'fits', 'upstream'),
      about(['apache-cgi-no-headers'], 'fits', 'writer'),
    ],
    {
      summary: ['{host} does not speak valid HTTP: {count} answers could not be used.', '{host} 返回了 {count} 个不合法的 HTTP 响应。'],
      fix: ['Look at the raw answer, and mend the application or server that makes it.', '查看原始响应，修复产生它的应用或服务器。'],
      steps: [
        ['curl --raw -v straight to the backend', '直接对后端执行 curl --raw -v'],
        [
          'A script that prints before its headers, a crash in mid-answer and a second proxy are the usual sources',
          '常见来源：脚本先于响应头输出、中途崩溃、又一层代理',
        ],
      ],
      verify: ['The raw answer is valid.', '原始响应合法。'],
      tell: ['The raw answer of the backend and its own log.', '后端的原始响应与其日志。'],
      consequenceOf: ['upstream-invalid-header', 'header-too-large-response', 'upstream-protocol-mismatch', 'php-fatal-error'],
    },
  ),
  ruleOf(
    'header-too-large-response',
    'balancer',
    ['The response’s headers are too large for a proxy', '响应头超过代理缓冲区'],
    [
      about(['response-header-too-big'], 'proves', 'upstream'),
      about(['apache-bad-response'], 'suggests', 'upstream', says(/ResponseFieldSize|over the limit|too large/)),
      about(['apache-ajp-too-big'], 'suggests', 'upstream'),
      about(['tomcat-header-too-large'], 'suggests', 'writer', says(/response headers/)),
      failing(haproxy('PH'), 'fits'),
      failing(every(of('gcp-lb'), reasonLike(/backend_response_headers_too_long/)), 'proves'),
      failing(every(of('envoy'), reasonLike(/headers_too_large/)), 'suggests'),
    ],
    {
      summary: [
        'The response headers of {host} did not fit into the proxy’s buffer: {count} answers became 502.',
        '{host} 的响应头超过代理缓冲区：{count} 个响应变为 502。',
      ],
      fix: ['Enlarge the buffer, or send smaller headers (cookies, debug headers).', '调大缓冲区，或减小响应头（Cookie、调试头）。'],
      steps: [
        [
          'proxy_buffer_size 16k; proxy_buffers 8 16k; proxy_busy_buffers_size 32k;',
          'proxy_buffer_size 16k; proxy_buffers 8 16k; proxy_busy_buffers_size 32k;',
        ],
        [
          'For PHP: fastcgi_buffer_size 32k; fastcgi_buffers 16 16k; fastcgi_busy_buffers_size 32k; HAProxy: tune.bufsize 32768',
          'PHP：fastcgi_buffer_size 32k; fastcgi_buffers 16 16k; fastcgi_busy_buffers_size 32k；HAProxy：tune.bufsize 32768',
        ],
      ],
      verify: [
        'curl -sD- -o /dev/null straight to the backend | wc -c is below the buffer.',
        '直接访问后端时 curl -sD- -o /dev/null | wc -c 小于缓冲区。',
      ],
      tell: ['The size of the backend’s response headers for such a user.', '该用户请求的响应头大小。'],
    },
  ),
  ruleOf(
    'header-too-large-request',
    'balancer',
    ['The request’s headers or URL are too large', '请求头或 URL 过大'],
    [
      about(['request-header-too-long'], 'fits', 'writer'),
      about(['apache-request-too-big'], 'suggests', 'writer'),
      about(['tomcat-header-too-large'], 'fits', 'writer', says(/[Rr]equest header/)),
      near(['uwsgi-block-size'], 'fits', 'writer', ({ fields }) => Number(fields['bytes'] ?? 0) <= 16_384),
      failing(haproxy('PR'), 'fits', 'writer'),
    ],
    {
      summary: ['{count} requests had larger headers than {host} takes.', '{count} 个请求的请求头超过 {host} 的限制。'],
      fix: ['Send fewer cookies, or raise the limit at every hop.', '减少 Cookie，或在各跳调大限制。'],
      steps: [
        [
          'nginx: large_client_header_buffers 4 32k; HAProxy: tune.bufsize',
          'nginx：large_client_header_buffers 4 32k；HAProxy：tune.bufsize',
        ],
        [
          'Tomcat: maxHttpHeaderSize; gunicorn: --limit-request-field_size',
          'Tomcat：maxHttpHeaderSize；gunicorn：--limit-request-field_size',
        ],
      ],
      verify: ['The same request succeeds.', '同一请求成功。'],
      tell: ['The size of the client’s headers.', '客户端请求头的大小。'],
    },
  ),
  ruleOf(
    'upstream-tls-mismatch',
    'balancer',
    ['TLS between proxy and backend does not fit', '代理与后端之间的 TLS 不匹配'],
    [
      about(
        ['upstream-tls-failed', 'apache-backend-tls', 'go-tls-failed'],
        'suggests',
        'upstream',
        (event) => !says(/unrecognized name|unrecognized_name|alert number 112/)(event),
      ),
      about(
        ['upstream-tls-failed'],
        'proves',
        'upstream',
        says(
          /wrong version number|unknown protocol|packet length too long|alert number 70|unsupported protocol|no protocols available|record layer failure/,
        ),
      ),
      about(['go-tls-failed'], 'proves', 'upstream', says(/first record does not look like|HTTP response to HTTPS/)),
      about(['envoy-connect-failure'], 'suggests', 'upstream', says(/TLS|SSL|WRONG_VERSION/)),
      near(checks, 'suggests', 'none', says(/wrong version number|unsupported protocol|protocol version|unknown protocol|packet length/)),
      near(checks, 'fits', 'none', says(/SSL handshake failure|Layer6 inv/)),
      // Plain HTTP to the port of HTTPS.
      about([...lines.closed, 'response-header-invalid', 'go-malformed'], 'suggests', 'upstream', isPlainToTlsPort),
      about(['client-tls-handshake'], 'fits', 'writer', says(/first record does not look/)),
      about(['upstream-tls-read', 'tls-timeout'], 'fits', 'upstream'),
      failing(every(of('cloudflare'), status(525)), 'suggests'),
      failing(every(of('iis'), reasonLike(/win32:12175/)), 'suggests'),
      failing(every(of('gcp-lb'), reasonLike(/failed_to_negotiate_alpn|ssl_/)), 'suggests'),
      failing(every(envoy('UF'), reasonLike(/TLS|SSL/)), 'suggests'),
    ],
    {
      summary: [
        'The TLS handshake with {host} failed {count} times: one side speaks plain HTTP there, or both have no version in common.',
        '与 {host} 的 TLS 握手失败 {count} 次：一侧使用明文 HTTP，或没有共同的协议版本。',
      ],
      fix: ['Use the right scheme for the port, and send the name.', '为该端口使用正确的协议，并发送 SNI。'],
      steps: [
        [
          '“wrong version number” means plain HTTP: write proxy_pass http://…, or the TLS port',
          '“wrong version number” 表示对方是明文 HTTP：改为 proxy_pass http://…，或使用 TLS 端口',
        ],
        [
          'nginx: proxy_ssl_server_name on; proxy_ssl_name NAME; proxy_ssl_protocols TLSv1.2 TLSv1.3; HAProxy: ssl sni str(NAME)',
          'nginx：proxy_ssl_server_name on; proxy_ssl_name 域名; proxy_ssl_protocols TLSv1.2 TLSv1.3；HAProxy：ssl sni str(域名)',
        ],
      ],
      verify: [
        'openssl s_client -connect ADDRESS:PORT -servername NAME succeeds.',
        'openssl s_client -connect 地址:端口 -servername 域名 成功。',
      ],
      tell: ['openssl s_client from the proxy to the backend.', '从代理到后端执行 openssl s_client。'],
      consequenceOf: ['upstream-sni-missing', 'upstream-tls-verify-failed', 'certificate-expired'],
    },
  ),
  ruleOf(
    'upstream-sni-missing',
    'balancer',
    ['The proxy does not send the name in TLS, or the wrong one', '代理未发送 SNI，或名称错误'],
    [
      about(['upstream-tls-failed', 'go-tls-failed'], 'suggests', 'upstream', says(/unrecognized.name|alert number 112/)),
      // No common cipher and a certificate of the client that is missing end alike.
      about(
        ['upstream-tls-failed', 'go-tls-failed'],
        'fits',
        'upstream',
        says(/handshake failure|alert number 40|internal error|alert number 80|peer closed/),
      ),
      near(checks, 'suggests', 'none', says(/unrecognized name/)),
      near(checks, 'fits', 'none', says(/SSL handshake failure|Layer6 inv/)),
    ],
    {
      summary: [
        '{host} refused {count} TLS handshakes: it needs the server name, and the proxy sends none (or another).',
        '{host} 拒绝了 {count} 次 TLS 握手：它需要 SNI，而代理未发送（或发送了错误的名称）。',
      ],
      fix: ['Send the name: nginx does not do so by default.', '发送 SNI：nginx 默认不发送。'],
      steps: [
        [
          'nginx: proxy_ssl_server_name on; proxy_ssl_name NAME; and proxy_set_header Host NAME;',
          'nginx：proxy_ssl_server_name on; proxy_ssl_name 域名; 以及 proxy_set_header Host 域名;',
        ],
        [
          'HAProxy: server … ssl sni str(NAME); Apache: ProxyPreserveHost decides the name',
          'HAProxy：server … ssl sni str(域名)；Apache：ProxyPreserveHost 决定名称',
        ],
      ],
      verify: ['openssl s_client with -servername succeeds and without it fails.', 'openssl s_client 带 -servername 成功，不带则失败。'],
      tell: ['openssl s_client with and without -servername.', '分别带与不带 -servername 的 openssl s_client。'],
    },
  ),
  ruleOf(
    'upstream-tls-verify-failed',
    'balancer',
    ['The proxy does not accept the backend’s certificate', '代理不信任后端证书'],
    [
      about(['upstream-tls-verify', 'go-tls-verify'], 'proves', 'upstream'),
      about(['apache-backend-certificate'], 'suggests', 'upstream'),
      about(['envoy-connect-failure'], 'suggests', 'upstream', says(/CERTIFICATE_VERIFY_FAILED/)),
      near(checks, 'suggests', 'none', says(/certificate verify failed/)),
      near(checks, 'fits', 'none', says(/SSL handshake failure|Layer6 inv/)),
      failing(every(envoy('UF'), reasonLike(/CERTIFICATE_VERIFY/)), 'suggests'),
      failing(every(of('gcp-lb'), reasonLike(/tls_certificate/)), 'suggests'),
      failing(every(of('cloudflare'), status(526)), 'suggests'),
    ],
    {
      summary: [
        'The proxy did not accept the certificate of {host}: {count} requests failed.',
        '代理不信任 {host} 的证书：{count} 个请求失败。',
      ],
      fix: [
        'Renew or complete the certificate, or name the authority and the name to expect.',
        '更新或补全证书链，或配置受信任的 CA 与期望的名称。',
      ],
      steps: [
        [
          'openssl s_client -connect ADDRESS:PORT -servername NAME -showcerts: dates, names, chain',
          'openssl s_client -connect 地址:端口 -servername 域名 -showcerts：检查有效期、名称、证书链',
        ],
        [
          'nginx: proxy_ssl_trusted_certificate FILE; proxy_ssl_name NAME; Cloudflare: an origin certificate; Caddy: tls_trust_pool',
          'nginx：proxy_ssl_trusted_certificate 文件; proxy_ssl_name 域名；Cloudflare：源站证书；Caddy：tls_trust_pool',
        ],
      ],
      verify: ['openssl s_client -verify_return_error -CAfile FILE succeeds.', 'openssl s_client -verify_return_error -CAfile 文件 成功。'],
      tell: ['openssl s_client -showcerts from the proxy.', '从代理执行 openssl s_client -showcerts。'],
      consequenceOf: ['certificate-expired'],
    },
  ),
  ruleOf(
    'certificate-expired',
    'balancer',
    ['A certificate between the hops has expired', '链路上的证书已过期'],
    [
      about(
        ['upstream-tls-verify', 'apache-backend-certificate', 'go-tls-verify'],
        'proves',
        'upstream',
        says(/has expired|\(10:|not yet valid/),
      ),
      about(['upstream-tls-failed'], 'suggests', 'upstream', says(/certificate expired|alert number 45/)),
    ],
    {
      summary: ['The certificate of {host} has expired: {count} requests failed.', '{host} 的证书已过期：{count} 个请求失败。'],
      fix: ['Renew it, and have renewals watched.', '更新证书，并监控续期。'],
      steps: [
        [
          'openssl x509 -enddate -noout -in FILE on the backend; renew; reload',
          '在后端执行 openssl x509 -enddate -noout -in 文件；续期后重载',
        ],
        ['Check the clock of the proxy too', '同时检查代理的时钟'],
      ],
      verify: ['openssl s_client shows the new dates.', 'openssl s_client 显示新的有效期。'],
      tell: ['The dates of the certificate and the clock of the proxy.', '证书有效期与代理时钟。'],
    },
  ),
  ruleOf(
    'upstream-resolver-failed',
    'balancer',
    ['The proxy cannot look up the upstream’s name', '代理无法解析上游域名'],
    [
      about(['resolver-failed', 'no-resolver', 'apache-dns', 'go-name'], 'proves', 'none'),
      about(['lua-dns'], 'suggests', 'none'),
      near(['host-not-found', 'resolver-unreachable'], 'suggests', 'writer'),
      near(['haproxy-config-error'], 'suggests', 'writer', says(/could not resolve address/)),
      near(['haproxy-server-maintenance'], 'suggests', 'writer', says(/DNS|No IP for server/)),
      failing(envoy('DF'), 'proves', 'none'),
      failing(every(of('iis'), reasonLike(/win32:12007/)), 'proves', 'none'),
      failing(every(of('envoy'), reasonLike(/dns_resolution_failure/)), 'proves', 'none'),
      failing(every(of('cloudflare'), status(530)), 'fits', 'none'),
    ],
    {
      summary: [
        'The proxy could not look up the name of an upstream: {count} requests failed.',
        '代理无法解析上游域名：{count} 个请求失败。',
      ],
      fix: ['Give the proxy a resolver that knows the name, or correct the name.', '为代理配置能解析该域名的 DNS，或更正域名。'],
      steps: [
        ['dig @RESOLVER NAME from the proxy (in its container)', '在代理（容器内）执行 dig @DNS 域名'],
        [
          'nginx: resolver ADDRESS valid=10s; (Docker: 127.0.0.11, Kubernetes: the cluster DNS and the full name SERVICE.NAMESPACE.svc.cluster.local)',
          'nginx：resolver 地址 valid=10s;（Docker：127.0.0.11；Kubernetes：集群 DNS 与完整名称 服务.命名空间.svc.cluster.local）',
        ],
      ],
      verify: ['dig answers, and no new “could not be resolved”.', 'dig 有应答，且不再出现 “could not be resolved”。'],
      tell: ['dig from the proxy.', '从代理执行 dig。'],
    },
  ),
  ruleOf(
    'stale-dns-upstream',
    'balancer',
    ['The proxy still uses an old address of the backend', '代理仍使用后端的旧地址'],
    [
      about([...lines.noRoute, ...lines.refused], 'fits', 'upstream', (event) => plainRefused(event) && !isLoopback(event)),
      together(
        [
          about([...lines.noRoute, ...lines.refused, ...lines.connectTimeout], 'fits', 'upstream', plainRefused),
          near(['haproxy-resolver'], 'fits', 'writer'),
        ],
        'fits',
        'upstream',
        3600,
      ),
    ],
    {
      summary: ['{count} requests went to {host}, which may be an old address.', '{count} 个请求发往 {host}，可能是旧地址。'],
      fix: ['Have the name looked up again while the proxy runs.', '让代理在运行期间重新解析域名。'],
      steps: [
        ['Compare the address in the error line with dig NAME', '比较错误行中的地址与 dig 域名 的结果'],
        [
          'nginx: resolver ADDRESS valid=10s; and a variable in proxy_pass, or server NAME resolve;; a reload mends it for now',
          'nginx：resolver 地址 valid=10s; 并在 proxy_pass 中使用变量，或 server 域名 resolve;；重载可暂时恢复',
        ],
      ],
      verify: ['After a change of the record the proxy follows within its time to live.', '修改解析后，代理在 TTL 内跟随更新。'],
      tell: ['dig NAME against the address in the log; whether a reload mends it.', '比较 dig 域名 与日志中的地址；重载是否恢复。'],
    },
  ),
  ruleOf(
    'vhost-default-drops',
    'web-server',
    ['The backend’s default server refuses the Host that the proxy sends', '后端默认站点拒绝代理发送的 Host'],
    [
      about(['premature-close'], 'fits', 'upstream'),
      together([about(['premature-close'], 'fits', 'upstream'), failing(status(444), 'suggests', 'writer')], 'suggests', 'upstream'),
    ],
    {
      summary: ['{host} closed {count} requests without an answer (444).', '{host} 对 {count} 个请求直接关闭连接（444）。'],
      fix: ['Send the client’s Host.', '转发客户端的 Host。'],
      steps: [
        ['nginx on the proxy: proxy_set_header Host $host;', '代理上的 nginx：proxy_set_header Host $host;'],
        ['Or add the name to server_name of the backend', '或在后端 server_name 中加入该名称'],
      ],
      verify: ['The backend’s access log shows 200 for the Host.', '后端访问日志对该 Host 显示 200。'],
      tell: ['The backend’s access log: 444, and the Host.', '后端访问日志：444 及其 Host。'],
    },
  ),
  ruleOf(
    'app-returned-5xx',
    'application',
    ['The application answered 5xx itself', '应用自身返回 5xx'],
    [
      failing(
        ({ answeredBy, status: is }) => answeredBy === 'upstream' && is !== null && is >= 500 && ![502, 504].includes(is),
        'suggests',
      ),
      failing(({ answeredBy, status: is }) => answeredBy === 'upstream' && is !== null && [502, 504].includes(is), 'fits'),
      failing(({ timing: is, product, status: code }) => product === 'nginx' && is === 'answered' && code === 500, 'suggests'),
      failing(
        every(of('haproxy'), ({ reason, status: is }) => reason !== null && reason.startsWith('--') && is !== null && is >= 500),
        'suggests',
      ),
      failing(every(of('aws-alb'), reasonLike(/^Lambda/)), 'suggests'),
      about(['gunicorn-request-error', 'tomcat-servlet-error'], 'suggests', 'writer'),
      near(
        ['node-uncaught', 'uwsgi-exception', 'monolog-error', 'rails-error', 'rack-error', 'go-panic', 'dotnet-unhandled'],
        'suggests',
        'writer',
      ),
      near(['wsgi-error'], 'suggests', 'writer', not(says(/^Timeout|: Timeout when/))),
      about(['apache-cgi-no-headers', 'apache-cgi-failed'], 'fits', 'writer'),
      about(['lua-error', 'balancer-lua', 'internal-error-config', 'proxy-url-invalid'], 'fits', 'writer'),
      near(['fastcgi-stderr', 'fpm-stderr'], 'fits', 'writer'),
    ],
    {
      summary: ['The service at {host} answered {count} requests with 5xx itself.', '{host} 的服务自身对 {count} 个请求返回了 5xx。'],
      fix: ['Look into the application’s own log for these requests.', '查看应用自身日志中的这些请求。'],
      steps: [
        [
          'Ask the backend straight: curl -v --resolve NAME:PORT:ADDRESS http://NAME:PORT/PATH',
          '直接请求后端：curl -v --resolve 域名:端口:地址 http://域名:端口/路径',
        ],
        ['Give these logs together: the proxy’s access log and the application’s error log', '把代理访问日志与应用错误日志一并分析'],
      ],
      verify: ['The same request answers 200.', '同一请求返回 200。'],
      tell: ['The application’s error log.', '应用的错误日志。'],
      consequenceOf: [
        'php-fatal-error',
        'php-memory-limit',
        'fpm-max-execution-time',
        'dependency-down',
        'dependency-slow',
        'dependency-unreachable',
        'dependency-dns-failed',
        'disk-full',
        'fd-exhausted',
        'filesystem-readonly',
        'memory-pressure',
        'app-crash-loop',
        'apache-htaccess-invalid',
        'upstream-malformed-response',
        'temp-dir-permission',
        'rewrite-cycle',
        'auth-subrequest-failed',
        'unicorn-worker-timeout',
        'header-too-large-response',
      ],
    },
  ),
];
