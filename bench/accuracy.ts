// The accuracy bench: every fault variant × balancer × layer × access through the real CLI, plus healthy controls full of noise.
// Prints truth against verdict and writes JSON. `npm run bench:accuracy -- --help` lists its options.
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { faults } from '../src/causes/faults.ts';
import type { BalancerEngine, LabLayer } from '../src/model/fault.ts';
import { labUp, makeWorld } from '../test/lab/world.ts';
import { accesses, applies, ask } from './run-fault.ts';
import { summarise } from './summary.ts';
import type { Access, Row } from './run-fault.ts';

const help = `npm run bench:accuracy -- [options]
  --balancer nginx,haproxy   --layer 7,4   --access full,backends,client
  --only CAUSE[,CAUSE]       only these causes (or cause:variant)
  --first                    one variant of each cause
  --controls N               healthy controls for each balancer and layer (default 6)
  --ssh                      reach the hosts over ssh instead of nsenter
  --inside NAME,NAME         only these hosts of the site may be looked into, and only these clients send
  --backends N               backends of the lab (default 3); variants that break a host which is not there are left out
  --real-timeouts            the 60 s that products ship with, instead of the lab's short ones
  --layer4-access A,B        accesses tried at layer 4 (default: those of --access)
  --seed N                   seed of the background noise (default 1)
  --out FILE                 where the JSON goes (default bench/results/accuracy-DATE.json)`;

const { values } = parseArgs({
  options: {
    balancer: { type: 'string', default: 'nginx,haproxy' },
    layer: { type: 'string', default: '7,4' },
    access: { type: 'string', default: 'full,backends,client' },
    'layer4-access': { type: 'string' },
    only: { type: 'string' },
    first: { type: 'boolean', default: false },
    controls: { type: 'string', default: '6' },
    ssh: { type: 'boolean', default: false },
    inside: { type: 'string' },
    backends: { type: 'string', default: '3' },
    'real-timeouts': { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

const words = (text: string): readonly string[] => text.split(',').filter((each) => each !== '');
const balancers = words(values.balancer) as readonly BalancerEngine[];
const layers = words(values.layer).map(Number) as unknown as readonly LabLayer[];
const chosenAccesses = words(values.access) as readonly Access[];
const layer4Accesses = words(values['layer4-access'] ?? values.access) as readonly Access[];
const only = values.only === undefined ? null : words(values.only);
for (const access of [...chosenAccesses, ...layer4Accesses]) if (!accesses.includes(access)) throw new Error(`unknown access ${access}`);

const ways = { ssh: values.ssh, ...(values.inside === undefined ? {} : { inside: words(values.inside) }) };

const rows: Row[] = [];
const problems: string[] = [];
const began = Date.now();

function print(row: Row): void {
  const truth = row.truth === null ? 'healthy' : `${row.truth.id}@${row.truth.host ?? '-'}`;
  const said = row.verdict === null ? row.outcome : `${row.verdict.id}@${row.verdict.host ?? '-'} ${row.verdict.certainty}`;
  const mark = row.wrongConfirmed ? 'WRONG' : row.right ? 'ok   ' : row.access === 'client' && row.placeRight ? 'place' : 'miss ';
  console.log(
    `${mark} ${row.balancer.padEnd(7)} L${row.layer} ${row.access.padEnd(8)} ${row.fault.padEnd(46)} ${said.padEnd(52)} ${row.right ? '' : `truth ${truth} `}+${(row.beyondMs / 1000).toFixed(1)} s${row.message === null ? '' : ` ${row.message}`}`,
  );
}
function keep(row: Row): void {
  rows.push(row);
  print(row);
}

for (const balancer of balancers) {
  for (const layer of layers) {
    await using world = await makeWorld();
    const lab = await labUp(
      world,
      '--balancer',
      balancer,
      '--layer',
      String(layer),
      '--noise',
      values.seed,
      '--backends',
      values.backends,
      ...(values['real-timeouts'] ? ['--real-timeouts'] : []),
    );
    for (const fault of faults) {
      const variants = fault.variants.filter(
        (variant) =>
          applies(variant, balancer, layer) &&
          !(/^web-(\d+)$/.test(variant.host ?? '') && Number(variant.host?.slice(4)) > Number(values.backends)) &&
          (only === null || only.includes(fault.cause) || only.includes(`${fault.cause}:${variant.name}`)),
      );
      for (const variant of values.first ? variants.slice(0, 1) : variants) {
        const name = `${fault.cause}:${variant.name}`;
        try {
          await lab.break(name);
          for (const access of layer === 4 ? layer4Accesses : chosenAccesses)
            keep((await ask(lab, { name, balancer, layer, access, ...ways }, { fault, variant })).row);
        } catch (error) {
          problems.push(`${name} ${balancer} L${layer}: ${String(error)}`);
          console.log(`FAULT ${name}: ${String(error)}`);
        }
        try {
          await lab.heal();
          keep((await ask(lab, { name: `healed:${name}`, balancer, layer, access: 'full', ...ways }, null)).row);
        } catch (error) {
          problems.push(`heal of ${name} ${balancer} L${layer}: ${String(error)}`);
          console.log(`HEAL  ${name}: ${String(error)}`);
        }
      }
    }
  }
}

for (const balancer of balancers) {
  for (const layer of layers) {
    for (let seed = 1; seed <= Number(values.controls); seed += 1) {
      await using world = await makeWorld();
      const lab = await labUp(
        world,
        '--balancer',
        balancer,
        '--layer',
        String(layer),
        '--backends',
        values.backends,
        ...(seed === 1 ? [] : ['--noise', String(100 + seed)]),
      );
      keep(
        (
          await ask(
            lab,
            { name: `control:${seed === 1 ? 'quiet' : `noise-${100 + seed}`}`, balancer, layer, access: 'full', ...ways },
            null,
          )
        ).row,
      );
    }
  }
}

const summary = { ...summarise(rows), options: values, minutes: Math.round((Date.now() - began) / 6000) / 10, problems };
console.log(`\n${JSON.stringify(summary, null, 2)}`);
const out = values.out ?? `bench/results/accuracy-${summary.date.slice(0, 10)}.json`;
mkdirSync('bench/results', { recursive: true });
writeFileSync(out, `${JSON.stringify({ ...summary, rows }, null, 1)}\n`);
console.log(`written to ${out}`);
