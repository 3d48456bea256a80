// Holds the import directions of docs/architecture.md against the sources: a layer that reaches where it must not is a failing test.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.join(import.meta.dirname, '..');

interface Rule {
  /** Layers it may import; `:type` allows types only. Its own layer is always allowed. */
  readonly may: readonly string[];
  /** `node:` modules: all, none, or these. */
  readonly node: 'all' | 'none' | readonly string[];
  /** Packages from the registry. */
  readonly packages: readonly string[];
  /** Globals that its code must not touch. */
  readonly globals?: readonly string[];
}

/** The table. `*` stands for every layer but `cli`. */
const rules: Readonly<Record<string, Rule>> = {
  model: { may: [], node: 'none', packages: ['zod', 'ipaddr.js'] },
  logs: { may: ['model'], node: 'all', packages: ['yaml', 'zod'] },
  facts: { may: ['model', 'logs:type'], node: 'none', packages: ['ipaddr.js'] },
  transport: { may: ['model'], node: 'all', packages: [] },
  site: { may: ['model'], node: 'all', packages: ['yaml', 'ipaddr.js', 'zod'] },
  probe: { may: ['model', 'facts', 'logs', 'transport:type'], node: 'all', packages: ['ipaddr.js'] },
  // The registry fits the engine's sockets, whose types it may know.
  probes: { may: ['model', 'probe', 'engine:type', 'transport:type'], node: 'none', packages: [] },
  cause: { may: ['model', 'facts'], node: 'none', packages: ['ipaddr.js'], globals: ['process', 'console', 'fetch'] },
  fault: { may: ['model'], node: 'none', packages: [], globals: ['process', 'console', 'fetch'] },
  causes: { may: ['model', 'cause'], node: 'none', packages: [] },
  faults: { may: ['model', 'fault'], node: 'none', packages: [] },
  engine: { may: ['model', 'facts', 'logs:type', 'probe:type', 'transport:type'], node: 'all', packages: ['ipaddr.js', 'zod'] },
  report: { may: ['model'], node: 'none', packages: ['get-east-asian-width'], globals: ['process', 'console', 'fetch'] },
  fix: { may: ['model', 'facts', 'engine', 'report', 'transport'], node: 'all', packages: [] },
  lab: {
    may: ['model', 'facts', 'engine', 'report', 'transport', 'site', 'faults', 'fault'],
    node: 'all',
    packages: ['yaml', 'ipaddr.js'],
  },
  library: { may: ['*'], node: 'all', packages: [] },
  cli: { may: ['*'], node: 'all', packages: ['commander', 'yaml'] },
};

interface Source {
  /** Relative to the repository, with slashes: `src/engine/judge.ts`. */
  readonly file: string;
  readonly text: string;
}
interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
}

/** The layer of a source file, or null where the table does not know its folder. */
function layerOf(file: string): string | null {
  const [, folder = '', second = '', third] = file.split('/');
  if (folder === 'index.ts') return 'library';
  if (folder === 'probes') return second === 'index.ts' ? 'probes' : 'probe';
  if (folder === 'causes') {
    if (third === undefined) return second === 'faults.ts' ? 'faults' : 'causes';
    return third === 'fault.ts' ? 'fault' : 'cause';
  }
  return Object.hasOwn(rules, folder) ? folder : null;
}

