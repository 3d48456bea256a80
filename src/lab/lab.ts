// A lab that is up: breaks it with faults and heals it again, each possibly in another process.
import type { Fault, FaultVariant, Lab } from '../model/fault.ts';
import { type Journal, labHost, restartService, runIn, servicesOf, spawnDetached } from './host.ts';
import { haproxyServers } from './haproxy.ts';
import { helperWords, trafficSeconds } from './helper.ts';
import { factsOf, planHosts } from './plan.ts';
import { isUp, LabError, type LabState, labDirectory, readState, type Undo, withLock, writeState } from './state.ts';
import { endGroup, until } from './system.ts';
import { siteAnswers } from './up.ts';

/** The state of the lab that is up here. Throws LabError where none is. */
export function requireLab(directory: string = labDirectory()): LabState {
  const state = readState(directory);
  if (!isUp(state))
    throw new LabError(
      state === null ? 'no lab is up here' : 'the lab is not complete: a command was interrupted, or a host has died',
      'run `why5xx lab up`',
    );
  return state;
}

/** The lab as faults see it. Changes are journalled in `directory` as they are made. */
export function openLab(directory: string, state: LabState): Lab {
  const journal: Journal = {
    state,
    add(entry) {
      state.undo.push(entry);
      if (entry.kind !== 'sysctl' && entry.kind !== 'process' && !state.touched.includes(entry.host)) state.touched.push(entry.host);
      writeState(directory, state);
    },
    retract(entry) {
      state.undo = state.undo.filter((each) => each !== entry);
      writeState(directory, state);
    },
  };
  const facts = factsOf(state.options, state.phpVersion);
  const plans = planHosts(state.options);
  const hosts = new Map(plans.map((plan) => [plan.name, labHost(journal, plan.name)]));
  const host: Lab['host'] = (name) => hosts.get(name) ?? labHost(journal, name);
  return {
    balancer: state.options.balancer,
    layer: state.options.layer,
    backends: plans.filter((plan) => plan.role === 'backend').map((plan) => host(plan.name)),
    host,
    edge: host('ddos'),
    slb: host('slb'),
    facts,
    async traffic(options) {
      const order = {
        address: state.options.layer === 4 ? facts.balancerAddress : facts.edgeAddress,
        port: state.options.layer === 4 ? facts.layer4Port : facts.httpPort,
        host: facts.siteHost,
        paths: [options.path],
        workers: options.workers,
        pauseMs: options.pauseMs ?? 0,
        method: options.method ?? 'GET',
        header: options.header ?? null,
        bodyBytes: options.bodyBytes ?? 0,
        seconds: trafficSeconds,
        seed: 1,
      };
      // Resolves once every worker has sent its first request: the other users are really there.
      const process = await spawnDetached(helperWords(state, options.from, 'traffic', JSON.stringify(order)), 10_000);
      journal.add({ kind: 'process', host: options.from, process });
    },
    siteUses(options) {
      state.site = { ...state.site, ...options };
      writeState(directory, state);
      return Promise.resolve();
    },
    async balancerSees(wanted, backends) {
      if (state.options.balancer !== 'haproxy') return;
      const names = backends ?? plans.filter((plan) => plan.role === 'backend').map((plan) => plan.name);
      const seen = await until(
        async () => {
          const servers = await haproxyServers(state);
          return names.every((name) =>
            servers.some(
              (server) =>
                server.pool === 'web' &&
                server.name === name &&
                (wanted === 'up' ? /^(UP|no check)/.test(server.status) : server.status.startsWith('DOWN')),
            ),
          );
        },
        15_000,
        100,
      );
      if (!seen) throw new Error(`HAProxy does not see ${names.join(', ')} ${wanted}`);
    },
  };
}

/** Injects one variant. The journal holds what was done even where it rejects half-way; heal undoes it. */
export async function breakLab(fault: Fault, variant: FaultVariant): Promise<void> {
  const directory = labDirectory();
  await withLock(directory, async () => {
    const state = requireLab(directory);
    const { balancer, layer } = state.options;
    const name = `${fault.cause}:${variant.name}`;
    if (variant.balancers !== undefined && !variant.balancers.includes(balancer)) {
      throw new LabError(
        `${name} needs ${variant.balancers.join(' or ')} as balancer, and this lab has ${balancer}`,
        `why5xx lab down && why5xx lab up --balancer ${variant.balancers[0] ?? 'nginx'}`,
      );
    }
    if (variant.layers !== undefined && !variant.layers.includes(layer)) {
      throw new LabError(
        `${name} needs layer ${variant.layers.join(' or ')}, and this lab has layer ${layer}`,
        `why5xx lab down && why5xx lab up --layer ${variant.layers[0] ?? 7}`,
      );
    }
    if (state.active.includes(name)) throw new LabError(`${name} is active already`, 'run `why5xx lab heal` first');
    state.active.push(name);
    writeState(directory, state);
    await variant.inject(openLab(directory, state));
  });
}

