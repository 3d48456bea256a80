// What clients saw, as access logs tell it: one symptom for each status, answerer and server.
import type { Report } from '../../model/report.ts';
import type { FailureGroup } from '../records.ts';
import { addressOf, hostNameOf, writerOf } from './addresses.ts';
import type { SiteNames } from './addresses.ts';
import type { Facts } from './timeline.ts';

export interface LogSymptom {
  readonly symptom: Report['symptoms'][number];
  /** Failure groups that it is made of. */
  readonly failures: readonly number[];
}

const mostSymptoms = 12;

/** Most frequent first. Servers are put together where there would be more than a dozen symptoms. */
export function symptomsOf({ tally }: Facts, site: SiteNames | null, url: string): readonly LogSymptom[] {
  const groups = tally.failures.map((failure, index) => ({ failure, index })).filter(({ failure }) => failure.count > 0);
  const nameOf = (failure: FailureGroup): string | null => {
    const address = addressOf(failure.backend);
    return address === null ? null : hostNameOf(address, site);
  };
  const put = (byServer: boolean): readonly (typeof groups)[] => {
    const sets = Map.groupBy(groups, ({ failure }) =>
      JSON.stringify([failure.status, failure.answeredBy, failure.product, byServer ? nameOf(failure) : null]),
    );
    return [...sets.values()];
  };
  const fine = put(true);
  const sets = fine.length <= mostSymptoms ? fine : put(false);
  const total = tally.cells.reduce((sum, cell) => sum + cell.requests, 0);
  const requestsTo = (backend: string): number =>
    tally.cells.reduce(
      (sum, cell) => (cell.backend !== '' && hostNameOf(addressOf(cell.backend) ?? '', site) === backend ? sum + cell.requests : sum),
      0,
    );
  return sets
    .map((set) => ({ set, failed: set.reduce((sum, { failure }) => sum + failure.count, 0) }))
    .toSorted((a, b) => b.failed - a.failed)
    .slice(0, mostSymptoms)
    .flatMap(({ set, failed }, at): readonly LogSymptom[] => {
      const main = set.toSorted((a, b) => b.failure.count - a.failure.count)[0]?.failure;
      if (main === undefined) return [];
      const backends = [...new Set(set.flatMap(({ failure }) => nameOf(failure) ?? []))];
      const only = backends.length === 1 ? (backends[0] ?? null) : null;
      const hop = main.answeredBy === 'upstream' ? 'backend' : main.answeredBy === 'self' ? 'balancer' : 'unknown';
      const host = hop === 'backend' ? only : hop === 'balancer' ? writerOf(tally.inputs[main.input]?.name ?? '', site) : null;
      return [
        {
          failures: set.map(({ index }) => index),
          symptom: {
            id: `s${at + 1}`,
            url,
            method: methodOf(set.map(({ failure }) => failure)),
            client: 'logs',
            status: main.status,
            error: null,
            answeredBy: { hop, host, product: hop === 'balancer' ? main.product : null, by: hop === 'unknown' ? 'none' : 'log' },
            failed,
            of: Math.max(failed, only === null ? total : requestsTo(only)),
            p50Ms: main.durationMs?.median ?? 0,
            maxMs: Math.max(0, ...set.map(({ failure }) => failure.durationMs?.max ?? 0)),
            backends: backends.slice(0, 8),
          },
        },
      ];
    });
}

/** The method that the first sample line quotes; GET where none does. */
function methodOf(failures: readonly FailureGroup[]): string {
  for (const { samples } of failures)
    for (const { text } of samples) {
      const method = /(?:^|["'\s])(GET|POST|PUT|HEAD|DELETE|PATCH|OPTIONS)["'\s]/.exec(text)?.[1];
      if (method !== undefined) return method;
    }
  return 'GET';
}
