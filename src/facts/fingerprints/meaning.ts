// What an identified error page proves, what it does not, and which question to ask next: the first step of troubleshooting.
import { say, type Localised } from '../../model/text.ts';
import { fingerprintOf, type Identification } from './identify.ts';
import type { PageKind, ProducerRole } from './fingerprint.ts';

export interface Meaning {
  readonly layer: Localised;
  readonly proves: Localised;
  readonly doesNotProve: Localised;
  readonly next: Localised;
  readonly note: Localised | null;
}

const layers: Readonly<Record<ProducerRole, Localised>> = {
  edge: say('edge: anti-DDoS, WAF, CDN or the cloud itself, before the load balancer', '边缘：负载均衡之前的高防、WAF、CDN 或云平台本身'),
  balancer: say('load balancer', '负载均衡'),
  'web-server': say('a web server: on a backend, or one that serves as the load balancer', 'Web 服务器：可能在后端，也可能就是负载均衡'),
  runtime: say('application runtime on a backend', '后端的应用运行时'),
  app: say('the application', '应用程序'),
};

type Words = Omit<Meaning, 'layer' | 'note'>;

const relayed: Words = {
  proves: say('The response passed through this product.', '响应经过了该产品。'),
  doesNotProve: say(
    'That this product made the error: whoever stands behind it may have.',
    '不能证明错误由该产品产生：可能来自它后面的任何一层。',
  ),
  next: say(
    'Does the same request, sent straight to the load balancer and then to each backend, fail too? `why5xx URL` or a site file does that.',
    '把同一请求直接发给负载均衡、再发给每台后端，是否同样失败？用 `why5xx URL` 或站点文件即可完成。',
  ),
};

const byKind: Readonly<Record<Exclude<PageKind, 'own-error'>, Words>> = {
  relayed,
  'icp-block': {
    proves: say('The cloud refused this domain before the load balancer saw the request.', '云平台在请求到达负载均衡之前就拦截了该域名。'),
    doesNotProve: say(
      'Anything about the balancer or the backends: they were not asked.',
      '不能说明负载均衡和后端的状况：请求没有到达它们。',
    ),
    next: say(
      'Does this very domain have a valid ICP filing with this provider, and does another filed domain work on the same address?',
      '这个域名在该云厂商处是否有有效的 ICP 备案（含接入备案）？同一地址上其他已备案域名是否正常？',
    ),
  },
  'waf-block': {
    proves: say('A security product refused this request by a rule.', '安全产品按规则拒绝了这个请求。'),
    doesNotProve: say(
      'That others are refused too, or that the site behind it is well.',
      '不能证明其他客户端也被拦截，也不能证明后面的站点正常。',
    ),
    next: say(
      'Which rule? Look up the request id on the page in the product’s log. Does the same request pass from another client or without its parameters?',
      '命中了哪条规则？用页面上的请求 ID 查日志。换一个客户端，或去掉参数，是否能通过？',
    ),
  },
  'origin-unreachable': {
    proves: say('The edge asked its origin and got no usable answer.', '边缘产品回源了，但没有得到可用的响应。'),
    doesNotProve: say(
      'Why: the origin may be down, slow, or refuse the addresses of the edge.',
      '不能说明原因：源站可能宕机、过慢，或者拦截了边缘产品的回源地址。',
    ),
    next: say(
      'Does the load balancer answer when asked directly for the same name? If it does, does its firewall let the edge’s addresses in, and is the forwarding rule right?',
      '用同一域名直接访问负载均衡是否正常？如果正常，防火墙是否放行了回源地址段，转发规则是否正确？',
    ),
  },
  'app-error': {
    proves: say(
      'The request went all the way: the application or its framework answered with the error.',
      '请求走完了全程：错误由应用程序或其框架给出。',
    ),
    doesNotProve: say(
      'That the application is at fault: a database or service that it needs may be.',
      '不能证明应用本身有错：可能是它依赖的数据库或服务出了问题。',
    ),
    next: say(
      'What does the application’s own log say at that second? Does it fail on every backend or on one?',
      '那一秒应用自己的日志写了什么？所有后端都失败，还是只有一台？',
    ),
  },
};

const ownByRole: Readonly<Record<ProducerRole, Words>> = {
  edge: {
    proves: say('The edge made this page itself.', '这个页面由边缘产品自己生成。'),
    doesNotProve: say('That the origin was asked at all, or that it is healthy.', '不能证明请求到过源站，也不能证明源站健康。'),
    next: say(
      'Is the layer-7 forwarding rule for this domain right, and does the load balancer answer when asked directly?',
      '该域名的七层转发规则是否正确？直接访问负载均衡是否正常？',
    ),
  },
  balancer: {
    proves: say(
      'The request reached the load balancer, and the balancer made this page itself.',
      '请求到达了负载均衡，这个页面由负载均衡自己生成。',
    ),
    doesNotProve: say(
      'That the balancer is at fault: it says so when its backends refuse, stay silent or are marked down.',
      '不能证明负载均衡有错：后端拒绝、不响应或被判为不健康时，它就会这样回答。',
    ),
    next: say(
      'Are backends marked unhealthy, and does each backend answer the same request when asked directly?',
      '是否有后端健康检查失败？直接访问每台后端，同一请求是否正常？',
    ),
  },
  'web-server': {
    proves: say(
      'A web server of this kind made the page itself; the application did not write it.',
      '页面由这种 Web 服务器自己生成，不是应用程序写的。',
    ),
    doesNotProve: say(
      'On which machine: balancer and backends may run the same software.',
      '不能证明是哪台机器：负载均衡和后端可能用同样的软件。',
    ),
    next: say(
      'Whose access log has this request with this status, and does the same request straight to each backend fail too?',
      '哪一台的访问日志里有这个请求和这个状态码？直接访问每台后端是否同样失败？',
    ),
  },
  runtime: {
    proves: say('The request reached the application runtime on a backend.', '请求到达了后端的应用运行时。'),
    doesNotProve: say('Which backend, and whether the others answer the same way.', '不能证明是哪台后端，也不能证明其他后端是否一样。'),
    next: say('What does the runtime’s log say, and does each backend answer alike?', '运行时的日志写了什么？每台后端的回答是否一致？'),
  },
  app: byKind['app-error'],
};

/** What an identification means, in every language. Pure. */
export function meaningOf(identification: Identification): Meaning {
  const { kind, role, id } = identification;
  const words = kind === 'own-error' ? ownByRole[role] : byKind[kind];
  return { layer: layers[role], ...words, note: fingerprintOf(id)?.note ?? null };
}
