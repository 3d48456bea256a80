// Causes at the edge: content networks, web application firewalls, the chain of timeouts.
import type { LogRule } from '../rule.ts';
import { every, failing, haproxy, of, reasonLike, ruleOf, status, timing, together } from './witness.ts';

const fromCdn = failing(
  every(of('cloudflare'), ({ status: is }) => is !== null && is >= 520 && is <= 530),
  'suggests',
  'none',
);

export const edgeRules: readonly LogRule[] = [
  ruleOf(
    'cdn-origin-error',
    'edge',
    ['The CDN got no usable answer from the origin', 'CDN 未从源站获得有效响应'],
    [fromCdn, failing(every(of('cloudflare'), reasonLike(/^5[23]\d/)), 'suggests', 'none')],
    {
      summary: [
        'The CDN had no usable answer from the origin for {count} requests; the code (520 to 530) says at which step.',
        'CDN 有 {count} 个请求未获得源站有效响应；状态码（520–530）指明失败步骤。',
      ],
      fix: ['Mend what the code points at, at the origin.', '按状态码所指在源站修复。'],
      steps: [
        [
          '521 refused: the web server or its firewall; 522 no answer: firewall, full queue; 523 no route; 520 broken answer; 525/526 TLS',
          '521 被拒：Web 服务或防火墙；522 无应答：防火墙或队列满；523 无路由；520 响应异常；525/526 TLS',
        ],
        [
          'Ask the origin past the CDN: curl -v --resolve NAME:443:ORIGIN https://NAME/',
          '绕过 CDN 请求源站：curl -v --resolve 域名:443:源站 https://域名/',
        ],
      ],
      verify: ['No new 52x.', '不再出现 52x。'],
      tell: ['The logs of the origin for the same minutes.', '源站同一时段的日志。'],
      consequenceOf: [
        'edge-idle-timeout',
        'upstream-tls-mismatch',
        'upstream-tls-verify-failed',
        'backend-process-down',
        'firewall-drops-lb-range',
        'oom-killed',
      ],
    },
  ),
  ruleOf(
    'edge-idle-timeout',
    'edge',
    ['The edge gives up before the page is ready', '边缘节点在页面完成前超时'],
    [
      failing(every(of('cloudflare'), status(524)), 'proves', 'none'),
      together(
        [failing(every(status(499), timing('waited', 'none')), 'fits', 'writer'), failing(status(504, 524), 'fits', 'none')],
        'fits',
        'none',
      ),
    ],
    {
      summary: ['The edge gave up on {count} requests before the origin answered.', '边缘节点在源站应答前放弃了 {count} 个请求。'],
      fix: [
        'Answer sooner: stream, or accept the work and let the client ask for the result.',
        '更快响应：流式输出，或受理后由客户端轮询结果。',
      ],
      steps: [
        [
          'Cloudflare: 120 s (Enterprise: proxy_read_timeout); Alibaba WAF and Anti-DDoS: 120 s',
          'Cloudflare：120 秒（企业版可调 proxy_read_timeout）；阿里云 WAF 与高防：120 秒',
        ],
        ['Send bytes before that, or use a name that does not go through the edge', '在此之前发送数据，或使用不经边缘的域名'],
      ],
      verify: ['The slow request ends with 200 through the edge.', '慢请求经边缘以 200 结束。'],
      tell: ['The origin’s log: 499 at the same second.', '源站日志：同一秒的 499。'],
      consequenceOf: ['dependency-slow', 'fpm-max-children'],
    },
  ),
  ruleOf(
    'timeout-stack-misordered',
    'balancer',
    ['An outer timeout is shorter than an inner one', '外层超时短于内层超时'],
    [failing(haproxy('CH', 'cH'), 'fits', 'none'), failing(status(499, 460), 'fits', 'none')],
    {
      summary: ['Whoever asked gave up on {count} requests before the inner hop did.', '外层先于内层放弃了 {count} 个请求。'],
      fix: [
        'Let timeouts grow from the inside out: application < web server < balancer < edge.',
        '让超时由内向外递增：应用 < Web 服务器 < 负载均衡 < 边缘。',
      ],
      steps: [
        ['Write the four numbers side by side', '列出四级超时并比较'],
        ['Shorten the inner ones first', '先缩短内层'],
      ],
      verify: ['A slow probe fails at the innermost hop.', '慢探测由最内层先超时。'],
      tell: ['The outer hop’s log.', '外层日志。'],
    },
  ),
  ruleOf(
    'waf-block',
    'edge',
    ['A web application firewall refuses the request', 'WAF 拦截了请求'],
    [
      failing(every(of('gcp-lb'), reasonLike(/denied_by_security_policy/)), 'proves', 'none'),
      failing(every(of('aws-alb'), reasonLike(/^WAF/)), 'suggests', 'none'),
    ],
    {
      summary: ['A rule of the web application firewall refused {count} requests.', 'WAF 规则拦截了 {count} 个请求。'],
      fix: ['Find the rule, and except what is wanted.', '找到规则并为正常请求添加例外。'],
      steps: [
        ['The firewall’s log has the rule by request id', 'WAF 日志按请求 ID 可查规则'],
        ['Add a narrow allow rule', '添加精确的放行规则'],
      ],
      verify: ['The same request passes.', '同一请求通过。'],
      tell: ['The firewall’s log.', 'WAF 日志。'],
    },
  ),
];
