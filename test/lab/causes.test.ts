// One variant of every cause, broken for real, found by the real CLI, healed, found healthy. The accuracy bench tries all variants.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ask, applies } from '../../bench/run-fault.ts';
import { faults } from '../../src/causes/faults.ts';
import type { BalancerEngine, LabLayer } from '../../src/model/fault.ts';
import { labUp, makeWorld } from './world.ts';
import type { LabWorld, World } from './world.ts';

const settings: readonly { readonly balancer: BalancerEngine; readonly layer: LabLayer }[] = [
  { balancer: 'nginx', layer: 7 },
  { balancer: 'haproxy', layer: 7 },
  { balancer: 'nginx', layer: 4 },
];

/** Each fault's first variant, in the first setting that it applies to. */
const cases = faults.map((fault) => {
  const [variant] = fault.variants;
  return { fault, variant, setting: settings.find((each) => applies(variant, each.balancer, each.layer)) };
});

it('every first variant has a setting to be tried in', () => {
  expect(cases.filter((each) => each.setting === undefined).map((each) => each.fault.cause)).toEqual([]);
});

describe.for(settings)('balancer $balancer, layer $layer', ({ balancer, layer }) => {
  let world: World;
  let lab: LabWorld;
  beforeAll(async () => {
    world = await makeWorld();
    lab = await labUp(world, '--balancer', balancer, '--layer', String(layer), '--noise');
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('is healthy under noise', { timeout: 60_000 }, async () => {
    const { row } = await ask(lab, { name: 'control', balancer, layer, access: 'full' }, null);
    expect(row).toMatchObject({ outcome: 'healthy', exit: 0, verdict: null });
  });

  it.for(cases.filter((each) => each.setting?.balancer === balancer && each.setting.layer === layer))(
    '$fault.cause:$variant.name',
    { timeout: 150_000 },
    async ({ fault, variant }) => {
      const name = `${fault.cause}:${variant.name}`;
      await lab.break(name);
      try {
        const { row } = await ask(lab, { name, balancer, layer, access: 'full' }, { fault, variant });
        expect(row).toMatchObject({ verdict: { id: fault.cause, host: variant.host, certainty: 'confirmed' }, others: [], exit: 1 });
      } finally {
        await lab.heal();
      }
      const { row } = await ask(lab, { name: `healed:${name}`, balancer, layer, access: 'full' }, null);
      expect(row).toMatchObject({ outcome: 'healthy', exit: 0 });
    },
  );
});
