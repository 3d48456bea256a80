// Evidence is written by others. Whatever stands in it, reports stay inert: no control characters, no markup, no links, no scripts.
import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';
import { describe, expect, it } from 'vitest';

import { hasUnsafe } from '../../src/model/neutral.ts';
import { renderHtml } from '../../src/report/html.ts';
import { escapeHtml } from '../../src/report/html-text.ts';
import { renderJson } from '../../src/report/json.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { prose } from '../../src/report/markdown-text.ts';
import { renderTerminal } from '../../src/report/terminal.ts';
import { recipients, renderTicket } from '../../src/report/ticket.ts';
import { goldenReport } from './golden.ts';

const report = goldenReport('hostile');

/** As a forge that trusts its users too much would show it: raw HTML allowed, autolinks on. */
function rendered(markdown: string): string {
  return micromark(markdown, { allowDangerousHtml: true, allowDangerousProtocol: true, extensions: [gfm()], htmlExtensions: [gfmHtml()] });
}
const active = /<(?!\/?(h[1-6]|p|ul|ol|li|strong|em|code|pre|br)\b)[a-z!/][^>]*>/gi;

describe('terminal', () => {
  it.for(['quiet', 'normal', 'verbose'] as const)('%s: the only control sequences are our own colours', (detail) => {
    const text = renderTerminal(report, { width: 80, colour: true, unicode: true, detail });
    const uncoloured = text.replaceAll(/\u001b\[(?:1|2|22|39|3[0-9]|1;31|22;39)m/g, '');
    expect(hasUnsafe(uncoloured.replaceAll('\n', ''))).toBe(false);
  });
});

describe('json', () => {
  it('holds no raw control or bidi characters and reads back the same', () => {
    const text = renderJson(report);
    expect(hasUnsafe(text.replaceAll('\n', ''))).toBe(false);
    expect(JSON.parse(text)).toEqual(report);
  });
});

describe('markdown', () => {
  const texts = [
    ['report', renderMarkdown(report)] as const,
    ...recipients.map((to) => [`ticket to ${to}`, renderTicket(report, { to, now: new Date(0) })] as const),
  ];

  it.for(texts)('%s: becomes no element that we did not write', ([, markdown]) => {
    expect(rendered(markdown).match(active) ?? []).toEqual([]);
  });

  it.for(texts)('%s: has our headings only', ([, markdown]) => {
    const headings = Array.from(rendered(markdown).matchAll(/<h[1-6]>(.*?)<\/h[1-6]>/gs), (match) => match[1]);
    expect(headings.filter((heading) => heading?.trim().startsWith('forged'))).toEqual([]);
  });

  it.for([
    'https://evil.example/x',
    'see www.evil.example.',
    'root@evil.example',
    '@everyone',
    '[x](https://evil.example)',
    '![x](https://evil.example/p.png)',
    '<b>bold</b>',
    '<https://evil.example>',
    '&lt;script&gt;',
    '1. item',
    '- item',
    '# heading',
    '> quote',
    '```',
    '~~~',
    '***',
    '===',
    'a | b',
    '`code` and **bold** and ~~gone~~',
    '[ref]: https://evil.example',
    'ftp://evil.example',
    'HTTP://EVIL.example',
    '中文https://evil.example中文',
  ])('prose: %s stays a sentence', (text) => {
    const shown = rendered(prose(text));
    expect(shown.startsWith('<p>')).toBe(true);
    expect(shown.replaceAll(/<\/?(p|code)>/g, '')).not.toMatch(/<[a-z/!]/i);
    const readable = shown
      .replaceAll(/<\/?(p|code)>/g, '')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&amp;', '&');
    expect(readable).toBe(text);
  });
});

describe('html', () => {
  it('escapes every character that could end text or an attribute', () => {
    expect(escapeHtml(`<a href='x' b="y">&\`\u001b\u202e`)).toBe('&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;&#96;\\x1b\\u202e');
  });

  it('has only elements and attributes of ours', () => {
    const page = renderHtml(report);
    const tags = new Set(Array.from(page.matchAll(/<([a-z][a-z0-9]*)/gi), (match) => match[1]?.toLowerCase()));
    const known =
      'a body br code dd details div dl dt footer h1 h2 h3 head html li link main meta ol p pre span strong style summary title ul'.split(
        ' ',
      );
    expect([...tags].filter((tag) => !known.includes(tag ?? ''))).toEqual([]);
    const written = page.match(/<[a-z][^>]*>/gi) ?? [];
    expect(written.filter((tag) => /\s(on\w+|style|src|action|formaction)\s*=/i.test(tag))).toEqual([]);
    expect(Array.from(page.matchAll(/\shref="([^"]*)"/g), (match) => match[1])).toEqual(['data:,', '#answer']);
  });
});