/** Imports, re-exports and dynamic imports of one source. Comments are cut first, so that a quoted example does not count. */
function importsOf(text: string): readonly Import[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
  const found: Import[] = [];
  for (const match of code.matchAll(/^\s*(?:import|export)\s+(type\s+)?(?:[\w*\s{},$]+?\s+from\s+)?(['"])([^'"\n]+)\2/gm)) {
    const names = /\{([^}]*)\}/
      .exec(match[0])?.[1]
      ?.split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '');
    const each =
      names !== undefined && names.length > 0 && !/^\s*import\s+\w+\s*,/.test(match[0]) && names.every((name) => name.startsWith('type '));
    found.push({ from: match[3] ?? '', typeOnly: match[1] !== undefined || each });
  }
  for (const match of code.matchAll(/\b(?:import|require)\s*\(\s*(['"`])([^'"`\n]+)\1/g))
    found.push({ from: match[2] ?? '', typeOnly: false });
  return found;
}

/** Name of the unit that a probe or cause file belongs to: its folder, or null for files that all units share. */
function unitOf(file: string): string | null {
  const [, kind, unit, rest] = file.split('/');
  return (kind === 'probes' || kind === 'causes') && rest !== undefined ? (unit ?? null) : null;
}

function violationsOf(source: Source): readonly string[] {
  const layer = layerOf(source.file);
  const rule = layer === null ? undefined : rules[layer];
  if (layer === null || rule === undefined)
    return [`${source.file}: its folder is in no layer; name it in the table of test/layers.test.ts`];
  const found: string[] = [];
  for (const each of importsOf(source.text)) {
    const complain = (why: string): void => void found.push(`${source.file} imports ${each.from}: ${why}`);
    if (each.from.startsWith('node:')) {
      if (rule.node === 'none' || (rule.node !== 'all' && !rule.node.includes(each.from))) complain(`${layer} uses no such module of Node`);
    } else if (each.from.startsWith('.')) {
      const target = path.posix.join(path.posix.dirname(source.file), each.from);
      const targetLayer = target === 'package.json' ? 'library' : layerOf(target);
      if (!each.from.endsWith('.ts') && !each.from.endsWith('.json')) complain('relative imports end in .ts');
      if (/\/testing\/|test-support\.ts$/.test(target)) complain('only tests may import it');
      if (targetLayer === null) complain('it is in no layer');
      else if (targetLayer === layer) {
        const [own, other] = [unitOf(source.file), unitOf(target)];
        if (other !== null && own !== other) complain(`the inside of ${other} is its own`);
      } else if (targetLayer === 'cli' || !allows(rule, targetLayer, each.typeOnly)) complain(`${layer} must not import ${targetLayer}`);
    } else {
      const name = each.from.startsWith('@') ? each.from.split('/').slice(0, 2).join('/') : (each.from.split('/')[0] ?? '');
      if (!rule.packages.includes(name)) complain(`${layer} must not use this package`);
    }
  }
  for (const name of rule.globals ?? []) {
    const code = source.text
      .replaceAll(/\/\*[\s\S]*?\*\//g, '')
      .replaceAll(/\/\/.*$/gm, '')
      .replaceAll(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''");
    if (
      new RegExp(String.raw`(?<![\w.$'-])${name}\s*(\.\s*[a-z]\w*\s*[(.;,)]|\()`).test(code) &&
      !new RegExp(String.raw`(const|let|function|\(|,|=>)\s*\(?\{?\s*${name}\b\s*[,):=]`).test(code)
    ) {
      found.push(`${source.file} uses ${name}: ${layer} is pure`);
    }
  }
  return found;
}

function allows(rule: Rule, layer: string, typeOnly: boolean): boolean {
  return rule.may.includes('*') || rule.may.includes(layer) || (typeOnly && rule.may.includes(`${layer}:type`));
}

const sources: readonly Source[] = globSync('src/**/*.ts', { cwd: root })
  .map((file) => file.split(path.sep).join('/'))
  .filter((file) => !file.endsWith('.test.ts') && !/\/testing\/|test-support\.ts$/.test(file))
  .toSorted()
  .map((file) => ({ file, text: readFileSync(path.join(root, file), 'utf8') }));

describe('import direction', () => {
  it('sees the sources', () => {
    const layers = new Set(sources.map((each) => layerOf(each.file)));
    expect(sources.length).toBeGreaterThan(50);
    for (const layer of [
      'model',
      'facts',
      'logs',
      'transport',
      'site',
      'probe',
      'probes',
      'engine',
      'report',
      'lab',
      'cause',
      'fault',
      'causes',
      'faults',
      'cli',
    ])
      expect(layers).toContain(layer);
    expect(sources.flatMap((each) => importsOf(each.text)).length).toBeGreaterThan(sources.length);
  });

  it('follows the table', () => {
    expect(sources.flatMap(violationsOf)).toEqual([]);
  });

  it('reads every form of import', () => {
    const text = [
      "import { a } from './a.ts';",
      "import type { B } from './b.ts';",
      "import { type C, type D } from './c.ts';",
      "import { type C, d } from './d.ts';",
      "import e, { type E } from './e.ts';",
      "import {\n  f,\n  g,\n} from './f.ts';",
      "export * from './g.ts';",
      "export { h } from './h.ts';",
      "import './i.ts';",
      "const j = await import('./j.ts');",
      "// import { k } from './k.ts';",
      "/* import { l } from './l.ts'; */",
      "import * as m from 'node:fs';",
    ].join('\n');
    expect(importsOf(text).map((each) => `${each.from}${each.typeOnly ? ' (type)' : ''}`)).toEqual([
      './a.ts',
      './b.ts (type)',
      './c.ts (type)',
      './d.ts',
      './e.ts',
      './f.ts',
      './g.ts',
      './h.ts',
      './i.ts',
      'node:fs',
      './j.ts',
    ]);
  });

  const planted: readonly (readonly [why: string, file: string, text: string, complaint: RegExp])[] = [
    ['the model does no I/O', 'src/model/x.ts', "import { readFileSync } from 'node:fs';", /model uses no such module/],
    ['the model imports nothing above it', 'src/model/x.ts', "import { f } from '../facts/f.ts';", /model must not import facts/],
    ['a judge does no I/O', 'src/causes/disk-full/cause.ts', "import { statfs } from 'node:fs/promises';", /cause uses no such module/],
    ['a judge does not look at the clock of the process', 'src/causes/disk-full/cause.ts', 'const t = process.uptime();', /cause is pure/],
    [
      'a judge does not know other causes',
      'src/causes/disk-full/cause.ts',
      "import { oom } from '../oom-killed/cause.ts';",
      /the inside of oom-killed is its own/,
    ],
    [
      'a judge does not know its fault',
      'src/causes/disk-full/cause.ts',
      "import { fault } from './fault.ts';",
      /cause must not import fault/,
    ],
    [
      'a judge does not measure',
      'src/causes/disk-full/fix.ts',
      "import { disks } from '../../probes/disks/probe.ts';",
      /cause must not import probe/,
    ],
    [
      'a fault does not know the judge',
      'src/causes/disk-full/fault.ts',
      "import { diskFull } from './cause.ts';",
      /fault must not import cause/,
    ],
    [
      'a fault reaches the lab through the model',
      'src/causes/disk-full/fault.ts',
      "import type { World } from '../../lab/world.ts';",
      /fault must not import lab/,
    ],
    [
      'a probe does not know causes',
      'src/probes/disks/probe.ts',
      "import { causes } from '../../causes/index.ts';",
      /probe must not import causes/,
    ],
    [
      "a probe does not use another probe's inside",
      'src/probes/disks/probe.ts',
      "import { x } from '../fpm/parse.ts';",
      /the inside of fpm is its own/,
    ],
    [
      'a probe sends nothing itself',
      'src/probes/disks/probe.ts',
      "import { openSsh } from '../../transport/ssh.ts';",
      /probe must not import transport/,
    ],
    [
      'the engine is given its probes',
      'src/engine/gather.ts',
      "import { probes } from '../probes/index.ts';",
      /engine must not import probe/,
    ],
    [
      'the engine is given its causes',
      'src/engine/judge.ts',
      "import { causes } from '../causes/index.ts';",
      /engine must not import causes/,
    ],
    ['a report reads no file', 'src/report/html.ts', "import { readFileSync } from 'node:fs';", /report uses no such module/],
    ['a report prints nothing', 'src/report/terminal.ts', "console.log('x');", /report is pure/],
    ['nobody imports the command line', 'src/lab/up.ts', "import { main } from '../cli/main.ts';", /must not import cli/],
    ['the library neither', 'src/index.ts', "import { main } from './cli/main.ts';", /must not import cli/],
    ['packages are named in the table', 'src/facts/x.ts', "import { parse } from 'yaml';", /must not use this package/],
    ['a new folder needs a rule', 'src/helpers/x.ts', '', /in no layer/],
    [
      'what tests share stays with tests',
      'src/facts/x.ts',
      "import { openNamespace } from './testing/namespaces.ts';",
      /only tests may import it/,
    ],
    ['dynamic imports count', 'src/report/x.ts', "const a = await import('../engine/judge.ts');", /report must not import engine/],
  ];
  it.for(planted)('%s', ([, file, text, complaint]) => {
    expect(violationsOf({ file, text }).join('\n')).toMatch(complaint);
  });

  it('lets types pass where only types are allowed', () => {
    expect(violationsOf({ file: 'src/probes/disks/probe.ts', text: "import type { Transport } from '../../transport/open.ts';" })).toEqual(
      [],
    );
    expect(violationsOf({ file: 'src/report/page.ts', text: "const text = 'a console.log(1) in a string'; // console.log(2)" })).toEqual(
      [],
    );
  });
});
