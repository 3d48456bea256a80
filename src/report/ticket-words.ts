// What a ticket says to each recipient: who they are, and what we ask them to look at. English and Chinese.
import { say, type Localised } from '../model/text.ts';

export const recipients = ['isp', 'cloud', 'edge', 'ops', 'dev'] as const;
export type Recipient = (typeof recipients)[number];

/** How the recipient is addressed. */
export const recipientNames: Readonly<Record<Recipient, Localised>> = {
  isp: say("Support of the client's internet provider", '客户端所属运营商技术支持'),
  cloud: say('Support of the load balancer or cloud provider', '负载均衡/云厂商售后支持'),
  edge: say('Support of the anti-DDoS, WAF or CDN provider', '高防/WAF/CDN 售后支持'),
  ops: say('Operators of the backends', '后端运维团队'),
  dev: say('Developers of the application', '应用开发团队'),
};

/** What we ask of them, most important first. */
export const asks: Readonly<Record<Recipient, readonly Localised[]>> = {
  isp: [
    say(
      'Check whether traffic from the client address to the service address is filtered, reset or intercepted in your network.',
      '请确认贵方网络是否对客户端地址到服务地址的流量进行了过滤、重置或拦截。',
    ),
    say(
      'Capture packets on both sides at one of the times below and tell us where the connection ends.',
      '请按下列时间在两端抓包，确认连接在何处中断。',
    ),
    say('If there is a block, tell us its reason and lift it, or tell us who can.', '如存在封堵，请告知原因并解除，或告知由谁处理。'),
  ],
  cloud: [
    say(
      'Look up the requests below in the access log of the balancer: status, backend chosen, connect and response time of each try.',
      '请在负载均衡访问日志中查找下列请求：状态码、所选后端、每次尝试的连接与响应时间。',
    ),
    say(
      'Tell us the health-check state of every backend at these times, and the timeouts that are in force on the listener.',
      '请告知上述时间各后端的健康检查状态，以及监听上生效的超时时间。',
    ),
    say(
      'If the balancer made the answer, tell us for which reason; capture packets between the balancer and the backend if it is not in the log.',
      '如错误由负载均衡产生，请告知原因；如日志中没有，请在负载均衡与后端之间抓包。',
    ),
  ],
  edge: [
    say(
      'Check that the domain has a layer-7 forwarding rule, and that it points to the origin address below.',
      '请确认该域名已配置七层转发规则，且指向下列源站地址。',
    ),
    say(
      'Check whether the client address or the request is on a block list or matches a protection rule, and whether the domain is filed (ICP) as you require.',
      '请确认客户端地址或请求是否命中黑名单或防护规则，以及域名备案状态是否符合要求。',
    ),
    say(
      'Look up the requests below in your log: who answered, and what the origin answered to you.',
      '请在日志中查找下列请求：由谁应答，源站返回了什么。',
    ),
  ],
  ops: [
    say('Carry out the fix below on the host named, or tell us why it does not apply.', '请在所列主机上执行下列修复，或说明为何不适用。'),
    say(
      'Where something is listed as not tested, give us the access or send the output.',
      '对于未检测的项目，请提供访问权限或发送输出结果。',
    ),
    say('Run why5xx again afterwards and attach its report.', '处理后请再次运行 why5xx 并附上报告。'),
  ],
  dev: [
    say(
      'Look at the requests below in the application: what do they wait for, or where do they fail?',
      '请在应用中查看下列请求：在等待什么，或在哪里出错？',
    ),
    say(
      'The proof names the log lines and limits that were hit; tell us whether the behaviour is intended.',
      '证据中列出了相关日志与触及的限制；请确认该行为是否符合预期。',
    ),
    say(
      'If the fix below only buys time, tell us when the cause in the code will be gone.',
      '如下列修复仅为缓解，请告知代码层面的修复时间。',
    ),
  ],
};

export const ticketWords = {
  ticket: say('Ticket', '工单'),
  to: say('To', '收件方'),
  written: say('Written', '填写时间'),
  measured: say('Measured', '检测时间'),
  problem: say('The problem', '问题描述'),
  ask: say('What we ask of you', '需要您协助'),
  reproduce: say('How to see it yourself', '复现方法'),
  reproduceText: say(
    'Run this from a place that can reach the address. It sends one request and changes nothing.',
    '请在可以访问该地址的位置执行。仅发送一个请求，不做任何修改。',
  ),
  reproduceBackend: say('The same request straight to a backend, past the balancer:', '绕过负载均衡，直接访问后端：'),
  requests: say('Failing requests to look up', '可查找的失败请求'),
  requestsText: say(
    'Each carries its mark in the User-Agent, so it can be found in any access log.',
    '每个请求的 User-Agent 中带有标记，可在各跳访问日志中查找。',
  ),
  addresses: say('Addresses on the way', '路径上的地址'),
  finding: say('What we found', '检测结论'),
  unknown: say('not recorded', '未记录'),
  fix: say('Proposed fix', '建议的修复'),
  notTested: say('What was not tested', '未检测项目'),
  redacted: say(
    'Cookies, credentials and secret query values were removed before this was written.',
    '填写前已去除 Cookie、凭据与敏感查询参数。',
  ),
  nothingUntested: say('Everything that applies was tested.', '适用的项目均已检测。'),
  untilNow: say('no 5xx was seen in this run', '本次检测未见 5xx'),
} satisfies Record<string, Localised>;
