// `why5xx page`: who produced this error page? The first step of every search for a 5xx.
import { open } from 'node:fs/promises';

import { Command, Option } from 'commander';

import { identify, type Identification, type Response } from '../../facts/fingerprints/identify.ts';
import { meaningOf } from '../../facts/fingerprints/meaning.ts';
import { readResponse } from '../../facts/fingerprints/read-response.ts';
import { UserError } from '../../model/errors.ts';
import { plain } from '../../model/neutral.ts';
import { redactText, redactUrl } from '../../model/redact.ts';
import { inLanguage, say, type Language, type Localised } from '../../model/text.ts';
import { displayWidth, padTo, wrap } from '../../report/width.ts';

interface Flags {
  readonly output: 'text' | 'json';
  readonly lang: Language;
}

/** A page to identify, and where it was found. */
interface Page {
  readonly source: string;
  readonly url: string | null;
  readonly response: Response;
}

const inputCapBytes = 64 * 1024 * 1024;
const shownUrls = 5;

/** `page FILE|-`. Calls `finish` with 0 where every page was identified, else 3; rejects with UserError on misuse. */
export function pageCommand(finish: (code: number) => void): Command {
  return new Command('page')
    .description('who produced this error page: which product, which layer, what it proves')
    .argument('<file>', 'HTML, a response as `curl -i` or `curl -v` shows it, a .har file, or - for standard input')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['text', 'json']).default('text'))
    .addOption(new Option('--lang <language>', 'language of the text').choices(['en', 'zh']).default('en'))
    .action(async (file: string, flags: Flags) => {
      const pages = pagesIn(file, await readInput(file));
      const seen = pages.map((page) => ({ page, identification: identify(page.response) }));
      process.stdout.write(flags.output === 'json' ? asJson(seen) : asText(seen, flags.lang));
      finish(seen.length > 0 && seen.every((each) => each.identification !== null) ? 0 : 3);
    });
}

async function readInput(file: string): Promise<Buffer> {
  const tooLarge = (): UserError =>
    new UserError('too-large', `${file === '-' ? 'standard input' : file} is larger than 64 MiB`, 'Save just the failing request.');
  if (file === '-') {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of process.stdin) {
      const piece = Buffer.from(chunk as Uint8Array);
      bytes += piece.length;
      if (bytes > inputCapBytes) throw tooLarge();
      chunks.push(piece);
    }
    return Buffer.concat(chunks);
  }
  try {
    await using handle = await open(file, 'r');
    const stat = await handle.stat();
    if (stat.size > inputCapBytes) throw tooLarge();
    if (stat.isDirectory()) throw new UserError('not-readable', `${file} is a folder`, 'Name the saved page itself.');
    return await handle.readFile();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      'not-readable',
      `cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`,
      'Check the path.',
    );
  }
}