export interface HealResult {
  readonly healed: readonly string[];
  /** Steps that could not be undone, in words. Empty when all went well. */
  readonly problems: readonly string[];
}

/** Undoes everything since `up`, restarts what was touched and waits until the site answers again. */
export async function heal(): Promise<HealResult> {
  const directory = labDirectory();
  return withLock(directory, async () => {
    const state = requireLab(directory);
    const healed = [...state.active];
    const problems: string[] = [];
    // Processes first: traffic would hold on to what the other steps want to change.
    for (const entry of state.undo) if (entry.kind === 'process') endGroup(entry.process);
    for (const entry of state.undo.toReversed()) {
      try {
        await undo(state, entry);
      } catch (cause) {
        problems.push(`${entry.host}: ${(cause as Error).message}`);
      }
      // Step by step, so that a heal that is killed goes on where it was.
      state.undo.pop();
      writeState(directory, state);
    }
    await Promise.all(
      planHosts(state.options)
        .filter((plan) => state.touched.includes(plan.name))
        .map(async (plan) => {
          for (const service of servicesOf(plan)) {
            try {
              await restartService(state, plan.name, service);
            } catch (cause) {
              problems.push(`${plan.name}: ${(cause as Error).message}`);
            }
          }
        }),
    );
    state.touched = [];
    state.active = [];
    state.site = {};
    writeState(directory, state);
    if (!(await until(() => isHealthy(directory, state), 20_000, 50))) problems.push('the site does not answer on every backend again');
    return { healed, problems };
  });
}

const restoreFile = 'if [ -z "$2" ]; then rm -f -- "$1"; else base64 -d > "$1" && chmod "$2" -- "$1" && chown "$3" -- "$1"; fi';

async function undo(state: LabState, entry: Undo): Promise<void> {
  switch (entry.kind) {
    case 'command':
      await runIn(state, entry.host, entry.command);
      return;
    case 'file':
      await runIn(state, entry.host, ['sh', '-c', restoreFile, 'sh', entry.path, entry.content === null ? '' : entry.mode, entry.owner], {
        input: entry.content ?? '',
      });
      return;
    case 'sysctl':
      await runIn(state, entry.host, ['sh', '-c', 'cat > "$1"', 'sh', `/proc/sys/${entry.name.replaceAll('.', '/')}`], {
        input: `${entry.value}\n`,
      });
      return;
    case 'mount':
      // Lazily, since the services that hold it open are restarted only afterwards. Journalled before it was made, it may not be there.
      await runIn(state, entry.host, [
        'sh',
        '-c',
        'if mountpoint -q -- "$1" && [ "$(stat -f -c %T -- "$1")" = tmpfs ]; then umount -l -- "$1"; fi',
        'sh',
        entry.path,
      ]);
      return;
    case 'process':
    case 'service':
      return;
  }
}

/** Whether each backend answers the application's page to the balancer's host, and the site answers as a whole. */
export async function isHealthy(directory: string, state: LabState): Promise<boolean> {
  const facts = factsOf(state.options, state.phpVersion);
  const urls = Object.values(facts.backendAddresses).map((address) => `http://${address}/api/orders`);
  const codes = await runIn(
    state,
    'slb',
    [
      'curl',
      '-s',
      '-m',
      '3',
      '-H',
      `Host: ${facts.siteHost}`,
      '-A',
      'lab',
      '-w',
      '%{http_code}\n',
      ...urls.flatMap((url) => ['-o', '/dev/null', url]),
    ],
    { allowFailure: true },
  );
  if (
    codes
      .trim()
      .split('\n')
      .filter((code) => code === '200').length !== urls.length
  )
    return false;
  if (state.options.balancer === 'haproxy') {
    const servers = await haproxyServers(state);
    if (
      !servers
        .filter((server) => server.pool === 'web' && server.name.startsWith('web-'))
        .every((server) => /^(UP|no check)/.test(server.status))
    )
      return false;
  }
  return siteAnswers(facts, state.options.layer);
}
