// `why5xx lab`: raises a real load-balanced site out of namespaces, breaks it on purpose, heals it, removes it.
import { Command, InvalidArgumentError, Option } from 'commander';
import { stringify } from 'yaml';

import { faults } from '../../causes/faults.ts';
import { breakLab, heal, requireLab } from '../../lab/lab.ts';
import type { LabOptions } from '../../lab/plan.ts';
import { type Access, labSite } from '../../lab/site.ts';
import { filesOf, LabError, labDirectory, readState } from '../../lab/state.ts';
import { describeOptions, down, up } from '../../lab/up.ts';
import { nearest } from '../../model/nearest.ts';
import { labDescription } from './lab-description.ts';
import type { BalancerEngine, Fault, FaultVariant, LabLayer } from '../../model/fault.ts';

interface UpFlags {
  readonly balancer: BalancerEngine;
  readonly layer: '7' | '4';
  readonly backends: number;
  readonly noise?: boolean | number;
  readonly realTimeouts?: boolean;
}

/** The `lab` command with its subcommands. Rejects with UserError for what the user can mend, and with CommanderError for misuse. */
export function labCommand(): Command {
  const lab = new Command('lab')
    .exitOverride()
    .description(labDescription)
    .addHelpText(
      'after',
      `
Everything runs in namespaces of its own: nothing of this machine is changed, and "down" leaves nothing.
It needs Linux and root. A first tour:

  sudo why5xx lab up
  sudo why5xx lab break fpm-max-children
  sudo why5xx lab site > shop.yaml && sudo why5xx shop.yaml
  sudo why5xx lab heal
  sudo why5xx lab down`,
    );

  lab
    .command('up')
    .description('raise the lab: two clients, two ISPs, an edge, a balancer, backends with nginx and php-fpm')
    .addOption(new Option('--balancer <engine>', 'software of the balancer').choices(['nginx', 'haproxy']).default('nginx'))
    .addOption(
      new Option('--layer <layer>', 'way of the main URL: 7 through the edge, 4 straight to a listener that keeps the client address')
        .choices(['7', '4'])
        .default('7'),
    )
    .option('--backends <n>', 'number of backends, 2 to 8', (text) => whole(text, 2, 8), 3)
    .option('--noise [seed]', 'background traffic, old errors in logs, risky but innocent settings', (text) => whole(text, 0, 1_000_000))
    .option('--real-timeouts', 'timeouts of 60 s, as shipped, instead of a few seconds')
    .action(async (flags: UpFlags) => {
      const options: LabOptions = {
        balancer: flags.balancer,
        layer: Number(flags.layer) as LabLayer,
        backends: flags.backends,
        noise: flags.noise === undefined || flags.noise === false ? null : flags.noise === true ? 1 : flags.noise,
        realTimeouts: flags.realTimeouts === true,
      };
      const result = await up(options);
      const verb = result.already ? 'The lab was up already' : `The lab is up after ${(result.tookMs / 1000).toFixed(1)} s`;
      print(`${verb}: ${describeOptions(options)}\nNext: why5xx lab list · why5xx lab break FAULT · why5xx lab site > shop.yaml\n`);
    });

  lab
    .command('down')
    .description('remove the lab, whatever state it is in')
    .action(async () => print((await down()) ? 'The lab is gone.\n' : 'No lab was up here.\n'));

  lab
    .command('break')
    .description('break the site for real')
    .argument('<fault...>', 'FAULT or FAULT:VARIANT, see "why5xx lab list"')
    .action(async (names: readonly string[]) => {
      const chosen = names.map(find);
      requireLab();
      for (const { fault, variant } of chosen) {
        try {
          await breakLab(fault, variant);
        } catch (cause) {
          if (cause instanceof LabError) throw cause;
          throw new LabError(
            `${fault.cause}:${variant.name} could not be injected: ${(cause as Error).message}`,
            'run `why5xx lab heal`: what was done so far is in the journal',
          );
        }
        print(`Broken: ${fault.cause}:${variant.name} (${variant.title})\n`);
      }
    });

  lab
    .command('heal')
    .description('undo every fault and wait until the site is well')
    .action(async () => {
      const result = await heal();
      if (result.problems.length > 0)
        throw new LabError(`not everything could be undone: ${result.problems.join('; ')}`, 'run `why5xx lab down` and `why5xx lab up`');
      print(result.healed.length === 0 ? 'Nothing was broken; the site is well.\n' : `Healed: ${result.healed.join(', ')}\n`);
    });

  lab
    .command('site')
    .description('print the site file of the lab (YAML)')
    .addOption(
      new Option('--access <access>', 'how far the site file lets us look').choices(['full', 'backends', 'client']).default('full'),
    )
    .option('--ssh', "reach the hosts by the lab's own sshd instead of nsenter")
    .action(async (flags: { readonly access: Access; readonly ssh?: boolean }) => {
      const directory = labDirectory();
      const state = requireLab(directory);
      const site = labSite(directory, state, flags.access, flags.ssh === true);
      print(
        `${flags.ssh === true ? `# export WHY5XX_SSH_CONFIG=${filesOf(directory).sshConfig}\n` : ''}${stringify(site, { lineWidth: 0 })}`,
      );
    });

  lab
    .command('list')
    .description('list the faults, their variants and what each needs')
    .action(async () => {
      const state = readState(labDirectory());
      const active = new Set(state?.active ?? []);
      const rows = faults.flatMap((fault) =>
        fault.variants.map((variant, i) => describe(fault, variant, i === 0, active.has(`${fault.cause}:${variant.name}`))),
      );
      print(rows.length === 0 ? 'There are no faults yet.\n' : `${rows.join('\n')}\n`);
    });

  return lab;
}

function describe(fault: Fault, variant: FaultVariant, first: boolean, active: boolean): string {
  const needs = [
    ...(variant.balancers === undefined ? [] : [`--balancer ${variant.balancers.join('|')}`]),
    ...(variant.layers === undefined ? [] : [`--layer ${variant.layers.join('|')}`]),
  ];
  const name = first ? `${fault.cause} (= ${fault.cause}:${variant.name})` : `${fault.cause}:${variant.name}`;
  return `${active ? '* ' : '  '}${name}\n      ${variant.title}${needs.length === 0 ? '' : `; needs ${needs.join(' ')}`}${active ? '; active now' : ''}`;
}

function find(text: string): { readonly fault: Fault; readonly variant: FaultVariant } {
  const [cause = '', wanted] = text.split(':');
  const fault = faults.find((each) => each.cause === cause);
  if (fault === undefined)
    throw new LabError(
      `there is no fault "${cause}"`,
      `${suggestion(
        cause,
        faults.map((each) => each.cause),
      )}see \`why5xx lab list\``,
    );
  const variant = wanted === undefined ? fault.variants[0] : fault.variants.find((each) => each.name === wanted);
  if (variant === undefined)
    throw new LabError(
      `${cause} has no variant "${wanted ?? ''}"`,
      `its variants are ${fault.variants.map((each) => each.name).join(', ')}`,
    );
  return { fault, variant };
}

function suggestion(text: string, names: readonly string[]): string {
  const best = nearest(text, names);
  return best === null ? '' : `did you mean ${best}? `;
}

function whole(text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  return value;
}

function print(text: string): void {
  process.stdout.write(text);
}
