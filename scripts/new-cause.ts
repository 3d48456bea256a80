// Writes the folder of a new cause and its registry lines: `npm run new:cause ID`. What it writes compiles; its test fails until the
// judge can tell guilty evidence from innocent evidence, and the contract test until the pages and the example are there.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** What went wrong in the user's words. */
class Refused extends Error {}

/** Identifier of a kebab-case id: `disk-full` → `diskFull`. */
function camel(id: string): string {
  return id.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Throws Refused unless `id` can name a cause. */
function checkId(id: string | undefined): asserts id is string {
  if (id === undefined || id === '') throw new Refused('give an id: npm run new:cause disk-full');
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)+$/.test(id))
    throw new Refused(`"${id}" is no id: use two or more lower-case words with hyphens, such as disk-full`);
  if (/^(check|is|has|test|detect|find|verify)-/.test(id))
    throw new Refused(`"${id}" begins with a verb: name the failing state, such as disk-full`);
}

function filesOf(id: string): Readonly<Record<string, string>> {
  const name = camel(id);
  const Name = name.charAt(0).toUpperCase() + name.slice(1);
  return {
    'cause.ts': `// How ${id} comes about, in plain words: what the kernel, the balancer and the application each do. Replace this sentence.
import { defineCause } from '../../model/cause.ts';
import { say } from '../../model/text.ts';
import { fix${Name} } from './fix.ts';

export const ${name} = defineCause({
  id: '${id}',
  title: say('${id}', '${id}'),
  layer: 'host',
  perHost: ['backend'],
  needs: ['host-facts'],
  judge(scene) {
    return { is: 'inconclusive', host: scene.host?.host ?? null, reason: say('not judged yet', '尚未判断') };
  },
  fix: fix${Name},
});
`,
    'fix.ts': `// What to do about ${id}: smallest risk first, with the command that takes it back.
import type { Convicted } from '../../model/finding.ts';
import type { Fix } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fix${Name}(finding: Convicted): Fix {
  return {
    summary: say('${id}', '${id}'),
    steps: [{ title: say('${id}', '${id}'), host: finding.host, risk: 'none' }],
    verify: say('${id}', '${id}'),
  };
}
`,
    'fault.ts': `// Breaks a lab site for real. Every change goes through the lab's interface, which knows how to take it back.
import type { Fault } from '../../model/fault.ts';

export const ${name}Fault: Fault = {
  cause: '${id}',
  variants: [
    {
      name: 'one',
      title: '${id} on one backend',
      host: 'web-2',
      inject: () => Promise.reject(new Error('${id} cannot be injected yet')),
    },
  ],
};
`,
    'cause.test.ts': `// Guilty, innocent neighbour, threshold: one row for each, with only the evidence that matters.
import { describe, expect, it } from 'vitest';

import { ${name} } from './cause.ts';

describe('${id}', () => {
  it('has a judge', () => {
    const finding = ${name}.judge({
      site: { why5xx: 1, name: 'shop', url: 'http://shop.example.com/', requests: [], resolve: {}, clients: [], edge: [], backends: [], limits: { requests: 60, seconds: 120 } },
      hosts: [],
      symptoms: [],
      traces: [],
      host: null,
      one: () => undefined,
      all: () => [],
    });
    expect([finding].flat().map((each) => each.is)).not.toContain('inconclusive');
  });
});
`,
    'README.md': page('Symptom', 'Evidence', 'Fix', 'When it is not this', 'Reproduce')(id),
    'README.zh.md': page('现象', '证据', '修复', '何时不是它', '复现')(id),
  };
}

function page(...headings: readonly string[]): (id: string) => string {
  return (id) =>
    `# ${id}\n${headings.map((heading, i) => `\n## ${heading}\n${i === headings.length - 1 ? `\n    why5xx lab break ${id}\n` : ''}`).join('')}`;
}

/** The registry with one more entry. Imports and list are written anew, in alphabetical order of the ids. */
export function withEntry(registry: string, id: string, kind: 'cause' | 'fault'): string {
  const suffix = kind === 'fault' ? 'Fault' : '';
  const entry = /^import \{ (\w+) \} from '\.\/([a-z0-9-]+)\/(?:cause|fault)\.ts';$/gm;
  const names = new Map([...registry.matchAll(entry)].map((match) => [match[2] ?? '', match[1] ?? '']));
  names.set(id, `${camel(id)}${suffix}`);
  const sorted = [...names].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const imports = sorted.map(([folder, name]) => `import { ${name} } from './${folder}/${kind}.ts';`).join('\n');
  const list = `[\n${sorted.map(([, name]) => `  ${name},\n`).join('')}]`;
  const bare = registry.replaceAll(new RegExp(`${entry.source}\\n`, 'gm'), '');
  const withImports = bare.replace(/^(import type .*\n)/m, (line) => `${line}${imports}\n`);
  const done = withImports.replace(
    /^(export const (?:causes|faults): readonly \w+\[\] = )\[[^\]]*\]/m,
    (_, head: string) => `${head}${list}`,
  );
  if (!done.includes(imports) || !done.includes(list))
    throw new Refused('the registry does not look as expected: an import type line, then the list');
  return done;
}

/** Writes the folder below `home` (src/causes) and both registries. Throws Refused before anything is written. */
export function newCause(home: string, id: string | undefined): readonly string[] {
  checkId(id);
  const folder = path.join(home, id);
  if (existsSync(folder)) throw new Refused(`${folder} exists already`);
  const registries = (['cause', 'fault'] as const).map((kind) => {
    const file = path.join(home, kind === 'cause' ? 'index.ts' : 'faults.ts');
    return { file, text: withEntry(readFileSync(file, 'utf8'), id, kind) };
  });
  mkdirSync(path.join(folder, 'examples'), { recursive: true });
  const files = Object.entries(filesOf(id)).map(([file, text]) => ({ file: path.join(folder, file), text }));
  for (const { file, text } of [...files, ...registries]) writeFileSync(file, text);
  return [...files, ...registries].map(({ file }) => file);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = path.join(import.meta.dirname, '..');
  try {
    for (const file of newCause(path.join(root, 'src/causes'), process.argv[2])) console.log(path.relative(root, file));
    console.log('\nNext: docs/adding-a-cause.md');
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    console.error(error.message);
    process.exit(2);
  }
}
