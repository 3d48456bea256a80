// Every word that reports add around the evidence, in each language. One table, so that all formats say the same.
import { say, type Language, type Localised } from '../model/text.ts';

const table = {
  // the answer
  causeFound: say('Cause found', '已找到原因'),
  causesFound: say('independent causes found', '个互不相关的原因'),
  healthy: say('Healthy', '正常'),
  healthyText: say('Every request was answered without a 5xx. Nothing to repair.', '所有请求都正常应答，没有 5xx，无需处理。'),
  requestsAnswered: say('requests answered', '个请求得到应答'),
  unproven: say('Failing, cause not proven', '故障存在，原因未能证实'),
  unprovenText: say(
    'I could not tell the cause from what I was allowed to see. I name no culprit without proof.',
    '仅凭目前可见的证据无法判定原因。没有证据，不作定论。',
  ),
  unasked: say('Not known, no request could be sent', '未能发出请求，情况未知'),
  unaskedText: say(
    'Not one request could be sent, so I do not know whether the site is well. What stood in the way is below.',
    '一个请求也未能发出，因此无法判断站点是否正常。受阻原因见下。',
  ),
  unprovenNext: say('These would tell:', '以下任意一项可以帮助判定：'),
  unprovenAll: say(
    'None of the causes that I know is proven by the evidence, and I name no culprit without proof. What each step found is below.',
    '已知的原因均未被证据证实。没有证据，不作定论。各步骤的检测结果见下。',
  ),
  ticket: say('to hand over what is known: why5xx ticket … --to cloud', '提交已知情况：why5xx ticket … --to cloud'),
  what: say('What', '现象'),
  where: say('Where', '位置'),
  why: say('Why', '原因'),
  sure: say('Sure', '把握'),
  do: say('Do', '处理'),
  next: say('Next', '下一步'),
  cause: say('Cause', '原因'),
  of: say('of', '/'),
  chain: say('Chain', '因果链'),
  confirmed: say('confirmed', '已证实'),
  likely: say('likely', '很可能'),
  confirmedText: say('confirmed, the proof is below', '已证实，证据见下'),
  likelyText: say(
    'likely: everything fits, but no experiment or counter has proven it',
    '很可能：证据全部吻合，但尚无实验或计数器直接证明',
  ),
  explains: say('explains', '解释了'),
  noSingleHost: say('no single host', '不限于单台主机'),
  suspected: say('most likely in this layer; neither host nor cause is proven', '很可能位于这一层；具体主机与原因尚未证实'),
  unknownPlace: say('not known', '未知'),
  // sections
  fix: say('What to do', '处理步骤'),
  path: say('The way of the request', '请求路径'),
  proof: say('Proof', '证据'),
  ruledOut: say('Ruled out', '已排除'),
  advice: say('Worth knowing (not the cause)', '值得注意（并非本次原因）'),
  untested: say('Could not be tested', '未能检测'),
  symptoms: say('What clients saw', '客户端所见'),
  steps: say('The nine steps', '九个排查步骤'),
  evidence: say('Evidence', '证据清单'),
  hosts: say('Hosts looked into', '主机访问情况'),
  // fix
  on: say('on', '主机'),
  byHand: say('by hand', '人工操作'),
  risk: say('risk', '风险'),
  undo: say('undo', '撤销'),
  write: say('in', '写入'),
  verify: say('Then check', '验证'),
  docs: say('More', '详情'),
  // citations
  at: say('at', '于'),
  shows: say('shows', '显示'),
  notResolved: say('the cited place is not in the evidence', '证据中没有所引用的位置'),
  missing: say('not measured', '未测得'),
  during: say('during this run', '本次检测期间'),
  more: say('more', '更多'),
  seeVerbose: say('reasons with --verbose', '加 --verbose 查看理由'),
  // symptoms
  answeredBy: say('answered by', '由此应答：'),
  answererUnknown: say('who answered is not known', '应答者未知'),
  requestsFrom: say('requests from', '个请求，来自'),
  median: say('median', '中位数'),
  slowest: say('slowest', '最慢'),
  servedBy: say('served by', '处理后端'),
  knownByLog: say('known from its log', '依据其日志'),
  knownByPage: say('known from the page', '依据页面特征'),
  knownByBypass: say('asked directly', '直接访问'),
  noAnswer: say('no HTTP answer', '无 HTTP 应答'),
  // path
  sees: say('sees the failure', '看到故障'),
  brokenHere: say('broken here', '故障在此'),
  // wanted accesses
  wouldTell: say('would tell', '可判定'),
  causesWord: say('causes', '个原因'),
  // footer
  took: say('took', '用时'),
  pieces: say('pieces of evidence', '条证据'),
  noAccess: say('no access', '无访问权限'),
  accessFailed: say('access failed', '访问失败'),
  accessOk: say('looked into', '已检查'),
  none: say('none', '无'),
  result: say('result', '结果'),
  source: say('source', '来源'),
  // page
  skip: say('Skip to the answer', '跳到结论'),
  started: say('Started', '开始时间'),
  tool: say('Tool', '工具'),
  site: say('Site', '站点'),
  url: say('URL', '网址'),
  hostWord: say('host', '主机'),
  probe: say('probe', '探测'),
  vantage: say('vantage', '观测点'),
  run: say('run', '执行'),
  // punctuation between our words
  colon: say(': ', '：'),
  comma: say(', ', '，'),
  semicolon: say('; ', '；'),
  open: say(' (', '（'),
  close: say(')', '）'),
} satisfies Record<string, Localised>;

