// Sentences of a log report that are not a rule's own: what failed, when, where it is written and what would tell. Plain, neutral text.
import { plain } from '../../model/neutral.ts';
import { inLanguage, say } from '../../model/text.ts';
import type { Language, Localised } from '../../model/text.ts';
import type { EventGroup, FailureGroup, InputTally, Tally } from '../records.ts';
import { addressOf, isLocal } from './addresses.ts';
import type { ZoneFound } from './clocks.ts';
import type { LogRule } from './rule.ts';

/** Times that stand in sentences are UTC and whole minutes. */
const minuteText = (minute: number): string => new Date(minute * 60_000).toISOString().slice(0, 16).replace('T', ' ');

/** `2026-11-23 14:02 to 14:07 UTC` of the minutes of a map; null where none has a time. */
export function spanOf(minutes: Iterable<number>): Localised | null {
  let [first, last] = [Infinity, -Infinity];
  for (const minute of minutes) {
    if (Number.isNaN(minute)) continue;
    first = Math.min(first, minute);
    last = Math.max(last, minute);
  }
  if (first === Infinity) return null;
  const [from, to] = [minuteText(first), minuteText(last)];
  if (from === to) return say(`${from} UTC`, `${from} UTC`);
  const end = from.slice(0, 10) === to.slice(0, 10) ? to.slice(11) : to;
  return say(`${from} to ${end} UTC`, `${from} 至 ${end} UTC`);
}

/** What each input is called: the last part of its name where no other input has the same, else all of it. Safe to show. */
export function fileNames(tally: Tally): readonly string[] {
  const short = tally.inputs.map(({ name }) => name.split('/').at(-1) ?? name);
  return tally.inputs.map(({ name }, at) =>
    plain(short.indexOf(short[at] ?? '') === short.lastIndexOf(short[at] ?? '') ? (short[at] ?? name) : name).slice(0, 200),
  );
}

/** The hosts of a cause in a sentence; `file` is the log that knows the host where no name does. */
export function hostsText(hosts: readonly string[], file: string | null): Localised {
  const [first, second, third, ...others] = hosts;
  if (first === undefined)
    return file === null
      ? say('a host that the logs do not name', '日志未写明的主机')
      : say(`the host that wrote ${file}`, `写出 ${file} 的主机`);
  if (second === undefined) return say(first, first);
  if (third === undefined) return say(`${first} and ${second}`, `${first} 和 ${second}`);
  return others.length === 0
    ? say(`${first}, ${second} and ${third}`, `${first}、${second} 和 ${third}`)
    : say(`${first}, ${second} and ${others.length + 1} more`, `${first}、${second} 等 ${others.length + 3} 台`);
}

/** Stands for the number of requests where no log tells it. */
export const unknownCount: Localised = say('an unknown number of', '若干');

/** `1,452`. */
export const figure = (count: number): string =>
  // By hand: the engine's own way loads tables of all languages first, which takes longer than a whole report.
  String(Math.round(count * 1000) / 1000).replace(/^-?\d+/, (whole) => whole.replaceAll(/\B(?=(?:\d{3})+$)/g, ','));

/** What stands behind a count of one: `1 attempts were refused` is `1 attempt was refused`. */
const ofOne = (sentence: string): string =>
  sentence.replaceAll(
    /(\{count\}(?: \w{1,40})??) (\w{2,40})s\b( were\b)?/g,
    (_, count: string, noun: string, were: string | undefined) => `${count} ${noun}${were === undefined ? '' : ' was'}`,
  );

/** Puts values into a rule's sentence. A name without a value becomes `…`; values are made safe to show. */
export function filled(text: Localised, values: Readonly<Record<string, Localised | string | undefined>>): Localised {
  const put = (template: string, language: Language): string =>
    template.replaceAll(/\{(\w{1,40})\}/g, (_, name: string) => {
      const value = Object.hasOwn(values, name) ? values[name] : undefined;
      return value === undefined ? '…' : plain(typeof value === 'string' ? value : inLanguage(value, language)).slice(0, 300);
    });
  return say(put(values['count'] === '1' ? ofOne(text.en) : text.en, 'en'), put(text.zh, 'zh'));
}

