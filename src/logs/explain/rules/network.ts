// Causes between the proxy and its backends: firewalls, routes, tables of the kernel, links.
import type { LogRule } from '../rule.ts';
import {
  about,
  checks,
  attempted,
  envoy,
  errnoIn,
  every,
  failing,
  gatewayError,
  haproxy,
  isFastcgi,
  isIpv6,
  isLoopback,
  isLoopback6,
  isUnix,
  lasted,
  lines,
  near,
  not,
  of,
  own,
  reasonLike,
  ruleOf,
  portOf,
  says,
  status,
  target,
  timing,
  together,
} from './witness.ts';
import type { EventGroup, FailureGroup } from '../../records.ts';

const remote = (event: EventGroup): boolean => !isUnix(event) && !isLoopback(event);
const connectTimeout = about(lines.connectTimeout, 'fits', 'upstream', not(isUnix));
/** No connection came about before the proxy gave up: the packet, or its answer, was lost. */
const lost = [
  connectTimeout,
  about(['lost-reading-header'], 'fits', 'upstream'),
  near(checks, 'fits', 'none', says(/Layer4 ti/)),
  failing(haproxy('sC'), 'fits'),
  failing(every(of('nginx'), status(504), timing('connect', 'none')), 'fits'),
  failing(every(of('traefik'), status(504)), 'fits'),
  failing(
    every(of('aws-alb', 'alibaba-slb', 'alibaba-alb'), status(504), own, (failure) => !lasted(20_000)(failure)),
    'fits',
  ),
  failing(every(envoy('UF'), reasonLike(/timeout/)), 'fits'),
  failing(every(of('cloudflare'), status(522)), 'fits'),
  failing(every(of('gcp-lb'), reasonLike(/failed_to_connect_to_backend/)), 'fits'),
  failing(every(of('iis'), reasonLike(/win32:12029/), lasted(5000)), 'fits'),
  about(['node-proxy-error'], 'fits', 'none', says(/ETIMEDOUT/)),
] as const;
/** Hosts on the internet see refused packets all the time: a log of one means something only where it is about the port that the proxy asked. */
const aboutThatPort = ([attempt, packet]: readonly (EventGroup | FailureGroup)[]): boolean =>
  attempt !== undefined && packet !== undefined && 'signature' in attempt && 'signature' in packet
    ? portOf(target(attempt)) !== null && portOf(target(attempt)) === (packet.fields['port'] ?? '')
    : false;
const refused = about(lines.refused, 'fits', 'upstream', remote);
const turnedAway = near(['kernel-firewall-log'], 'suggests', 'writer', says(/BLOCK|DROP|DENY|block|drop|deny/));
const rejected = near(['kernel-firewall-log'], 'suggests', 'writer', says(/REJECT|reject/));
/** Addresses of the internet are banned all day; a private one, or one of the range that Alibaba's balancers use, may be the balancer. */
const banned = near(['fail2ban-ban'], 'suggests', 'writer', ({ fields }) =>
  /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd])/i.test(fields['address'] ?? ''),
);

