// Causes in the configuration and state of a proxy or balancer.
import type { EventGroup } from '../../records.ts';
import type { LogRule } from '../rule.ts';
import {
  about,
  checks,
  envoy,
  errnoIn,
  every,
  failing,
  gatewayError,
  haproxy,
  isProxyUnit,
  lasting,
  lines,
  near,
  noServer,
  not,
  of,
  own,
  reasonLike,
  ruleOf,
  says,
  slowAnswer,
  status,
  together,
} from './witness.ts';

const noLive = about(['no-live-upstreams', 'apache-workers-all-error', 'go-no-upstream', 'envoy-no-healthy'], 'suggests', 'none');
const connecting: ReadonlySet<string | null> = new Set<string | null>(
  [lines.refused, lines.noRoute, lines.connectTimeout, lines.noSuchFile, lines.networkUnreachable].flat(),
);
const isFailedConnect = ({ signature }: EventGroup): boolean => connecting.has(signature);
const isSameTime = ({ minutes }: EventGroup, other: EventGroup): boolean =>
  minutes.size === 0 || [...minutes.keys()].some((minute) => [minute - 1, minute, minute + 1].some((each) => other.minutes.has(each)));
/** nginx writes the name of the group for the address when it has no live member. */
const groupName = every(
  of('nginx'),
  status(502),
  ({ tries }) => !/^502@(?:x{2,}|\*+|_+|<[^>]*>|\[[^\]]*\]|redacted|hidden)$/i.test(tries),
  ({ tries, backend }) => /^502@[^\s.:/@]+$/.test(tries) || (tries === '' && backend !== null && /^[^\s.:/]+$/.test(backend)),
);
const rewriteFailed = failing(every(haproxy('PR', 'PH', 'IR', 'IH'), status(500)), 'suggests', 'writer');
const checkFails = (reason: RegExp) => near(checks, 'suggests', 'none', says(reason));
const nobody = failing(every(haproxy('SC'), noServer), 'suggests', 'none');

/** Signal 9 comes from outside: an operator, or the kernel for memory. */
const notKilled = ({ fields }: EventGroup): boolean => fields['signal'] !== '9' && fields['code'] !== '137';

