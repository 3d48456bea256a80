// Pages must not lie: links lead somewhere, the site file's page names every key and its example is valid, and the page of the command
// line is what the program itself says.
import { execFile } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

import { causes } from '../src/causes/index.ts';
import { parseBundle } from '../src/engine/bundle.ts';
import { judgeBundle } from '../src/engine/report.ts';
import { siteSchema } from '../src/model/site.ts';
import { renderTerminal } from '../src/report/terminal.ts';

const root = path.join(import.meta.dirname, '..');
const execute = promisify(execFile);
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const pages = ['*.md', 'docs/**/*.md', 'src/causes/*/*.md', 'bench/**/*.md'].flatMap((each) => globSync(each, { cwd: root })).toSorted();

/** GitHub's anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[`*]/g, '')
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
}

describe('links', () => {
  it.for(pages)('of %s lead somewhere', (page) => {
    const broken: string[] = [];
    const text = read(page).replaceAll(/^```[\s\S]*?^```/gm, '');
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const full = file === '' ? path.join(root, page) : path.join(root, path.dirname(page), file);
      if (!existsSync(full)) broken.push(target);
      else if (
        anchor !== undefined &&
        ![...readFileSync(full, 'utf8').matchAll(/^#+ (.+)$/gm)].some((each) => anchorOf(each[1] ?? '') === anchor)
      )
        broken.push(target);
    }
    expect(broken).toEqual([]);
  });
});

describe('the page of the site file', () => {
  const page = read('docs/site-file.md');

  it('has a valid example', () => {
    const [, yaml = ''] = /^```yaml\n([\s\S]*?)^```/m.exec(page) ?? [];
    expect(siteSchema.safeParse(parse(yaml)).error?.issues ?? []).toEqual([]);
  });

  it('names every key', () => {
    const keys = new Set<string>();
    const collect = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const [key, value] of Object.entries(node)) {
        if (key === 'properties') for (const name of Object.keys(value as object)) keys.add(name);
        collect(value);
      }
    };
    collect(z.toJSONSchema(siteSchema, { io: 'input', unrepresentable: 'any' }));
    expect(keys.size).toBeGreaterThan(30);
    expect([...keys].filter((each) => !page.includes(`\`${each}\``) && !new RegExp(`\\b${each}:`).test(page))).toEqual([]);
  });
});

describe('the picture in the README', () => {
  it('is what the product prints about a recorded failure', async () => {
    const page = read('README.md');
    const block = /^<!-- picture: (\S+) -->\n[\s\S]*?^<!-- end of picture -->\n/m.exec(page);
    if (block?.[1] === undefined)
      throw new Error('README.md has no picture: <!-- picture: path of an example --> … <!-- end of picture -->');
    const report = judgeBundle(parseBundle(read(block[1]), block[1]), causes);
    expect(report.outcome).toBe('cause-found');
    const text = renderTerminal(report, { width: 80, colour: 0, unicode: true });
    const fresh = `<!-- picture: ${block[1]} -->\n\n\`\`\`console\n$ why5xx ${report.site}.yaml\n${text}\`\`\`\n\n<!-- end of picture -->\n`;
    await expect(`${page.slice(0, block.index)}${fresh}${page.slice(block.index + block[0].length)}`).toMatchFileSnapshot('../README.md');
  });
});

describe('the page of the command line', () => {
  it('is what the program says', { timeout: 120_000 }, async () => {
    const page = read('docs/cli.md');
    const mark = /^<!-- Written by test\/docs\.test\.ts .*-->\n/m.exec(page);
    if (mark === null) throw new Error('docs/cli.md has lost its mark');
    const sections = await sectionsOf([]);
    expect(sections.length).toBeGreaterThan(3);
    await expect(`${page.slice(0, mark.index)}${mark[0]}\n${sections.join('\n')}`).toMatchFileSnapshot('../docs/cli.md');
  });
});

/** One section for a command, then those of its subcommands, from their own help. */
async function sectionsOf(command: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await execute(process.execPath, ['src/cli/main.ts', ...command, '--help'], {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1', COLUMNS: '100' },
    timeout: 30_000,
  });
  const help = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.trimEnd());
  const from = help.indexOf('Commands:');
  const listed = from < 0 ? [] : help.slice(from + 1, help.indexOf('', from) < 0 ? undefined : help.indexOf('', from));
  const names = listed.flatMap((line) => /^ {2}([a-z][a-z-]*)\b/.exec(line)?.[1] ?? []).filter((each) => each !== 'help');
  const own = `${'#'.repeat(command.length + 2)} ${['why5xx', ...command].join(' ')}\n\n\`\`\`\n${help.join('\n')}\n\`\`\`\n`;
  const below: string[] = [];
  for (const name of names) below.push(...(await sectionsOf([...command, name])));
  return [own, ...below];
}