export type Labels = { readonly [Key in keyof typeof table]: string };

const words = {
  layer: {
    'client-network': say("the client's network", '客户端网络'),
    dns: say('DNS', 'DNS'),
    edge: say('edge (anti-DDoS, WAF, CDN)', '边缘（高防、WAF、CDN）'),
    balancer: say('load balancer', '负载均衡'),
    network: say('network between balancer and backend', '负载均衡与后端之间的网络'),
    host: say('host (kernel, firewall, resources)', '主机（内核、防火墙、资源）'),
    'web-server': say('web server', 'Web 服务器'),
    'app-runtime': say('application runtime', '应用运行环境'),
    application: say('application', '应用代码'),
    dependency: say('a dependency of the application', '应用的依赖服务'),
  },
  role: {
    client: say('client', '客户端'),
    edge: say('edge', '边缘'),
    balancer: say('balancer', '负载均衡'),
    backend: say('backend', '后端'),
    app: say('app runtime', '应用运行环境'),
    isp: say("client's ISP", '运营商'),
    unknown: say('unknown', '未知'),
  },
  state: {
    ok: say('ok', '正常'),
    failing: say('passes the failure on', '传递故障'),
    broken: say('broken', '故障'),
    unknown: say('not known', '未知'),
  },
  risk: { none: say('none', '无'), low: say('low', '低'), medium: say('medium', '中'), high: say('high', '高') },
  error: {
    refused: say('connection refused', '连接被拒绝'),
    reset: say('connection reset', '连接被重置'),
    timeout: say('no answer in time', '超时无应答'),
    unreachable: say('unreachable', '不可达'),
    prohibited: say('prohibited on the way', '途中被禁止'),
    closed: say('connection closed without an answer', '连接关闭且无应答'),
    dns: say('the name does not resolve', '域名无法解析'),
    tls: say('TLS failure', 'TLS 失败'),
    protocol: say('an answer that is not HTTP', '应答不是 HTTP'),
    other: say('no answer', '无应答'),
  },
} satisfies Record<string, Record<string, Localised>>;

type Vocabulary = typeof words;
const resolved = new Map<Language, Labels>();

/** The labels of one language. */
export function labelsIn(language: Language): Labels {
  let labels = resolved.get(language);
  if (labels === undefined) {
    labels = Object.fromEntries(Object.entries(table).map(([key, text]) => [key, text[language]])) as Labels;
    resolved.set(language, labels);
  }
  return labels;
}

/** The word for one value of a closed list (a layer, a role, a state …); a value outside the list comes back as it is. */
export function wordFor(list: keyof Vocabulary, value: string, language: Language): string {
  const entries: Readonly<Record<string, Localised>> = words[list];
  return Object.hasOwn(entries, value) ? (entries[value]?.[language] ?? value) : value;
}
