// `npm run record -- [CAUSE[:VARIANT]…]`: breaks a lab with each fault and keeps the evidence as that cause's example. An example whose
// verdict is not this cause, confirmed, is not written: it would be evidence of a bug, not an example.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { causes } from '../src/causes/index.ts';
import { faults } from '../src/causes/faults.ts';
import { parseBundle } from '../src/engine/bundle.ts';
import { judgeBundle } from '../src/engine/report.ts';
import type { FaultVariant } from '../src/model/fault.ts';

const root = path.join(import.meta.dirname, '..');
const program = path.join(root, 'src/cli/main.ts');
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    balancer: { type: 'string', default: 'nginx' },
    inside: { type: 'boolean', default: false },
  },
});

/** What to record: the named variants, or the first variant of each cause that this balancer can show. */
const wanted = faults.flatMap(({ cause, variants }) => {
  const named = positionals.filter((each) => each.split(':')[0] === cause);
  const possible = variants.filter((each) => each.balancers?.some((balancer) => balancer === flags.balancer) ?? true);
  if (positionals.length === 0) return possible.slice(0, 1).map((variant) => ({ cause, variant }));
  return named.flatMap((each) =>
    possible
      .filter((variant, i) => variant.name === (each.split(':')[1] ?? (i === 0 ? variant.name : '')))
      .map((variant) => ({ cause, variant })),
  );
});

if (flags.inside) {
  const folder = mkdtempSync(path.join(tmpdir(), 'why5xx-record-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const bad = wanted.filter(({ cause, variant }) => !record(folder, cause, variant));
  process.exitCode = bad.length === 0 ? 0 : 1;
} else {
  const world = ['--net', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc'];
  const enterWorld = 'mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/lock && ip link set lo up && "$@"';
  const child = spawn(
    'unshare',
    [...world, 'sh', '-c', enterWorld, 'sh', process.execPath, import.meta.filename, '--inside', ...process.argv.slice(2)],
    {
      stdio: 'inherit',
    },
  );
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGKILL'));
  child.on('exit', (code) => process.exit(code ?? 2));
}

/** Records one example in a lab of its own, with noise. False where the verdict is another one or a command failed. */
function record(folder: string, cause: string, variant: FaultVariant): boolean {
  const layer = variant.layers?.[0] ?? 7;
  const saved = path.join(folder, 'evidence.json');
  const site = path.join(folder, 'shop.yaml');
  const name = `${cause}:${variant.name}`;
  const why5xx = (words: readonly string[]): { readonly status: number | null; readonly stdout: string } =>
    spawnSync(process.execPath, [program, ...words], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 180_000,
    });
  try {
    for (const words of [
      ['up', '--balancer', flags.balancer, '--layer', String(layer), '--backends', '2', '--noise', '1'],
      ['break', name],
    ]) {
      if (why5xx(['lab', ...words]).status !== 0) {
        console.error(`${name}: lab ${words.join(' ')} failed`);
        return false;
      }
    }
    writeFileSync(site, why5xx(['lab', 'site']).stdout);
    why5xx([site, '--quiet', '--save', saved]);
    const bundle = parseBundle(readFileSync(saved, 'utf8'), saved);
    const [first] = judgeBundle(bundle, causes).causes;
    if (first?.id !== cause || first.certainty !== 'confirmed') {
      console.error(`${name}: not recorded, the verdict was ${first === undefined ? 'none' : `${first.id} (${first.certainty})`}`);
      return false;
    }
    const file = path.join(root, 'src/causes', cause, 'examples', `${flags.balancer}-${variant.name}.json`);
    mkdirSync(path.dirname(file), { recursive: true });
    // On one line: examples are read by programs, and half the size matters where there are many.
    writeFileSync(file, `${JSON.stringify(bundle)}\n`);
    console.log(`${name}: ${path.relative(root, file)}`);
    return true;
  } finally {
    why5xx(['lab', 'down']);
    rmSync(saved, { force: true });
  }
}
