// Every word that reports of `why5xx logs` add around what the logs say, in each language, and how figures are written there.
import { say, type Language, type Localised } from '../model/text.ts';

const table = {
  timeline: say('When', '时间分布'),
  noDates: say('The failing lines carry no dates, so there is no timeline.', '失败的日志行没有时间，无法绘制时间分布。'),
  allRequests: say('requests', '全部请求'),
  allFailed: say('all failures', '全部失败'),
  unexplainedRow: say('unexplained', '未能解释'),
  peak: say('peak', '峰值'),
  total: say('total', '合计'),
  peakPer: say('Peaks are per', '峰值单位：每'),
  tables: say('Where the failures went', '失败分布'),
  byAnswerer: say('Who answered', '由谁应答'),
  byStatus: say('Status', '状态码'),
  byBackend: say('Backend', '后端'),
  byPath: say('Path', '路径'),
  byClientNetwork: say('Client network', '客户端网段'),
  likely: say('likely: everything fits, but no line proves it', '很可能：证据全部吻合，但没有任何一行日志直接证明'),
  fullTable: say('failures on others', '次失败属于其他项'),
  occurrences: say('What the logs show', '日志所示'),
  seen: say('Seen', '出现'),
  requestsWord: say('failing requests', '个失败请求'),
  requestWord: say('failing request', '个失败请求'),
  first: say('first', '最早'),
  last: say('last', '最晚'),
  fromTo: say('to', '至'),
  noRequest: say('no failing request belongs to these lines', '这些日志行没有对应的失败请求'),
  unexplained: say('Not explained', '未能解释的失败'),
  needs: say('would tell', '可判定'),
  unknownLines: say('Unknown error lines', '未知的错误日志'),
  correlation: say('Joined', '关联'),
  joinedOne: say('failing request has its error line', '个失败请求找到了对应的错误日志'),
  joinedText: say('failing requests have their error line', '个失败请求找到了对应的错误日志'),
  joinedBy: say('by', '依据'),
  skewOf: say('clock of', '时钟偏差：'),
  against: say('against', '相对于'),
  pairs: say('pairs', '对'),
  skewZone: say('another time zone', '时区不同'),
  skewClock: say('clocks differ', '时钟不同步'),
  inputs: say('What was read', '已读取的输入'),
  lines: say('lines', '行'),
  line: say('line', '行'),
  unparsed: say('not understood', '未识别'),
  furniture: say('headers and blanks', '表头与空行'),
  unknownFormat: say('unknown format', '格式未知'),
  otherFormats: say('also', '另有'),
  zoneOf: say('zone', '时区'),
  utc: say('Times are UTC.', '时间均为 UTC。'),
  asLogged: say('Times are as logged; the logs name no zone.', '时间按日志原样显示；日志未注明时区。'),
  limits: say('Counted only in part', '仅部分统计'),
  scanned: say('read', '读取'),
  inTime: say('in', '用时'),
  noAccessLog: say('no access log was given, so there is no rate', '没有提供访问日志，无法计算比例'),
  failedShort: say('failed', '失败'),
  unprovenWhy: say(
    'No line of these logs proves a cause, and I name no culprit without proof.',
    '这些日志中没有任何一行能证实原因。没有证据，不作定论。',
  ),
  unprovenNext: say('These would tell:', '以下任意一项可以帮助判定：'),
  healthyLogs: say('No failing request in these logs. Nothing to repair.', '这些日志中没有失败的请求，无需处理。'),
  dialect: say('as configured', '配置'),
  bar: say('bar', '柱'),
  liveEnd: say('Ctrl-C ends it and prints the whole report', '按 Ctrl-C 结束并输出完整报告'),
  asTable: say('As figures', '以数字显示'),
  byCauseTitle: say('By cause', '按原因'),
  byBackendTitle: say('By backend', '按后端'),
  byPathTitle: say('By path', '按路径'),
  request: say('request', '请求'),
  when: say('Time', '时间'),
  count: say('Count', '次数'),
  none: say('none', '无'),
  andMore: say('more', '更多'),
} satisfies Record<string, Localised>;

export type LogWords = { readonly [Key in keyof typeof table]: string };

const resolved = new Map<Language, LogWords>();

/** The words of one language. */
export function logWordsIn(language: Language): LogWords {
  let words = resolved.get(language);
  if (words === undefined) {
    words = Object.fromEntries(Object.entries(table).map(([key, text]) => [key, text[language]])) as LogWords;
    resolved.set(language, words);
  }
  return words;
}

/** `1,204,331`: a whole number with its thousands apart. */
export function countText(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `12 %`, `1.3 %`, `0.04 %` of a share from 0 to 1. Only nothing is `0 %`, only everything is `100 %`. */
export function shareText(share: number): string {
  const percent = share * 100;
  if (percent <= 0) return '0 %';
  if (percent < 0.01) return '<0.01 %';
  if (percent >= 100) return '100 %';
  if (percent > 99.9) return '>99.9 %';
  const digits = percent < 0.1 ? 2 : percent < 10 ? 1 : 0;
  return `${Number(percent.toFixed(digits))} %`;
}

/** `512 B`, `1.2 kB`, `96 MB`, `1.1 GB`: powers of 1000, as disks and tools count. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? Number(value.toFixed(1)) : Math.round(value)} ${units[unit] ?? ''}`;
}

/** `30 s`, `1 min`, `2 h`, `1 d`: a length of time in the largest unit that divides it. */
export function spanText(seconds: number, language: Language): string {
  const units = language === 'zh' ? (['天', '小时', '分钟', '秒'] as const) : (['d', 'h', 'min', 's'] as const);
  const sizes = [86_400, 3600, 60, 1] as const;
  const at = sizes.findIndex((size) => seconds >= size && seconds % size === 0);
  return `${seconds / (sizes[at] ?? 1)} ${units[at] ?? units[3]}`;
}