function pagesIn(file: string, bytes: Buffer): readonly Page[] {
  if (isPicture(bytes) || /\.(png|jpe?g|gif|webp|pdf)$/i.test(file)) {
    throw new UserError(
      'picture',
      `${file} is a picture, and why5xx reads text`,
      "Save the page's HTML (in a browser: Save page as), or run `curl -i URL > page.txt`.",
    );
  }
  const text = bytes.toString('utf8');
  if (text.trim() === '')
    throw new UserError(
      'empty',
      `${file === '-' ? 'standard input' : file} is empty`,
      'Paste the response with its headers: `curl -i URL`.',
    );
  const source = file === '-' ? 'standard input' : file;
  if (/\.har$/i.test(file) || /^\s*\{\s*"log"\s*:/.test(text)) return harPages(source, text);
  return [{ source, url: null, response: readResponse(text) }];
}

function isPicture(bytes: Buffer): boolean {
  const start = bytes.subarray(0, 12).toString('latin1');
  return /^(\x89PNG|\xff\xd8\xff|GIF8|RIFF....WEBP|%PDF-)/s.test(start);
}

/** The 5xx answers of a HAR file, each distinct page once. */
function harPages(source: string, text: string): readonly Page[] {
  const broken = (why: string): UserError =>
    new UserError(
      'not-har',
      `${source} is not a HAR file: ${why}`,
      'Save it again from the browser’s network tab (Save all as HAR with content).',
    );
  let har: unknown;
  try {
    har = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw broken('it is not JSON');
  }
  const entries = field(field(har, 'log'), 'entries');
  if (!Array.isArray(entries)) throw broken('it has no log.entries');
  const pages: Page[] = [];
  for (const entry of entries as readonly unknown[]) {
    const response = field(entry, 'response');
    const status = field(response, 'status');
    if (typeof status !== 'number' || status < 500 || status > 599) continue;
    const url = field(field(entry, 'request'), 'url');
    const content = field(response, 'content');
    const body = field(content, 'text');
    const encoded = field(content, 'encoding') === 'base64';
    const headers = field(response, 'headers');
    pages.push({
      source,
      url: typeof url === 'string' ? url : null,
      response: {
        status,
        headers: Array.isArray(headers)
          ? headers.map((each: unknown) => [String(field(each, 'name')), String(field(each, 'value'))] as const)
          : [],
        body: typeof body !== 'string' ? '' : encoded ? Buffer.from(body.slice(0, 100_000), 'base64').toString('utf8') : body,
      },
    });
  }
  return pages;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

interface Seen {
  readonly page: Page;
  readonly identification: Identification | null;
}

function asJson(seen: readonly Seen[]): string {
  const pages = seen.map(({ page, identification }) => ({
    source: page.source,
    url: page.url === null ? null : redactUrl(page.url),
    status: page.response.status,
    identified:
      identification === null
        ? null
        : { ...identification, because: identification.because.map((each) => ({ ...each, text: redactText(each.text) })) },
    meaning: identification === null ? null : meaningOf(identification),
  }));
  return `${JSON.stringify({ schema: 'why5xx/page@1', pages }, null, 2)}\n`;
}

const words = {
  by: say('Produced by', '由谁产生'),
  relayedBy: say('Passed on by', '由谁转发'),
  layer: say('Layer', '所在层'),
  because: say('Because', '依据'),
  via: say('Via', '途经'),
  proves: say('Proves', '能证明'),
  not: say('Does not', '不能证明'),
  next: say('Ask next', '下一步'),
  note: say('Note', '说明'),
  unknown: say('Nobody whom why5xx knows made this page.', '无法识别这个页面由谁产生。'),
  tryHeaders: say(
    'With headers more can be said: `curl -i URL | why5xx page -`. A page of the application’s own design has no fingerprint.',
    '带上响应头可以判断得更多：`curl -i URL | why5xx page -`。应用自己设计的错误页没有特征。',
  ),
  noneInHar: say('The file holds no 5xx answer.', '文件里没有 5xx 响应。'),
  more: say('more', '更多'),
  unverified: say('not confirmed by a second source', '尚无第二来源证实'),
} satisfies Record<string, Localised>;

const confidences: Readonly<Record<Identification['confidence'], Localised>> = {
  high: say('high confidence', '置信度高'),
  medium: say('medium confidence', '置信度中'),
  low: say('low confidence', '置信度低'),
};

function asText(seen: readonly Seen[], language: Language): string {
  const t = (text: Localised): string => inLanguage(text, language);
  if (seen.length === 0) return `${t(words.noneInHar)}\n`;
  const groups = new Map<string, Seen[]>();
  for (const each of seen) {
    const key = `${each.identification?.id ?? ''} ${each.page.response.status ?? ''}`;
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()].map((group) => textOf(group, t)).join('\n');
}

function textOf(group: readonly Seen[], t: (text: Localised) => string): string {
  const [first] = group;
  if (first === undefined) return '';
  const { page, identification } = first;
  const lines: string[] = [`${plain(page.source)}${page.response.status === null ? '' : ` · ${page.response.status}`}`];
  const urls = [...new Set(group.map((each) => each.page.url).filter((url) => url !== null))];
  for (const url of urls.slice(0, shownUrls)) lines.push(`  ${plain(redactUrl(url)).slice(0, 200)}`);
  if (urls.length > shownUrls) lines.push(`  +${urls.length - shownUrls} ${t(words.more)}`);
  if (identification === null) return `${[...lines, '', `  ${t(words.unknown)}`, `  ${t(words.tryHeaders)}`].join('\n')}\n`;
  const meaning = meaningOf(identification);
  const labelled = Math.max(...[words.by, words.relayedBy, words.not, words.next].map((each) => displayWidth(t(each)))) + 2;
  const room = Math.max(40, Math.min(process.stdout.columns ?? 80, 120) - labelled - 2);
  const row = (label: Localised, text: string): void => {
    for (const [i, line] of wrap(text, room).entries()) lines.push(`  ${padTo(i === 0 ? t(label) : '', labelled)}${line}`);
  };
  lines.push('');
  const sure = [t(confidences[identification.confidence]), ...(identification.verified ? [] : [t(words.unverified)])].join(
    t(say(', ', '，')),
  );
  row(identification.kind === 'relayed' ? words.relayedBy : words.by, `${identification.product} (${sure})`);
  row(words.layer, t(meaning.layer));
  for (const each of identification.because) row(words.because, `${each.part}: ${each.text === '' ? '""' : plain(redactText(each.text))}`);
  if (identification.via.length > 0) row(words.via, identification.via.join(', '));
  row(words.proves, t(meaning.proves));
  row(words.not, t(meaning.doesNotProve));
  row(words.next, t(meaning.next));
  if (meaning.note !== null) row(words.note, t(meaning.note));
  return `${lines.join('\n')}\n`;
}
