// Time to verdict over real ssh: what a run costs beyond the failing request itself.
import { afterAll, beforeAll, expect, it } from 'vitest';

import { ask } from '../../bench/run-fault.ts';
import { faults } from '../../src/causes/faults.ts';
import { labUp, makeWorld } from './world.ts';
import type { LabWorld, World } from './world.ts';

let world: World;
let lab: LabWorld;
beforeAll(async () => {
  world = await makeWorld();
  lab = await labUp(world, '--noise');
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

it('names a cause over ssh, soon after the failing request', { timeout: 120_000 }, async () => {
  const fault = faults.find((each) => each.cause === 'fpm-socket-permission');
  const variant = fault?.variants[0];
  if (fault === undefined || variant === undefined) throw new Error('the fault is gone');
  await lab.break(`${fault.cause}:${variant.name}`);
  const { row, report } = await ask(lab, { name: fault.cause, balancer: 'nginx', layer: 7, access: 'full', ssh: true }, { fault, variant });
  expect(row).toMatchObject({ right: true, verdict: { certainty: 'confirmed' } });
  expect(report?.hosts.filter((each) => each.access === 'ok').map((each) => each.host)).toEqual(
    expect.arrayContaining(['slb', 'web-1', 'web-2', 'web-3']),
  );
  // The goal is 2 s on a quiet machine (the bench measures that); this bound only catches a wait that should not be there.
  expect(row.beyondMs).toBeLessThan(15_000);
});