const seconds = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toFixed(ms < 10_000 ? 1 : 0))} s`);

/** `502 by nginx itself, 10.0.0.1:80 tried, after 3 ms`: what an access log knows of a group of failing requests. */
export function whatFailed(failure: FailureGroup): Localised {
  const status = failure.status === null ? say('no status', '无状态码') : say(String(failure.status), String(failure.status));
  const product = plain(failure.product);
  const backend = failure.backend === null ? null : plain(failure.backend);
  const who =
    failure.answeredBy === 'upstream'
      ? say(` from ${backend ?? 'the server behind'}`, `，由 ${backend ?? '后端'} 返回`)
      : failure.answeredBy === 'self'
        ? say(
            ` by ${product} itself${backend === null ? '' : `, ${backend} tried`}`,
            `，由 ${product} 自身返回${backend === null ? '' : `，曾尝试 ${backend}`}`,
          )
        : backend === null
          ? say('', '')
          : say(`, given to ${backend}`, `，转给 ${backend}`);
  const reason = failure.reason === null ? say('', '') : say(`, reason ${plain(failure.reason)}`, `，原因 ${plain(failure.reason)}`);
  const duration = failure.durationMs;
  const time = duration === null ? say('', '') : say(`, after ${seconds(duration.median)}`, `，耗时 ${seconds(duration.median)}`);
  return say(`${status.en}${who.en}${reason.en}${time.en}`, `${status.zh}${who.zh}${reason.zh}${time.zh}`);
}

/** `12 lines in error.log, 2026-11-23 14:02 to 14:07 UTC: connect() failed …`. */
export function linesText(event: EventGroup, file: string, minutes: Iterable<number>): Localised {
  const span = spanOf(minutes);
  const text = plain(event.template).slice(0, 300);
  const count = figure(event.count);
  // Lines that differ in nothing but their server are told apart by it.
  const server = addressOf(event.upstream);
  const upstream = server === null || text.includes(server) ? '' : ` → ${plain(server).slice(0, 100)}`;
  return say(
    `${count} ${event.count === 1 ? 'line' : 'lines'} in ${file}${span === null ? '' : `, ${span.en}`}: ${text}${upstream}`,
    `${file} 中 ${count} 行${span === null ? '' : `，${span.zh}`}：${text}${upstream}`,
  );
}

export function requestsText(failure: FailureGroup, count: number, file: string): Localised {
  const what = whatFailed(failure);
  return say(
    `${figure(count)} failing ${count === 1 ? 'request' : 'requests'} in ${file}: ${what.en}`,
    `${file} 中 ${figure(count)} 个失败请求：${what.zh}`,
  );
}

/** Which log, of which minutes, would tell why these requests failed. */
export function missingLog(failure: FailureGroup, minutes: Iterable<number>, tally: Tally): Localised {
  const span = spanOf(minutes);
  const when = span === null ? say('', '') : say(` for ${span.en}`, `（${span.zh}）`);
  const address = addressOf(failure.backend);
  const backend = address === null || isLocal(address) ? null : plain(failure.backend ?? '');
  const file = fileNames(tally)[failure.input] ?? '';
  const ownErrors = tally.inputs.some((input) => input.kind === 'error' && input.product === failure.product && input.parsed > 0);
  // Who has answered for itself knows why; whoever passed on an answer does not.
  const writesErrors =
    failure.product === 'nginx' ||
    failure.product === 'apache' ||
    failure.product === 'iis' ||
    failure.product === 'caddy' ||
    failure.product === 'traefik';
  if (failure.answeredBy !== 'upstream' && writesErrors && !ownErrors)
    return say(
      `the error log of the ${failure.product} that wrote ${file}${when.en}`,
      `写出 ${file} 的 ${failure.product} 的错误日志${when.zh}`,
    );
  if (backend !== null)
    return say(`the error log of ${backend}, and of the application on it${when.en}`, `${backend} 的错误日志及其应用日志${when.zh}`);
  return say(`the log of the application behind ${file}${when.en}`, `${file} 后面应用的日志${when.zh}`);
}

/** Which logs would tell where nothing but lines is there that no signature knows. */
export function missingLogs(minutes: Iterable<number>): Localised {
  const span = spanOf(minutes);
  return say(
    `the access log of the proxy that answered, its error log from before the first failure, and the logs of what stands behind it${span === null ? '' : `, for ${span.en}`}`,
    `应答的代理的访问日志、首次故障之前起的错误日志，以及其后端的日志${span === null ? '' : `（${span.zh}）`}`,
  );
}

/** What would settle it in the words of several rules, the minutes said once, behind the last. */
export function wouldTellAny(rules: readonly LogRule[], minutes: Iterable<number>): readonly Localised[] {
  return rules.map((rule, at) =>
    at === rules.length - 1 ? wouldTell(rule, minutes) : say(rule.wouldTell.en.replace(/\.$/, ''), rule.wouldTell.zh.replace(/。$/, '')),
  );
}

/** Rules' own words for what would settle it, with the minutes. */
export function wouldTell(rule: LogRule, minutes: Iterable<number>): Localised {
  const span = spanOf(minutes);
  return span === null
    ? rule.wouldTell
    : say(`${rule.wouldTell.en.replace(/\.$/, '')} (${span.en})`, `${rule.wouldTell.zh.replace(/。$/, '')}（${span.zh}）`);
}

export function adviceText(rule: LogRule, count: number, files: string, minutes: Iterable<number>): Localised {
  const span = spanOf(minutes);
  return say(
    `${rule.title.en}: ${count} ${count === 1 ? 'line' : 'lines'} in ${files}${span === null ? '' : `, ${span.en}`}; no failing request is explained by ${count === 1 ? 'it' : 'them'}.`,
    `${rule.title.zh}：${files} 中 ${count} 行${span === null ? '' : `，${span.zh}`}；没有失败请求由此引起。`,
  );
}

/** `UTC+08:00`. */
export function utcOffset(minutesEast: number): string {
  if (minutesEast === 0) return 'UTC';
  const size = Math.abs(minutesEast);
  return `UTC${minutesEast < 0 ? '-' : '+'}${String(Math.floor(size / 60)).padStart(2, '0')}:${String(size % 60).padStart(2, '0')}`;
}

/** How the zone of an input is known; `logged` where its dates say so. */
export function zoneText({ by, minutesEast, pairs }: ZoneFound): Localised {
  if (by === 'logged' || minutesEast === null) return say('logged', 'logged');
  const zone = utcOffset(minutesEast);
  if (by === 'pairs')
    return say(`${zone}, found from ${pairs} ${pairs === 1 ? 'pair' : 'pairs'} of lines`, `${zone}，由 ${pairs} 对日志行得出`);
  if (by === 'minutes') return say(`${zone}, found from ${pairs} minutes with failures`, `${zone}，由 ${pairs} 个有失败的分钟得出`);
  if (by === 'other-logs') return say(`${zone}, taken from the other logs`, `${zone}，取自其他日志`);
  return by === '--tz'
    ? say(`${zone}, as given by --tz`, `${zone}，由 --tz 指定`)
    : say(`${zone}, the zone of this machine`, `${zone}，本机时区`);
}

const problems: Readonly<Record<InputTally['problems'][number]['kind'], Localised>> = {
  'not-found': say('not found', '不存在'),
  'no-permission': say('no permission to read it', '没有读取权限'),
  truncated: say('the compressed data ends early', '压缩数据不完整'),
  corrupt: say('the compressed data is damaged', '压缩数据损坏'),
  vanished: say('vanished while it was read', '读取过程中消失'),
  shrank: say('became shorter while it was read', '读取过程中变短'),
  grew: say('grew while it was read; what came later was not read', '读取过程中变长，新增部分未读取'),
  binary: say('binary data', '二进制数据'),
  'not-a-file': say('not a file', '不是文件'),
  'read-error': say('reading failed', '读取失败'),
};

/** What went wrong with an input, and what is odd about its lines. */
export function inputNotes(input: InputTally): readonly Localised[] {
  const notes = input.problems.map(({ kind, detail }) => {
    const words = problems[kind];
    const text = plain(detail);
    return text === '' ? words : say(`${words.en}: ${text}`, `${words.zh}：${text}`);
  });
  if (input.cut > 0) notes.push(say(`${input.cut} lines were longer than the limit and were cut`, `${input.cut} 行超过长度上限，已截断`));
  if (input.backwards > 0)
    notes.push(
      say(
        `${input.backwards} lines are dated more than a minute before an earlier line`,
        `${input.backwards} 行的时间比前面的行早一分钟以上`,
      ),
    );
  return notes;
}

/** Tables that were full, in words. */
export function limitsOf(tally: Tally): readonly Localised[] {
  const notes: Localised[] = [];
  const note = (count: number, en: string, zh: string): void => {
    if (count > 0) notes.push(say(`${count} ${en}`, `${count} ${zh}`));
  };
  note(
    tally.failureKeys.dropped,
    'failing requests were left out of the join; their share was estimated',
    '个失败请求未参与关联，按比例估算',
  );
  note(tally.eventKeys.dropped, 'error lines were left out of the join; their share was estimated', '行错误日志未参与关联，按比例估算');
  note(tally.dropped.failures, 'failing requests belong to kinds that did not fit into the table', '个失败请求的类别超出表的容量');
  note(tally.dropped.events, 'error lines belong to kinds that did not fit into the table', '行错误日志的类别超出表的容量');
  note(tally.byPath.dropped, 'failing requests have a path that did not fit into the table', '个失败请求的路径超出表的容量');
  note(
    tally.byClientNetwork.dropped,
    'failing requests have a client network that did not fit into the table',
    '个失败请求的客户端网段超出表的容量',
  );
  note(tally.byHost.dropped, 'failing requests have a host name that did not fit into the table', '个失败请求的主机名超出表的容量');
  if (tally.minuteStep > 1)
    notes.push(
      say(
        `the logs span so long that times are counted in steps of ${tally.minuteStep} minutes`,
        `日志跨度很长，时间按 ${tally.minuteStep} 分钟计数`,
      ),
    );
  return notes;
}

/** Why a cause that seemed to fit is none. */
export function displacedText(proven: string): Localised {
  return say(`The requests that it would fit failed for another reason: ${proven}.`, `与之相符的请求另有原因：${proven}。`);
}