export const balancerRules: readonly LogRule[] = [
  ruleOf(
    'no-live-upstreams',
    'balancer',
    ['The proxy holds every backend for failed', '代理认为所有后端均不可用'],
    [
      // Where an attempt to connect failed before, that is what has to be found, and this only follows.
      about(noLive.signatures, 'fits', 'none'),
      about(
        noLive.signatures,
        'suggests',
        'none',
        (event, all = []) => !all.some((other) => isFailedConnect(other) && isSameTime(event, other)),
      ),
      near(['haproxy-no-server'], 'suggests', 'none'),
      nobody,
      failing(groupName, 'suggests', 'none'),
      failing(envoy('UH'), 'suggests', 'none'),
      failing(every(of('gcp-lb'), reasonLike(/failed_to_pick_backend/)), 'suggests', 'none'),
      failing(every(of('iis'), reasonLike(/^502\.4/)), 'suggests', 'none'),
      about(['apache-worker-disabled', 'upstream-disabled'], 'fits', 'upstream'),
      near(['haproxy-server-down', 'varnish-fetch-failed'], 'fits', 'none'),
      near(checks, 'fits', 'none', says(/status: 0\/\d{1,4} DOWN/)),
    ],
    {
      summary: [
        'The proxy had no backend left that it holds for healthy: {count} requests were answered without one.',
        '代理没有可用的健康后端：{count} 个请求未转发即失败。',
      ],
      fix: [
        'Find the first error that took the backends out; this is only its consequence.',
        '查找最先导致后端被摘除的错误；本现象只是其结果。',
      ],
      steps: [
        [
          'Look at the lines in the ten seconds before: connect errors, timeouts, failed health checks',
          '查看之前十秒的日志：连接错误、超时、健康检查失败',
        ],
        [
          'nginx: max_fails=3 fail_timeout=10s for each server (the default is one failure), and proxy_next_upstream without timeout for slow pages',
          'nginx：为每个 server 设置 max_fails=3 fail_timeout=10s（默认一次失败即摘除），慢页面的 proxy_next_upstream 去掉 timeout',
        ],
      ],
      verify: ['No new “no live upstreams” / “no server available”.', '不再出现 “no live upstreams” / “no server available”。'],
      tell: [
        'The proxy’s error log before this, its health-check log, and the backends’ logs.',
        '此前的代理错误日志、健康检查日志以及后端日志。',
      ],
      consequenceOf: [
        'backend-process-down',
        'fpm-down-static-health-ok',
        'fpm-socket-permission',
        'fpm-socket-path-mismatch',
        'fpm-backlog-overflow-unix',
        'firewall-drops-lb-range',
        'firewall-rejects-lb-range',
        'backend-host-unreachable',
        'backend-no-route',
        'upstream-read-timeout',
        'passive-ejection-cascade',
        'upstream-max-conns',
        'no-backend-registered',
        'no-endpoints-selector-mismatch',
        'health-check-wrong-status',
        'health-check-timeout',
        'health-check-wrong-port',
        'health-check-flapping',
        'upstream-tls-mismatch',
        'upstream-tls-verify-failed',
        'oom-killed',
        'selinux-denies-connect',
        'conntrack-full',
        'ephemeral-ports-exhausted',
        'app-crash-loop',
        'gunicorn-worker-timeout',
        'uwsgi-harakiri',
        'fpm-terminate-timeout',
        'fpm-worker-crash',
        'apache-proxy-worker-error',
        'upstream-ipv6-unreachable',
        'wrong-upstream-port',
        'upstream-binds-localhost',
      ],
    },
  ),
  ruleOf(
    'passive-ejection-cascade',
    'balancer',
    ['A slow page takes healthy backends out for everyone', '慢页面导致健康后端被整体摘除'],
    [together([slowAnswer, about(['no-live-upstreams'], 'suggests', 'none')], 'suggests', 'none', 60)],
    {
      summary: [
        'A slow page ran into the timeout at every backend; nginx took them out and refused {count} requests for other pages.',
        '慢页面在每个后端都超时；nginx 将其全部摘除，并拒绝了 {count} 个其他请求。',
      ],
      fix: ['Keep slow pages from counting as failures of a backend.', '避免慢页面被计为后端故障。'],
      steps: [
        [
          'In the slow location: proxy_next_upstream error; (without timeout), proxy_next_upstream_tries 2;',
          '在慢 location 中：proxy_next_upstream error;（去掉 timeout）、proxy_next_upstream_tries 2;',
        ],
        [
          'max_fails=3 (or 0) for the servers, or a group of its own for slow pages',
          '为 server 设置 max_fails=3（或 0），或为慢页面使用单独的 upstream',
        ],
      ],
      verify: ['A slow request no longer disturbs other pages.', '慢请求不再影响其他页面。'],
      tell: ['The order of lines: timeouts first, “no live upstreams” behind them.', '日志顺序：先超时，后 “no live upstreams”。'],
    },
  ),
  ruleOf(
    'no-backend-registered',
    'balancer',
    ['No backend is registered', '没有注册任何后端'],
    [
      about(['apache-workers-none'], 'proves', 'none'),
      failing(every(of('aws-alb'), status(503), own), 'suggests', 'none'),
      failing(envoy('NC'), 'suggests', 'none'),
      failing(every(of('envoy'), reasonLike(/cluster_not_found/)), 'suggests', 'none'),
      failing(envoy('UH'), 'fits', 'none'),
      nobodyFits(),
      failing(every(of('gcp-lb'), reasonLike(/failed_to_pick_backend|config_not_found/)), 'fits', 'none'),
      about(['envoy-no-healthy', 'go-no-upstream'], 'fits', 'none'),
      failing(every(of('alibaba-slb', 'alibaba-alb'), status(503), own), 'fits', 'none'),
    ],
    {
      summary: [
        'The group that {count} requests were meant for has no member (or none in use).',
        '{count} 个请求所属的服务器组没有可用成员。',
      ],
      fix: ['Register backends, and give them a weight.', '注册后端并设置权重。'],
      steps: [
        ['Look at the target group / backend section: members, weights, states', '查看服务器组 / backend 配置：成员、权重、状态'],
        ['Kubernetes: kubectl get endpointslices for the service', 'Kubernetes：kubectl get endpointslices 查看该服务'],
      ],
      verify: ['The group has healthy members.', '服务器组有健康成员。'],
      tell: ['The list of members of the group.', '服务器组的成员列表。'],
      consequenceOf: ['no-endpoints-selector-mismatch'],
    },
  ),
  ruleOf(
    'no-endpoints-selector-mismatch',
    'balancer',
    ['The Kubernetes service has no ready pod', 'Kubernetes Service 没有就绪的 Pod'],
    [
      near(['ingress-no-endpoints'], 'suggests', 'none'),
      failing(envoy('UH'), 'fits', 'none'),
      // It lasts until somebody mends it, and is written when the configuration is read.
      together([lasting(near(['ingress-no-endpoints'], 'suggests', 'none')), gatewayError], 'suggests', 'none', 300),
    ],
    {
      summary: [
        'A Kubernetes service has no active endpoint; {count} requests got 503.',
        'Kubernetes Service 没有可用端点；{count} 个请求得到 503。',
      ],
      fix: ['Make the selector fit the pods’ labels, or get the pods ready.', '让 selector 与 Pod 标签一致，或让 Pod 就绪。'],
      steps: [
        [
          'kubectl get endpointslices -l kubernetes.io/service-name=NAME; kubectl get pods --show-labels',
          'kubectl get endpointslices -l kubernetes.io/service-name=名称；kubectl get pods --show-labels',
        ],
        [
          'No pod: correct spec.selector; pods not ready: kubectl describe pod, readinessProbe',
          '没有 Pod：更正 spec.selector；Pod 未就绪：kubectl describe pod、readinessProbe',
        ],
      ],
      verify: ['The service has ready endpoints.', 'Service 有就绪端点。'],
      tell: ['kubectl get endpointslices and the pods’ labels.', 'kubectl get endpointslices 与 Pod 标签。'],
      consequenceOf: ['app-crash-loop', 'oom-killed'],
    },
  ),
  ruleOf(
    'health-check-wrong-status',
    'balancer',
    ['The health check wants another status code than its page gives', '健康检查期望的状态码与页面返回不符'],
    [
      checkFails(/Layer7 wr/),
      together([checkFails(/Layer7 wr/), nobody], 'suggests', 'none', 86_400),
      near(['go-health-check', 'k8s-probe-failed'], 'suggests', 'none', says(/unexpected status|statuscode|status code|HTTP probe failed/)),
      failing(envoy('UH', 'LH'), 'fits', 'none'),
    ],
    {
      summary: [
        'The health check got a status that it does not accept, so {count} requests found no server.',
        '健康检查得到不被接受的状态码，{count} 个请求因此没有可用服务器。',
      ],
      fix: [
        'Point the check at a page that answers with an accepted code, or mend that page.',
        '让检查指向返回可接受状态码的页面，或修复该页面。',
      ],
      steps: [
        [
          'Ask as the check does, from the balancer: curl -v http://ADDRESS:PORT/CHECK; see the code in the line',
          '在负载均衡上按检查方式请求：curl -v http://地址:端口/检查路径；状态码见日志行',
        ],
        [
          'HAProxy: option httpchk GET /healthz, http-check send hdr Host NAME, http-check expect status 200-399',
          'HAProxy：option httpchk GET /healthz、http-check send hdr Host 域名、http-check expect status 200-399',
        ],
      ],
      verify: ['The server is UP, and stays so.', '服务器变为 UP 并保持。'],
      tell: ['The health-check log and the page asked straight.', '健康检查日志，以及直接请求该页面的结果。'],
      consequenceOf: ['dependency-down', 'app-crash-loop', 'health-check-wrong-host-or-method'],
    },
  ),
  ruleOf(
    'health-check-wrong-host-or-method',
    'balancer',
    ['The health check asks in a way that the backends do not answer', '健康检查的请求方式不被后端接受'],
    [
      near(checks, 'suggests', 'none', (event) => /^(?:400|405|421|501)$/.test(event.fields['code'] ?? '')),
      checkFails(/Layer7 inv/),
      // Somebody asks for an address and not for a name: mostly a balancer's check.
      near(['host-not-allowed'], 'suggests', 'writer', ({ fields }) => /^\d+\.\d+\.\d+\.\d+(?::|$)|^\[/.test(fields['host'] ?? '')),
    ],
    {
      summary: [
        'The backends refuse the way in which the health check asks (method, version or Host); {count} requests found no server.',
        '后端拒绝健康检查的请求方式（方法、版本或 Host）；{count} 个请求没有可用服务器。',
      ],
      fix: [
        'Let the check ask like a browser: GET, HTTP/1.1, with the site’s Host.',
        '让检查像浏览器一样请求：GET、HTTP/1.1、带站点 Host。',
      ],
      steps: [
        [
          'HAProxy: option httpchk, http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host NAME',
          'HAProxy：option httpchk，http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host 域名',
        ],
        [
          'CLB: method GET and a check domain; ALB sends the target’s address as Host: let the application accept it',
          'CLB：使用 GET 并填写检查域名；AWS ALB 以目标地址为 Host，须让应用接受',
        ],
      ],
      verify: ['The server is UP.', '服务器变为 UP。'],
      tell: ['The check asked by hand, with and without Host.', '手工按检查方式请求，分别带与不带 Host。'],
      consequenceOf: [],
    },
  ),
  ruleOf(
    'health-check-wrong-port',
    'balancer',
    ['The health check asks another port than the service uses', '健康检查端口与服务端口不一致'],
    [near(checks, 'fits', 'none', says(/Connection refused/)), near(['k8s-probe-failed'], 'fits', 'none', says(/connection refused/))],
    {
      summary: ['The health check was refused; {count} requests found no server.', '健康检查被拒绝；{count} 个请求没有可用服务器。'],
      fix: ['Clear the override of the check’s port, or open that port.', '取消检查端口的单独设置，或开放该端口。'],
      steps: [
        ['HAProxy: remove port N of the server line; clouds: “traffic port”', 'HAProxy：去掉 server 行的 port N；云产品：使用服务端口'],
        ['ss -ltn on the backend', '后端执行 ss -ltn'],
      ],
      verify: ['nc -z to the check’s port succeeds.', 'nc -z 检查端口 成功。'],
      tell: ['Whether the service port answers while the check is refused.', '检查被拒绝时服务端口是否可用。'],
    },
  ),
  ruleOf(
    'health-check-timeout',
    'balancer',
    ['The health check’s page is slower than its timeout', '健康检查页面慢于检查超时'],
    [checkFails(/Layer[67] ti/), near(['go-health-check', 'k8s-probe-failed'], 'suggests', 'none', says(/[Tt]imeout|deadline exceeded/))],
    {
      summary: [
        'The page of the health check did not answer in time, so {count} requests found no server.',
        '健康检查页面未及时应答，{count} 个请求因此没有可用服务器。',
      ],
      fix: [
        'Give the check a cheap page, with workers of its own where the pool can fill up.',
        '为检查使用轻量页面；若进程池会占满则使用独立进程。',
      ],
      steps: [
        ['curl -w "%{time_total}" to the check’s page under load', '负载下用 curl -w "%{time_total}" 测量检查页面'],
        ['HAProxy: timeout check, inter, fall; clouds: timeout and threshold', 'HAProxy：timeout check、inter、fall；云产品：超时与阈值'],
      ],
      verify: ['No transitions for an hour.', '一小时内无状态切换。'],
      tell: ['How long the check’s page takes under load.', '负载下检查页面的耗时。'],
      consequenceOf: ['fpm-max-children', 'cpu-saturated', 'backend-frozen'],
    },
  ),
  ruleOf(
    'health-check-flapping',
    'balancer',
    ['A backend goes up and down again and again', '后端状态反复上下线'],
    [
      together(
        [
          near(['haproxy-server-down'], 'fits', 'none', ({ count }) => count >= 3),
          near(['haproxy-server-up'], 'fits', 'none', ({ count }) => count >= 3),
        ],
        'suggests',
        'none',
        600,
      ),
    ],
    {
      summary: [
        'The balancer took a backend out and in several times while {count} requests failed.',
        '负载均衡多次将后端下线又上线，期间 {count} 个请求失败。',
      ],
      fix: ['Remove what makes the check fail now and then, then make it less nervous.', '先消除导致检查偶发失败的原因，再降低其敏感度。'],
      steps: [
        ['The reason stands in the lines “is DOWN”', '原因见 “is DOWN” 日志行'],
        ['HAProxy: fall 5, rise 2, slowstart 30s', 'HAProxy：fall 5、rise 2、slowstart 30s'],
      ],
      verify: ['No transitions for an hour.', '一小时内无状态切换。'],
      tell: ['The reasons of the transitions.', '状态切换的原因。'],
    },
  ),
  ruleOf(
    'lb-rate-limited',
    'balancer',
    ['A limit of the proxy refuses requests', '代理的限流规则拒绝了请求'],
    [
      about(['limit-requests', 'limit-connections'], 'proves', 'none'),
      failing(
        every(of('nginx'), status(503), own, ({ tries }) => tries === ''),
        'fits',
        'none',
      ),
      failing(envoy('RL'), 'proves', 'none'),
      failing(haproxy('PR'), 'fits', 'none'),
    ],
    {
      summary: ['A rate or connection limit of the proxy refused {count} requests.', '代理的请求或连接限流拒绝了 {count} 个请求。'],
      fix: [
        'Let the limit count real clients and allow bursts; answer 429 and not 503.',
        '让限流按真实客户端计数并允许突发；返回 429 而非 503。',
      ],
      steps: [
        [
          'Behind another proxy: set_real_ip_from RANGE; real_ip_header X-Forwarded-For; else all clients share one key',
          '位于其他代理之后时：set_real_ip_from 网段; real_ip_header X-Forwarded-For; 否则所有客户端共用一个键',
        ],
        ['limit_req zone=NAME burst=20 nodelay; limit_req_status 429;', 'limit_req zone=名称 burst=20 nodelay; limit_req_status 429;'],
      ],
      verify: ['No new “limiting” line in ordinary traffic.', '正常流量下不再出现 “limiting”。'],
      tell: ['The proxy’s error log.', '代理的错误日志。'],
      consequenceOf: ['rate-limit-wrong-client-ip'],
    },
  ),
  ruleOf(
    'rate-limit-wrong-client-ip',
    'balancer',
    ['Every user counts as one client', '所有用户被视为同一客户端'],
    [about(['limit-requests', 'limit-connections'], 'fits', 'none')],
    {
      summary: [
        '{count} requests were limited, perhaps because every user counts as the balancer.',
        '{count} 个请求被限流，可能因为所有用户都被视为负载均衡。',
      ],
      fix: ['Restore the client’s address before the limit.', '在限流之前还原真实客户端地址。'],
      steps: [
        [
          'set_real_ip_from RANGE; real_ip_header X-Forwarded-For; real_ip_recursive on;',
          'set_real_ip_from 网段; real_ip_header X-Forwarded-For; real_ip_recursive on;',
        ],
        ['HAProxy: track hdr_ip(X-Forwarded-For) and not src', 'HAProxy：跟踪 hdr_ip(X-Forwarded-For) 而非 src'],
      ],
      verify: ['The access log shows many clients.', '访问日志显示多个客户端。'],
      tell: ['Whether the client of the refused requests is always the same private address.', '被拒请求的客户端是否总是同一内网地址。'],
    },
  ),
  ruleOf(
    'upstream-max-conns',
    'balancer',
    ['A limit of connections at the proxy is reached', '代理的连接数限制已满'],
    [about(['apache-workers-busy'], 'suggests', 'writer'), about(['no-live-upstreams'], 'fits', 'none')],
    {
      summary: [
        'Every connection that the proxy may hold to the backends was in use: {count} requests were refused.',
        '代理到后端的连接数用尽：{count} 个请求被拒绝。',
      ],
      fix: ['Make requests shorter, or raise the limit together with the backends.', '缩短请求，或与后端能力一起调大限制。'],
      steps: [
        ['Apache: max= of ProxyPass; nginx: max_conns of server', 'Apache：ProxyPass 的 max=；nginx：server 的 max_conns'],
        ['See why they are held: slow pages', '查看连接被占用的原因：慢页面'],
      ],
      verify: ['No new line under the same load.', '同样负载下不再出现该日志。'],
      tell: ['Connections in use over time.', '连接数变化。'],
      consequenceOf: ['upstream-read-timeout'],
    },
  ),
  ruleOf(
    'haproxy-queue-full',
    'balancer',
    ['Requests waited too long in HAProxy’s queue', '请求在 HAProxy 队列中等待超时'],
    [failing(haproxy('sQ', 'SQ', 'PQ'), 'proves', 'none')],
    {
      summary: [
        '{count} requests waited in HAProxy’s queue until timeout queue: every connection (maxconn) of {host} was in use.',
        '{count} 个请求在 HAProxy 队列中等到 timeout queue：{host} 的连接（maxconn）已用尽。',
      ],
      fix: [
        'Make the backend faster or add servers, then raise maxconn of the server line.',
        '先加快后端或增加服务器，再调大 server 的 maxconn。',
      ],
      steps: [
        ['show stat: qcur, qmax, scur, slim of the servers', 'show stat：查看服务器的 qcur、qmax、scur、slim'],
        [
          'server … maxconn N as far as the application has workers; timeout queue 30s',
          'server … maxconn N（不超过应用进程数）；timeout queue 30s',
        ],
      ],
      verify: ['qmax stays small.', 'qmax 保持较小。'],
      tell: ['show stat while it happens.', '故障时的 show stat。'],
      consequenceOf: ['fpm-max-children', 'dependency-slow', 'gunicorn-worker-timeout'],
    },
  ),
  ruleOf(
    'envoy-circuit-breaker-overflow',
    'balancer',
    ['A circuit breaker of Envoy is full', 'Envoy 熔断阈值已满'],
    [failing(envoy('UO'), 'proves', 'none'), about(['envoy-overflow'], 'proves', 'none')],
    {
      summary: [
        'Envoy’s circuit breaker refused {count} requests: too many connections, pending requests or retries.',
        'Envoy 熔断拒绝了 {count} 个请求：连接、排队请求或重试过多。',
      ],
      fix: ['Make the backend faster, or raise the thresholds of the cluster.', '加快后端，或调大集群阈值。'],
      steps: [
        [
          'cluster.NAME.upstream_rq_pending_overflow and upstream_cx_overflow say which',
          'cluster.名称.upstream_rq_pending_overflow 与 upstream_cx_overflow 指明是哪一项',
        ],
        [
          'circuit_breakers.thresholds (default 1024 each); Istio: DestinationRule connectionPool',
          'circuit_breakers.thresholds（默认各 1024）；Istio：DestinationRule connectionPool',
        ],
      ],
      verify: ['The overflow counters stand still.', 'overflow 计数不再增长。'],
      tell: ['Envoy’s cluster statistics.', 'Envoy 的集群统计。'],
    },
  ),
  ruleOf(
    'maintenance-503',
    'balancer',
    ['Someone configured 503', '配置为返回 503（维护）'],
    [
      failing(
        every(of('nginx'), status(503), own, ({ tries }) => tries === ''),
        'fits',
        'none',
      ),
      failing(
        every(of('haproxy'), status(503), ({ reason }) => (reason ?? '').startsWith('LR')),
        'suggests',
        'none',
      ),
      failing(every(of('aws-alb'), reasonLike(/fixed-response/)), 'proves', 'none'),
      near(['haproxy-server-maintenance'], 'suggests', 'none', not(says(/DNS|No IP for server/))),
      near(['haproxy-server-down'], 'suggests', 'none', says(/via agent/)),
    ],
    {
      summary: [
        'A rule or an operator took the service out: {count} requests got 503.',
        '规则或人工操作使服务下线：{count} 个请求得到 503。',
      ],
      fix: ['Remove the rule, or end the maintenance.', '移除该规则或结束维护。'],
      steps: [
        [
          'grep -rn "return 503" /etc/nginx; HAProxy: set server B/S state ready',
          'grep -rn "return 503" /etc/nginx；HAProxy：set server B/S state ready',
        ],
        ['WordPress .maintenance, Laravel php artisan up', 'WordPress 的 .maintenance、Laravel 的 php artisan up'],
      ],
      verify: ['The page answers 200.', '页面返回 200。'],
      tell: ['The proxy’s configuration.', '代理的配置。'],
    },
  ),
  ruleOf(
    'haproxy-header-rewrite-overflow',
    'balancer',
    ['HAProxy has no room to add headers', 'HAProxy 没有空间改写请求头'],
    [
      // Versions 2.2 to 2.4 call it an internal error, later ones P.
      rewriteFailed,
      near(['haproxy-rewrite-failed'], 'fits', 'writer'),
      together([rewriteFailed, near(['haproxy-rewrite-failed'], 'fits', 'writer')], 'proves', 'writer'),
    ],
    {
      summary: [
        'HAProxy could not rewrite {count} messages: its buffer had too little room left for the headers that its rules add.',
        'HAProxy 无法改写 {count} 个报文：缓冲区剩余空间不足以容纳规则添加的头部。',
      ],
      fix: ['Give rewrites more room.', '为改写预留更多空间。'],
      steps: [
        ['global: tune.maxrewrite 2048 (and tune.bufsize 32768)', 'global：tune.maxrewrite 2048（及 tune.bufsize 32768）'],
        [
          'A header that may be missing: http-response strict-mode off before its rule',
          '可以缺少的头部：在其规则之前加 http-response strict-mode off',
        ],
        ['Remove headers that nobody needs', '删除不需要的头部'],
      ],
      verify: ['No new 500 with state PR, PH, IR or IH.', '不再出现状态为 PR、PH、IR 或 IH 的 500。'],
      tell: [
        'The size of these headers and of what http-request and http-response rules add; %[last_rule_file]:%[last_rule_line] in log-format. A bug or a filter of HAProxy may end as IH too.',
        '这些头部以及 http-request、http-response 规则所加内容的大小；在 log-format 中记录 %[last_rule_file]:%[last_rule_line]。HAProxy 自身缺陷或过滤器也可能以 IH 结束。',
      ],
    },
  ),
  ruleOf(
    'hairpin-loop',
    'application',
    ['The site calls itself', '站点请求了自己（回环）'],
    [
      failing(every(of('gcp-lb'), reasonLike(/request_loop_detected/)), 'proves', 'none'),
      about(['worker-connections'], 'fits', 'writer'),
      together(
        [
          about(['worker-connections'], 'fits', 'writer', ({ upstream }) => /127\.0\.0\.1:(?:80|443)?\/|localhost\//.test(upstream ?? '')),
          gatewayError,
        ],
        'fits',
        'writer',
      ),
      about(['request-header-too-long'], 'suggests', 'writer', says(/X-Forwarded-For/)),
      failing(every(of('cloudflare'), status(508)), 'suggests', 'none'),
    ],
    {
      summary: [
        'Requests go in a circle: the proxy is its own upstream; {count} failed.',
        '请求形成回环：代理以自身为上游；{count} 个失败。',
      ],
      fix: [
        'Correct the upstream address, so that it is the application and not the site’s public name.',
        '更正上游地址，使其指向应用而非站点公网域名。',
      ],
      steps: [
        [
          'Compare proxy_pass (and what its name resolves to on the proxy) with the proxy’s own addresses',
          '比较 proxy_pass（及其在代理上的解析结果）与代理自身地址',
        ],
        [
          'Guard: refuse requests whose Via or X-Forwarded-For already names this proxy (508)',
          '防护：拒绝 Via 或 X-Forwarded-For 已包含本代理的请求（508）',
        ],
      ],
      verify: ['One access-log line per request.', '每个请求只有一行访问日志。'],
      tell: [
        'The access log: one URI many times within milliseconds, from the proxy’s own address.',
        '访问日志：毫秒内同一 URI 多次出现，且来自代理自身地址。',
      ],
    },
  ),
  ruleOf(
    'rewrite-cycle',
    'balancer',
    ['Rewrite rules send requests in a circle', '重写规则导致内部循环'],
    [
      about(['rewrite-cycle', 'apache-redirect-limit'], 'proves', 'writer'),
      about(['internal-error-config'], 'fits', 'writer', says(/subrequests cycle/)),
    ],
    {
      summary: [
        'Rewrite rules on {host} send {count} requests in a circle until the limit of ten.',
        '{host} 上的重写规则使 {count} 个请求循环直至上限（10 次）。',
      ],
      fix: ['Make the last argument of try_files exist, or end with =404.', '确保 try_files 最后一个参数存在，或以 =404 结尾。'],
      steps: [
        [
          'nginx: check root and try_files $uri /index.php: the file has to be there; use break instead of last',
          'nginx：检查 root 与 try_files $uri /index.php：文件必须存在；用 break 代替 last',
        ],
        [
          'Apache: RewriteCond %{ENV:REDIRECT_STATUS} ^$ (or END instead of L)',
          'Apache：RewriteCond %{ENV:REDIRECT_STATUS} ^$（或用 END 代替 L）',
        ],
      ],
      verify: ['The page answers, and no new “cycle” line.', '页面可返回，且不再出现 “cycle”。'],
      tell: ['The configuration of this location.', '该 location 的配置。'],
    },
  ),
  ruleOf(
    'auth-subrequest-failed',
    'balancer',
    ['The authentication service in front of the page fails', '前置鉴权服务失败'],
    [
      about(['auth-request-status', 'go-auth-call'], 'proves', 'none'),
      failing(envoy('UAEX'), 'suggests', 'none'),
      failing(every(of('aws-alb'), status(561)), 'proves', 'none'),
      failing(every(of('aws-alb'), reasonLike(/^Auth/)), 'suggests', 'none'),
    ],
    {
      summary: [
        'The authentication subrequest failed, so {count} requests got 5xx without the page being asked.',
        '鉴权子请求失败，{count} 个请求未到达页面即返回 5xx。',
      ],
      fix: ['Mend the authentication service, or its address in auth_request.', '修复鉴权服务，或更正 auth_request 的地址。'],
      steps: [
        ['Ask its address from the proxy: it has to answer 2xx, 401 or 403', '从代理请求该地址：须返回 2xx、401 或 403'],
        ['The error line before it says why (refused, timeout, 404)', '此前的错误行说明原因（拒绝、超时、404）'],
      ],
      verify: ['No new “auth request unexpected status”.', '不再出现 “auth request unexpected status”。'],
      tell: ['The authentication service’s own log.', '鉴权服务自身的日志。'],
      consequenceOf: ['upstream-resolver-failed', 'backend-process-down'],
    },
  ),
  ruleOf(
    'wrong-backend-address',
    'balancer',
    ['The proxy’s upstream address is wrong or empty', '代理的上游地址错误或为空'],
    [
      about(['proxy-url-invalid'], 'suggests', 'none'),
      about(['connect-other'], 'suggests', 'upstream', errnoIn('22')),
      about([...lines.noRoute, ...lines.connectTimeout], 'fits', 'upstream'),
    ],
    {
      summary: ['{count} requests were sent to an address that is none.', '{count} 个请求的上游地址无效。'],
      fix: ['Correct the address (or the variable) in proxy_pass.', '更正 proxy_pass 中的地址（或变量）。'],
      steps: [
        [
          'nginx -T | grep -n proxy_pass; a variable needs a value in every case',
          'nginx -T | grep -n proxy_pass；变量在任何情况下都须有值',
        ],
        ['Compare with ip addr of the backend', '与后端的 ip addr 比较'],
      ],
      verify: ['The request reaches the backend’s log.', '请求出现在后端日志中。'],
      tell: ['The proxy’s configuration and the backend’s address.', '代理配置与后端地址。'],
    },
  ),
  ruleOf(
    'proxy-process-crash',
    'balancer',
    ['A process of the proxy crashed', '代理进程崩溃'],
    [
      near(['worker-died', 'haproxy-worker-died'], 'suggests', 'writer', notKilled),
      near(['worker-died', 'haproxy-worker-died'], 'fits', 'writer'),
      near(['apache-child-signal'], 'suggests', 'writer', ({ fields }) => /^(?:4|6|7|8|11)$/.test(fields['signal'] ?? '')),
      near(['kernel-segfault', 'kernel-trap', 'systemd-core-dump'], 'suggests', 'writer', ({ fields }) =>
        /^(?:nginx|haproxy|apache2|httpd|envoy|caddy|traefik)/.test(fields['process'] ?? ''),
      ),
      together(
        [
          near(['worker-died', 'haproxy-worker-died', 'apache-child-signal'], 'suggests', 'writer'),
          near(['kernel-segfault', 'kernel-trap'], 'suggests', 'writer'),
        ],
        'proves',
        'writer',
      ),
    ],
    {
      summary: [
        'A process of the proxy on {host} crashed and took its requests with it; {count} failed.',
        '{host} 上的代理进程崩溃，其请求随之中断；{count} 个失败。',
      ],
      fix: ['Update it, and take out third-party modules until it stands.', '升级版本，并逐个停用第三方模块排查。'],
      steps: [
        [
          'dmesg names the library of the crash; get a core dump (worker_rlimit_core, coredumpctl)',
          'dmesg 会指出崩溃所在的库；获取 core（worker_rlimit_core、coredumpctl）',
        ],
        ['Disable modules one by one; report it with the backtrace', '逐个停用模块；附调用栈上报'],
      ],
      verify: ['No new “exited on signal”.', '不再出现 “exited on signal”。'],
      tell: ['A core dump.', 'core 文件。'],
      consequenceOf: ['oom-killed'],
    },
  ),
  ruleOf(
    'proxy-reload-failed',
    'balancer',
    ['The proxy could not start or reload its configuration', '代理启动或重载配置失败'],
    [
      near(['config-error', 'reload-failed', 'haproxy-config-error', 'apache-config-error', 'bind-failed'], 'suggests', 'writer'),
      near(['systemd-failed', 'systemd-main-exited', 'systemd-start-failed', 'systemd-exec-failed'], 'suggests', 'writer', isProxyUnit),
      near(['host-not-found'], 'fits', 'writer'),
    ],
    {
      summary: [
        'The configuration of the proxy on {host} is not valid: it did not start or kept the old one, while {count} requests failed.',
        '{host} 上的代理配置无效：未能启动或仍使用旧配置，期间 {count} 个请求失败。',
      ],
      fix: ['Correct the line that the message names, test, then reload.', '更正提示的配置行，测试后重载。'],
      steps: [
        ['nginx -t, haproxy -c -f FILE, php-fpm -t', 'nginx -t、haproxy -c -f 文件、php-fpm -t'],
        ['“Address already in use”: ss -ltnp shows who has the port', '“Address already in use”：ss -ltnp 查看占用端口的进程'],
      ],
      verify: ['The test passes, and systemctl status shows it active.', '测试通过，且 systemctl status 显示 active。'],
      tell: ['systemctl status of the proxy.', '代理的 systemctl status。'],
      consequenceOf: ['upstream-resolver-failed'],
    },
  ),
  ruleOf(
    'apache-proxy-worker-error',
    'balancer',
    ['Apache holds a backend for failed', 'Apache 将后端标记为错误状态'],
    [
      about(['apache-workers-all-error'], 'suggests', 'upstream'),
      // `disabled connection`: a request that was answered without asking the backend. `disabling worker` follows each failed connection.
      about(['apache-worker-disabled'], 'suggests', 'upstream', ({ fields }) => fields['scheme'] !== undefined),
      about(['apache-worker-disabled'], 'fits', 'upstream'),
      about(['apache-connect-failed', 'apache-connect-other'], 'fits', 'upstream'),
    ],
    {
      summary: [
        'Apache put {host} into error state after a failed connection and answered {count} requests with 503.',
        'Apache 在连接失败后将 {host} 置为错误状态，并对 {count} 个请求返回 503。',
      ],
      fix: ['Mend the connection that failed first; shorten the time it stays out.', '先修复最初失败的连接；并缩短摘除时间。'],
      steps: [
        ['The line before (AH00957, AH02454) has the reason', '前一行（AH00957、AH02454）给出原因'],
        ['ProxyPass … retry=5 (default 60 s; 0 for a single backend)', 'ProxyPass … retry=5（默认 60 秒；单后端可用 0）'],
      ],
      verify: ['After the backend is back, pages answer within retry seconds.', '后端恢复后，页面在 retry 秒内可用。'],
      tell: ['The error-log line before.', '此前的错误日志行。'],
      consequenceOf: [
        'backend-process-down',
        'fpm-down-static-health-ok',
        'fpm-socket-permission',
        'fpm-socket-path-mismatch',
        'backend-host-unreachable',
        'firewall-drops-lb-range',
        'backend-no-route',
        'selinux-denies-connect',
        'upstream-tls-mismatch',
        'fpm-backlog-overflow-unix',
        'ephemeral-ports-exhausted',
        'upstream-resolver-failed',
      ],
    },
  ),
  ruleOf(
    'apache-max-request-workers',
    'web-server',
    ['Apache has no worker left', 'Apache 工作进程用尽'],
    [
      near(['apache-max-workers', 'apache-scoreboard-full'], 'suggests', 'writer'),
      together(
        [
          near(['apache-max-workers', 'apache-scoreboard-full'], 'suggests', 'writer'),
          about([...lines.readTimeout, ...lines.connectTimeout], 'fits', 'upstream'),
        ],
        'suggests',
        'writer',
        300,
      ),
      together([near(['apache-max-workers', 'apache-scoreboard-full'], 'suggests', 'writer'), gatewayError], 'suggests', 'writer', 300),
    ],
    {
      summary: [
        'Every worker of Apache on {host} was in use; {count} requests waited in vain.',
        '{host} 上的 Apache 工作进程全部占用；{count} 个请求等待至失败。',
      ],
      fix: [
        'See what holds the workers; then raise MaxRequestWorkers as far as memory allows.',
        '先查明占用原因；再在内存允许范围内调大 MaxRequestWorkers。',
      ],
      steps: [
        ['server-status shows what each worker does; KeepAliveTimeout 2', '用 server-status 查看每个进程在做什么；KeepAliveTimeout 2'],
        [
          'MaxRequestWorkers and ServerLimit: memory / size of a worker; the event MPM',
          'MaxRequestWorkers 与 ServerLimit：内存 / 单进程大小；使用 event MPM',
        ],
      ],
      verify: ['No new AH00484 / AH00161.', '不再出现 AH00484 / AH00161。'],
      tell: ['server-status while it happens.', '故障时的 server-status。'],
      consequenceOf: ['dependency-slow'],
    },
  ),
  ruleOf(
    'apache-htaccess-invalid',
    'web-server',
    ['A .htaccess file cannot be read', '.htaccess 文件无效'],
    [about(['apache-htaccess'], 'proves', 'writer')],
    {
      summary: [
        'A .htaccess file on {host} is not valid: {count} requests below its folder got 500.',
        '{host} 上的 .htaccess 无效：其目录下 {count} 个请求得到 500。',
      ],
      fix: ['Load the module of the directive, allow it there, or remove it.', '加载该指令所需模块、允许其使用或删除该指令。'],
      steps: [
        [
          '“Invalid command”: a2enmod rewrite (or the module the directive needs), then reload',
          '“Invalid command”：a2enmod rewrite（或对应模块）后重载',
        ],
        ['“not allowed here”: AllowOverride of the folder', '“not allowed here”：调整该目录的 AllowOverride'],
      ],
      verify: ['The page answers.', '页面可返回。'],
      tell: ['The error line names file and directive.', '错误行已指明文件与指令。'],
    },
  ),
  ruleOf(
    'apache-proxy-module-missing',
    'web-server',
    ['Apache lacks the module for this ProxyPass', 'Apache 缺少 ProxyPass 所需模块'],
    [about(['apache-no-handler'], 'proves', 'writer')],
    {
      summary: [
        'Apache on {host} has no module for the scheme of this ProxyPass: {count} requests got 500.',
        '{host} 上的 Apache 缺少该 ProxyPass 协议的模块：{count} 个请求得到 500。',
      ],
      fix: ['Load the module.', '加载该模块。'],
      steps: [
        [
          'a2enmod proxy_http (http), proxy_fcgi (fcgi), proxy_wstunnel (ws), proxy_ajp, ssl (https)',
          'a2enmod proxy_http（http）、proxy_fcgi（fcgi）、proxy_wstunnel（ws）、proxy_ajp、ssl（https）',
        ],
        ['apachectl configtest, then reload', 'apachectl configtest 后重载'],
      ],
      verify: ['apachectl -M lists it.', 'apachectl -M 中可见。'],
      tell: ['apachectl -M.', 'apachectl -M。'],
    },
  ),
];

function nobodyFits(): ReturnType<typeof failing> {
  return failing(every(haproxy('SC'), noServer), 'fits', 'none');
}
