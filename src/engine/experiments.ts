// The experiments a judge can ask for, cheapest first. Each changes one thing about the failing request and lets the answer speak.
import type { RequestSpec } from '../model/exchange.ts';
import type { Exchange } from '../model/exchange.ts';
import type { ExperimentId } from '../model/experiment.ts';
import { splitAddress } from '../model/site.ts';
import { isFailure } from '../facts/failure.ts';
import type { Batch, Planner, Target } from './plan.ts';

interface Bench {
  readonly planner: Planner;
  readonly target: Target | null;
  /** The client that sends. */
  readonly client: string;
  /** Backends that can be asked directly, and from where. */
  readonly doors: readonly { readonly backend: string; readonly from: string }[];
  send(batches: readonly Batch[]): Promise<readonly Exchange[]>;
}
interface Experiment {
  readonly title: string;
  run(bench: Bench): Promise<void>;
}

function batch(from: string, backend: string | null, specs: readonly (RequestSpec | null)[]): Batch {
  return { from, backend, specs: specs.filter((each) => each !== null) };
}

const otherHost: Experiment = {
  title: 'the same address under other names',
  async run({ planner, target, client, send }) {
    if (target === null) return;
    const { site } = planner;
    const name = new URL(target.url).hostname;
    const outermost = site.edge[0]?.address ?? site.balancer?.address;
    const address = outermost === undefined ? (site.resolve[name] ?? null) : splitAddress(outermost).host;
    if (address === null) return;
    const ask = (hostHeader: string): RequestSpec | null => planner.spec(target, 'other-host', 'site', null, { hostHeader });
    await send([batch(client, null, [ask(address), ask('why5xx-other-name.invalid')])]);
  },
};

const withoutHeaders: Experiment = {
  title: 'the same request without its own headers and body',
  async run({ planner, target, client, send }) {
    if (target === null) return;
    const ask = (): RequestSpec | null => planner.spec({ ...target, headers: {}, bodyBytes: 0, method: 'GET' }, 'experiment', 'site', null);
    await send([batch(client, null, [ask(), ask()])]);
  },
};

const alone: Experiment = {
  title: 'the same request with nothing else in flight',
  async run({ planner, target, client, send }) {
    if (target === null) return;
    await send([batch(client, null, [planner.spec(target, 'experiment', 'site', null)])]);
  },
};

/** Header bytes of the first sweep: around every default that servers ship with. */
const firstSizes = [1024, 3800, 7600, 8300, 15_000, 16_600, 33_000];

const headerSweep: Experiment = {
  title: 'the same URL with headers of growing size',
  async run({ planner, target, client, doors, send }) {
    if (target === null) return;
    const plain: Target = { ...target, headers: {}, bodyBytes: 0, method: 'GET' };
    const padded = (bytes: number): Target => ({ ...plain, headers: { 'x-why5xx-padding': 'p'.repeat(bytes) } });
    const { site } = planner;
    const balancer = site.balancer;
    const port = Number(new URL(target.url).port) || (target.url.startsWith('https:') ? 443 : 80);
    const pastEdge =
      balancer === undefined || site.edge.length === 0
        ? null
        : { host: splitAddress(balancer.address).host, port: splitAddress(balancer.address).port ?? port };
    const door = doors[0];
    const sweep = async (sizes: readonly number[]): Promise<readonly Exchange[]> => {
      const atSite = sizes.map((bytes) => planner.spec(padded(bytes), 'header-bisect', 'site', null));
      const atBalancer =
        pastEdge === null
          ? []
          : sizes.map((bytes) => planner.spec(padded(bytes), 'header-bisect', 'balancer', balancer?.name ?? null, { connectTo: pastEdge }));
      const backend = site.backends.find((each) => each.name === door?.backend);
      const atBackend =
        door === undefined || backend === undefined
          ? []
          : sizes.map((bytes) =>
              planner.spec(padded(bytes), 'header-bisect', 'backend', backend.name, {
                connectTo: { host: splitAddress(backend.address).host, port: splitAddress(backend.address).port ?? 80 },
                url: target.url.replace(/^https:/, 'http:'),
              }),
            );
      return send([
        batch(client, null, [...atSite, ...atBalancer]),
        ...(door === undefined ? [] : [batch(door.from, door.backend, atBackend)]),
      ]);
    };
    const budgetFor = (rounds: number): boolean => planner.budget.left >= rounds;
    const thin = budgetFor(firstSizes.length * 3) ? firstSizes : [3800, 8300, 16_600, 33_000];
    const first = (await sweep(thin)).filter((each) => each.door === 'site');
    const fits = Math.max(0, ...first.filter((each) => !isFailure(each)).map((each) => each.requestHeaderBytes));
    const breaks = Math.min(
      ...first.filter((each) => isFailure(each) && each.requestHeaderBytes > fits).map((each) => each.requestHeaderBytes),
    );
    if (fits === 0 || !Number.isFinite(breaks) || breaks - fits < 512 || !budgetFor(3)) return;
    const step = (breaks - fits) / 4;
    await send([
      batch(
        client,
        null,
        [1, 2, 3].map((i) => planner.spec(padded(Math.round(fits + step * i - 300)), 'header-bisect', 'site', null)),
      ),
    ]);
  },
};

/** By id; the order of the ids in the model is their order of cost. */
export const experiments: Readonly<Record<ExperimentId, Experiment>> = {
  'other-host': otherHost,
  'without-headers': withoutHeaders,
  alone,
  'header-sweep': headerSweep,
};