export const networkRules: readonly LogRule[] = [
  ruleOf(
    'firewall-drops-lb-range',
    'host',
    ['The backend’s firewall drops the balancer’s packets', '后端防火墙丢弃负载均衡的数据包'],
    [...lost, together([connectTimeout, turnedAway], 'proves', 'upstream', 60, aboutThatPort)],
    {
      summary: [
        '{count} attempts to connect to {host} had no answer; a firewall on its way drops them.',
        '{count} 次到 {host} 的连接没有应答；途中的防火墙丢弃了数据包。',
      ],
      fix: [
        'Let the balancer’s source range in, before the rule that drops it, on the backend and in its security group.',
        '在后端防火墙和安全组中，于丢弃规则之前放行负载均衡的源地址段。',
      ],
      steps: [
        [
          'See the rules and their counters on the backend: nft list ruleset, or iptables -L -nv',
          '在后端查看规则及计数：nft list ruleset 或 iptables -L -nv',
        ],
        [
          'Accept the range first (Alibaba CLB: 100.64.0.0/10; ALB: its vSwitch range): nft insert rule inet filter input ip saddr 100.64.0.0/10 accept, and save it',
          '在最前面放行该网段（阿里云 CLB：100.64.0.0/10；ALB：其交换机网段）：nft insert rule inet filter input ip saddr 100.64.0.0/10 accept，并持久化',
        ],
      ],
      verify: [
        'The counter of the drop rule stands still, and no new connect timeout is logged.',
        '丢弃规则的计数不再增长，且不再出现新的连接超时。',
      ],
      tell: [
        'On the backend: firewall counters, nstat -az (ListenOverflows, IPReversePathFilter) and a packet capture while it fails; its kernel log.',
        '在后端查看：防火墙计数、nstat -az（ListenOverflows、IPReversePathFilter）、故障时的抓包以及内核日志。',
      ],
      consequenceOf: ['conntrack-full', 'rp-filter-strict-l4', 'listen-backlog-overflow', 'syn-queue-overflow'],
    },
  ),
  ruleOf(
    'firewall-rejects-lb-range',
    'host',
    ['The backend’s firewall rejects the balancer’s connections', '后端防火墙拒绝负载均衡的连接'],
    [
      refused,
      about(lines.noRoute, 'fits', 'upstream', remote),
      near(checks, 'fits', 'none', says(/No route to host|Connection refused/)),
      about(['connect-other'], 'fits', 'upstream', errnoIn('1')),
      // Nobody's silence is that short: an answer came.
      together([about(lines.noRoute, 'fits', 'upstream', remote), failing(attempted(0, 500), 'fits')], 'suggests', 'upstream'),
      failing(every(of('nginx'), status(502), own, timing('instant')), 'fits'),
      together(
        [about([...lines.refused, ...lines.noRoute], 'fits', 'upstream', remote), rejected],
        'proves',
        'upstream',
        60,
        aboutThatPort,
      ),
    ],
    {
      summary: ['{host} answered {count} attempts to connect with a rejection of its firewall.', '{host} 的防火墙拒绝了 {count} 次连接。'],
      fix: ['Accept the balancer’s source range before the rule that rejects it.', '在拒绝规则之前放行负载均衡的源地址段。'],
      steps: [
        ['See whether the port listens on the backend: ss -ltn', '在后端确认端口在监听：ss -ltn'],
        [
          'Where it does: find the reject rule by its counter (nft list ruleset) and accept the balancer’s range before it; firewalld: firewall-cmd --permanent --zone=trusted --add-source=RANGE',
          '若在监听：按计数找到 reject 规则（nft list ruleset），在其前放行负载均衡网段；firewalld：firewall-cmd --permanent --zone=trusted --add-source=网段',
        ],
      ],
      verify: ['A connection from the balancer to the port succeeds (nc -z).', '从负载均衡到该端口的连接成功（nc -z）。'],
      tell: ['ss -ltn and the firewall’s counters on the backend.', '后端的 ss -ltn 与防火墙计数。'],
    },
  ),
  ruleOf(
    'firewall-rate-limits-lb-range',
    'host',
    ['A limit on the backend counts the balancer as one client', '后端的限速规则把负载均衡当作单个客户端'],
    [together([connectTimeout, banned], 'suggests', 'upstream', 600), together([refused, banned], 'suggests', 'upstream', 600)],
    {
      summary: [
        '{host} banned addresses shortly before {count} connections to it failed.',
        '{host} 封禁地址后不久，有 {count} 次连接失败。',
      ],
      fix: ['Take the balancer’s range out of every limit and ban list of the backend.', '把负载均衡网段加入后端限速与封禁工具的白名单。'],
      steps: [
        [
          'See whether a banned address is the balancer’s: fail2ban-client status JAIL',
          '确认被封地址是否属于负载均衡：fail2ban-client status JAIL',
        ],
        [
          'Name its range in ignoreip of /etc/fail2ban/jail.local, and unban it; have limits count the real client (nginx: set_real_ip_from and real_ip_header)',
          '在 /etc/fail2ban/jail.local 的 ignoreip 中加入该网段并解封；让限速按真实客户端计数（nginx：set_real_ip_from 与 real_ip_header）',
        ],
      ],
      verify: ['No ban of the balancer’s range under load.', '负载下不再封禁负载均衡网段。'],
      tell: ['The ban list of the backend.', '后端的封禁列表。'],
    },
  ),
  ruleOf(
    'cloud-acl-blocks-lb',
    'network',
    ['A security group or network ACL blocks the balancer', '安全组或网络 ACL 拦截了负载均衡'],
    lost,
    {
      summary: ['{count} attempts to connect to {host} had no answer.', '{count} 次到 {host} 的连接没有应答。'],
      fix: [
        'Allow the balancer’s group or subnet to the port of the backend, and the way back where ACLs are stateless.',
        '放行负载均衡的安全组或子网到后端端口；无状态 ACL 还须放行返回流量。',
      ],
      steps: [
        [
          'Capture on the backend: if no SYN of the balancer arrives, something before it blocks',
          '在后端抓包：若收不到负载均衡的 SYN，则被前面的设备拦截',
        ],
        [
          'Allow port and health-check port in the security group; ephemeral ports 1024-65535 back in a stateless ACL',
          '在安全组放行服务端口与健康检查端口；无状态 ACL 放行返回的 1024-65535 端口',
        ],
      ],
      verify: ['Flow logs say ACCEPT, and the backend sees the SYN.', '流日志显示 ACCEPT，且后端收到 SYN。'],
      tell: ['Flow logs, or a packet capture on the backend.', '流日志，或在后端抓包。'],
    },
  ),
  ruleOf(
    'rp-filter-strict-l4',
    'host',
    ['Strict reverse path filtering drops layer-4 packets', '严格反向路径过滤丢弃四层转发的数据包'],
    [
      near(['kernel-martian'], 'fits', 'writer', ({ fields }) => fields['from'] !== fields['to']),
      together(
        [connectTimeout, near(['kernel-martian'], 'suggests', 'writer', ({ fields }) => fields['from'] !== fields['to'])],
        'suggests',
        'upstream',
        120,
      ),
    ],
    {
      summary: [
        'The kernel of {host} dropped packets whose source it would reach another way (martian source), while {count} requests failed.',
        '{host} 的内核丢弃了反向路径不一致的数据包（martian source），期间有 {count} 个请求失败。',
      ],
      fix: ['Set loose mode, or make the way back symmetric.', '改为宽松模式，或使回程路由对称。'],
      steps: [
        [
          'sysctl -w net.ipv4.conf.all.rp_filter=2 (the larger of all and the interface counts)',
          'sysctl -w net.ipv4.conf.all.rp_filter=2（all 与接口取较大值生效）',
        ],
        ['Keep it in a file of /etc/sysctl.d that sorts behind the distribution’s', '写入 /etc/sysctl.d 中排序靠后的文件使其持久'],
      ],
      verify: ['IPReversePathFilter of nstat -az stands still.', 'nstat -az 的 IPReversePathFilter 不再增长。'],
      tell: [
        'nstat -az TcpExtIPReversePathFilter and rp_filter of the interface the packet comes in by.',
        'nstat -az TcpExtIPReversePathFilter 以及入接口的 rp_filter。',
      ],
    },
  ),
  ruleOf(
    'hairpin-loop-l4',
    'network',
    ['A backend connects to its own balancer address at layer 4', '后端通过四层负载均衡访问自身'],
    [near(['kernel-martian'], 'suggests', 'writer', ({ fields }) => fields['from'] !== undefined && fields['from'] === fields['to'])],
    {
      summary: [
        'The kernel of {host} dropped packets from its own address (martian source): it called the balancer and was given itself.',
        '{host} 的内核丢弃了来自自身地址的数据包（martian source）：它访问负载均衡时被调度到了自己。',
      ],
      fix: [
        'Call the service directly or by 127.0.0.1 from the backend, or use a layer-7 listener.',
        '在后端直接访问服务或使用 127.0.0.1，或改用七层监听。',
      ],
      steps: [
        [
          'Give the service’s name an internal address on the backends (/etc/hosts or internal DNS)',
          '在后端将该服务域名解析到内网地址（/etc/hosts 或内网 DNS）',
        ],
        ['Or let the balancer change the source address (SNAT, full NAT)', '或让负载均衡改写源地址（SNAT、FULLNAT）'],
      ],
      verify: ['Ten calls in a row from the backend succeed.', '从后端连续访问十次均成功。'],
      tell: [
        'Calls to the balancer from a backend and from elsewhere: only the first fail, and about 1 of N.',
        '分别从后端和其他主机访问负载均衡：仅后端失败，且约 1/N。',
      ],
    },
  ),
  ruleOf(
    'backend-host-unreachable',
    'network',
    ['The backend machine is off or its address is wrong', '后端主机不可达：关机或地址错误'],
    [
      about(lines.noRoute, 'fits', 'upstream'),
      near(checks, 'fits', 'none', says(/No route to host/)),
      // The kernel asks three times who has the address, a second apart, before it gives up.
      together([about(lines.noRoute, 'fits', 'upstream'), failing(attempted(2500), 'fits')], 'suggests', 'upstream'),
      ...lost,
      failing(every(of('cloudflare'), status(523)), 'fits'),
    ],
    {
      summary: [
        'Nothing answers at the address of {host}: {count} attempts to connect ended with “no route to host” or silence.',
        '{host} 的地址无人应答：{count} 次连接以 “No route to host” 或无响应告终。',
      ],
      fix: ['Start or replace the machine, or correct its address in the balancer.', '启动或替换该主机，或在负载均衡中更正地址。'],
      steps: [
        [
          'From the balancer: ip neigh show to ADDRESS; FAILED or INCOMPLETE means that no machine has the address',
          '在负载均衡上执行 ip neigh show to 地址；FAILED 或 INCOMPLETE 表示没有主机使用该地址',
        ],
        ['Start the instance, or take it out of the group', '启动实例，或将其移出服务器组'],
      ],
      verify: ['The neighbour is REACHABLE and the port answers.', '邻居状态为 REACHABLE，且端口可连接。'],
      tell: [
        'ip neigh on the balancer; how long an attempt takes (about 3 s: no machine, at once: a firewall).',
        '负载均衡上的 ip neigh；单次连接耗时（约 3 秒：无此主机；立即失败：防火墙）。',
      ],
      consequenceOf: ['stale-dns-upstream', 'conntrack-full', 'firewall-drops-lb-range'],
    },
  ),
  ruleOf(
    'backend-no-route',
    'network',
    ['The proxy has no route to the backend', '代理没有到后端的路由'],
    [about(lines.networkUnreachable, 'proves', 'writer', not(isIpv6)), about(lines.networkUnreachable, 'fits', 'writer', isIpv6)],
    {
      summary: [
        'The proxy has no route to {host}: {count} attempts ended at once with “network is unreachable”.',
        '代理没有到 {host} 的路由：{count} 次连接立即以 “Network is unreachable” 失败。',
      ],
      fix: ['Add the route, peering or gateway, or correct the address.', '添加路由、对等连接或网关，或更正地址。'],
      steps: [
        ['On the proxy: ip route get ADDRESS', '在代理上执行：ip route get 地址'],
        ['Add the missing route and make it survive a restart', '添加缺失的路由并持久化'],
      ],
      verify: ['ip route get names a way out.', 'ip route get 给出了出口。'],
      tell: ['ip route on the proxy.', '代理上的 ip route。'],
    },
  ),
  ruleOf(
    'upstream-ipv6-unreachable',
    'network',
    ['The upstream’s name has an IPv6 address that cannot be reached', '上游域名解析出的 IPv6 地址不可达'],
    [
      about(
        [...lines.networkUnreachable, 'connect-no-local-address', 'socket-family', 'connect-other'],
        'proves',
        'writer',
        (event) => isIpv6(event) && !isLoopback(event),
      ),
      about(['socket-family'], 'proves', 'writer'),
      // Go tries every address and tells of the first: there, IPv4 was refused too.
      about(lines.refused, 'fits', 'upstream', (event) => isLoopback6(event) && event.signature !== 'go-connect-refused'),
      about(['node-proxy-error'], 'fits', 'none', says(/ECONNREFUSED ::1/)),
      near(['app-listening'], 'fits', 'writer', ({ fields }) => /^(?:127\.|0\.0\.0\.0)/.test(fields['address'] ?? '')),
      together(
        [
          about(lines.refused, 'fits', 'upstream', isLoopback6),
          near(['app-listening'], 'fits', 'writer', ({ fields }) => /^(?:127\.|0\.0\.0\.0)/.test(fields['address'] ?? '')),
        ],
        'suggests',
        'writer',
        604_800,
      ),
    ],
    {
      summary: [
        'The proxy tries {host} over IPv6, where nothing answers: {count} attempts failed.',
        '代理通过 IPv6 访问 {host}，但无法到达：{count} 次失败。',
      ],
      fix: [
        'Use the IPv4 address in the configuration, or have the service listen on IPv6 too.',
        '在配置中使用 IPv4 地址，或让服务同时监听 IPv6。',
      ],
      steps: [
        [
          'nginx: write proxy_pass http://127.0.0.1:PORT instead of localhost; with a resolver: resolver ADDRESS ipv6=off;',
          'nginx：用 proxy_pass http://127.0.0.1:端口 代替 localhost；使用 resolver 时加 ipv6=off',
        ],
        ['Or let the service listen on [::] as well', '或让服务也监听 [::]'],
      ],
      verify: ['The error log has no new line with an address in brackets.', '错误日志不再出现带方括号的地址。'],
      tell: [
        'getent ahosts NAME on the proxy, and ss -ltn where the service runs.',
        '代理上的 getent ahosts 域名，以及服务主机上的 ss -ltn。',
      ],
    },
  ),
  ruleOf(
    'conntrack-full',
    'host',
    ['The connection table of the kernel is full', '内核连接跟踪表已满'],
    [
      near(['kernel-conntrack-full'], 'suggests', 'writer'),
      together([near(['kernel-conntrack-full'], 'suggests', 'writer'), connectTimeout], 'proves', 'writer', 120),
      together([near(['kernel-conntrack-full'], 'suggests', 'writer'), gatewayError], 'suggests', 'writer', 120),
    ],
    {
      summary: [
        'The connection table of {host} was full and packets of new connections were dropped; {count} requests failed meanwhile.',
        '{host} 的连接跟踪表已满，新连接的数据包被丢弃；期间 {count} 个请求失败。',
      ],
      fix: [
        'Raise nf_conntrack_max with its buckets, or keep the balancer’s traffic out of the table.',
        '调大 nf_conntrack_max 及哈希桶，或让负载均衡流量不进入连接跟踪。',
      ],
      steps: [
        [
          'Compare: sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max',
          '比较：sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max',
        ],
        [
          'sysctl -w net.netfilter.nf_conntrack_max=524288 and keep it in /etc/sysctl.d; shorten nf_conntrack_tcp_timeout_established',
          'sysctl -w net.netfilter.nf_conntrack_max=524288 并写入 /etc/sysctl.d；缩短 nf_conntrack_tcp_timeout_established',
        ],
      ],
      verify: ['conntrack -S: drop stands still.', 'conntrack -S 的 drop 不再增长。'],
      tell: ['The kernel logs of backend, balancer and NAT gateway.', '后端、负载均衡与 NAT 网关的内核日志。'],
    },
  ),
  ruleOf(
    'listen-backlog-overflow',
    'host',
    ['The listen queue of the backend is full', '后端监听队列已满'],
    [
      ...lost,
      near(['kernel-syn-flood'], 'fits', 'writer'),
      near(['uwsgi-listen-queue-full'], 'proves', 'writer'),
      failing(every(of('iis'), reasonLike(/QueueFull/)), 'suggests', 'writer'),
      about(lines.backlogFull, 'suggests', 'upstream', not(isFastcgi)),
      together([connectTimeout, near(['kernel-syn-flood'], 'fits', 'writer')], 'suggests', 'upstream', 120),
    ],
    {
      summary: [
        'The listen queue of {host} was full: {count} connections could not be taken.',
        '{host} 的监听队列已满：{count} 个连接无法被接受。',
      ],
      fix: [
        'Make the application accept faster (more workers, shorter requests), then lengthen the queue.',
        '先让应用更快接受连接（增加进程、缩短请求），再加长队列。',
      ],
      steps: [
        [
          'See the queue: ss -ltn (Recv-Q against Send-Q), for Unix sockets ss -lx',
          '查看队列：ss -ltn（比较 Recv-Q 与 Send-Q），Unix 套接字用 ss -lx',
        ],
        [
          'Raise the backlog of the application (nginx listen … backlog=, uWSGI listen, gunicorn --backlog, Tomcat acceptCount) and net.core.somaxconn, then restart it',
          '调大应用的 backlog（nginx listen … backlog=、uWSGI listen、gunicorn --backlog、Tomcat acceptCount）与 net.core.somaxconn，然后重启',
        ],
      ],
      verify: ['nstat: TcpExtListenOverflows stands still under load.', '负载下 nstat 的 TcpExtListenOverflows 不再增长。'],
      tell: [
        'ss -ltn and nstat -az TcpExtListenOverflows on the backend while it fails.',
        '故障时后端的 ss -ltn 与 nstat -az TcpExtListenOverflows。',
      ],
      consequenceOf: ['uwsgi-harakiri', 'gunicorn-worker-timeout', 'cpu-saturated'],
    },
  ),
  ruleOf(
    'syn-queue-overflow',
    'host',
    ['The queue of half-open connections overflows', '半连接队列溢出（SYN 积压或攻击）'],
    [near(['kernel-syn-flood'], 'suggests', 'writer')],
    {
      summary: [
        'The kernel of {host} reports possible SYN flooding; {count} requests failed meanwhile.',
        '{host} 的内核报告可能的 SYN 泛洪；期间 {count} 个请求失败。',
      ],
      fix: [
        'Turn SYN cookies on and lengthen the queues; put scrubbing in front where it is an attack.',
        '开启 SYN cookies 并加长队列；若为攻击则接入清洗。',
      ],
      steps: [
        [
          'sysctl -w net.ipv4.tcp_syncookies=1; raise net.ipv4.tcp_max_syn_backlog and net.core.somaxconn',
          'sysctl -w net.ipv4.tcp_syncookies=1；调大 net.ipv4.tcp_max_syn_backlog 与 net.core.somaxconn',
        ],
        ['Raise the backlog of the listener too: the smallest of them counts', '同时调大监听者的 backlog：以最小者为准'],
      ],
      verify: ['nstat: TcpExtTCPReqQFullDrop stands still.', 'nstat 的 TcpExtTCPReqQFullDrop 不再增长。'],
      tell: ['nstat -az and ss -nt state syn-recv on the host.', '该主机上的 nstat -az 与 ss -nt state syn-recv。'],
    },
  ),
  ruleOf(
    'ephemeral-ports-exhausted',
    'balancer',
    ['The proxy has no free source port to the backend', '代理到后端的源端口耗尽'],
    [
      about(lines.noLocalAddress, 'proves', 'writer', not(isIpv6)),
      about(lines.noLocalAddress, 'fits', 'writer', isIpv6),
      failing(haproxy('RC'), 'fits', 'writer'),
      near(['kernel-tcp-memory'], 'fits', 'writer', says(/time wait bucket/)),
      about(['bind-source-failed'], 'suggests', 'writer', errnoIn('98')),
      about(['dependency-refused', 'dependency-unreachable'], 'suggests', 'writer', says(/Cannot assign requested address|EADDRNOTAVAIL/)),
    ],
    {
      summary: [
        '{count} connections to {host} found no free source port (“cannot assign requested address”).',
        '{count} 次到 {host} 的连接没有可用源端口（“Cannot assign requested address”）。',
      ],
      fix: ['Keep upstream connections alive, and widen the range of ports.', '启用上游长连接，并扩大端口范围。'],
      steps: [
        [
          'nginx: keepalive 64; in the upstream block, with proxy_http_version 1.1 and an empty Connection header',
          'nginx：在 upstream 中设置 keepalive 64，并配合 proxy_http_version 1.1 与空的 Connection 头',
        ],
        [
          'sysctl -w net.ipv4.ip_local_port_range="10240 65000" net.ipv4.tcp_tw_reuse=1; more source addresses (proxy_bind) where that is not enough',
          'sysctl -w net.ipv4.ip_local_port_range="10240 65000" net.ipv4.tcp_tw_reuse=1；仍不足则增加源地址（proxy_bind）',
        ],
      ],
      verify: ['ss -s: far fewer connections in timewait.', 'ss -s：timewait 连接明显减少。'],
      tell: ['ss -tan on the proxy, counted by backend address.', '在代理上用 ss -tan 按后端地址统计。'],
    },
  ),
  ruleOf('bandwidth-saturated', 'host', ['The backend’s link is full', '后端带宽已满'], [near(['kernel-link-down'], 'fits', 'writer')], {
    summary: ['The link of {host} was disturbed while {count} requests failed.', '{host} 的链路异常期间有 {count} 个请求失败。'],
    fix: ['See the link’s counters, and raise its bandwidth or send less.', '查看链路计数，提升带宽或减少流量。'],
    steps: [
      ['ip -s link and ethtool -S DEVICE on the backend', '在后端执行 ip -s link 与 ethtool -S 网卡'],
      ['Raise the bandwidth of the instance or its address; cache and compress', '提升实例或公网带宽；启用缓存与压缩'],
    ],
    verify: ['Drops and retransmissions stand still.', '丢包与重传不再增长。'],
    tell: ['Metrics of the link at that time.', '当时的链路监控。'],
  }),
  ruleOf(
    'selinux-denies-connect',
    'host',
    ['SELinux forbids the proxy to connect', 'SELinux 禁止代理发起连接'],
    [
      about(lines.permission, 'suggests', 'writer', not(isUnix)),
      about(['connect-other'], 'fits', 'writer', errnoIn('1')),
      near(
        ['selinux-denied', 'selinux-preventing'],
        'suggests',
        'writer',
        says(/name_connect|connectto|\{ write \} .{0,400}tclass=sock_file/),
      ),
      together(
        [
          about(lines.permission, 'suggests', 'writer'),
          near(['selinux-denied', 'selinux-preventing'], 'suggests', 'writer', says(/name_connect|connectto|write/)),
        ],
        'proves',
        'writer',
        60,
      ),
    ],
    {
      summary: [
        'SELinux forbade the proxy to connect to {host}: {count} attempts ended with “permission denied”.',
        'SELinux 禁止代理连接 {host}：{count} 次以 “Permission denied” 失败。',
      ],
      fix: ['Allow the proxy to make network connections.', '允许代理发起网络连接。'],
      steps: [
        [
          'setsebool -P httpd_can_network_connect 1 (or semanage port -a -t http_port_t -p tcp PORT)',
          'setsebool -P httpd_can_network_connect 1（或 semanage port -a -t http_port_t -p tcp 端口）',
        ],
        [
          'For a Unix socket: give it a type that httpd_t may use (ausearch -m AVC | audit2allow shows which)',
          '若为 Unix 套接字：设置 httpd_t 可用的类型（ausearch -m AVC | audit2allow 可查看）',
        ],
      ],
      verify: ['No new denial in /var/log/audit/audit.log.', '/var/log/audit/audit.log 不再有新的拒绝记录。'],
      tell: ['getenforce, and /var/log/audit/audit.log of the proxy.', 'getenforce 以及代理的 /var/log/audit/audit.log。'],
    },
  ),
];
