// Which layer a failure lies in when no cause could be proven: what the answers alone tell, from outside.
import type { Exchange } from '../model/exchange.ts';
import type { Layer } from '../model/finding.ts';
import type { Symptom } from '../model/symptom.ts';
import { isFailure, sameRequest } from '../facts/failure.ts';
import type { Judgement } from './judge.ts';

/** The layer of the first symptom, or null where the evidence points to none. Never a proof: the report says so. */
export function suspectedLayer(judgement: Judgement): Layer | null {
  const symptom = judgement.symptoms[0];
  if (symptom === undefined) return null;
  const requests = judgement.sceneFor(null).all('requests');
  const all = requests.flatMap((each) => each.data.exchanges);
  if (symptom.error === 'dns') return 'dns';
  const othersFine = requests.some((each) => {
    const sent = each.data.exchanges.filter((exchange) => exchange.purpose === 'reproduce');
    return each.data.from !== symptom.client && sent.length > 0 && !sent.some(isFailure);
  });
  // Who is known to have made the answer is a fact; what a few requests by another way gave is only a hint.
  const { hop, by } = symptom.answeredBy;
  if (by === 'log' && hop !== 'unknown' && hop !== 'isp') return hop === 'edge' ? 'edge' : behindBalancer(judgement, symptom, all);
  if (othersFine && symptom.failed === symptom.of) return symptom.answeredBy.hop === 'edge' ? 'edge' : 'client-network';
  const { site } = judgement.bundle;
  const listener = site.balancer?.listeners.find((each) => each.port === symptom.listenerPort);
  const past = all.filter((each) => each.purpose === 'bypass-edge' && sameRequest(each, symptom));
  const always = symptom.failed === symptom.of;
  if (always && listener?.protocol !== 'tcp' && site.edge.length > 0 && past.length > 0 && !past.some(isFailure)) return 'edge';
  if (symptom.status === null) {
    if (listener?.protocol === 'tcp')
      return symptom.error === 'timeout' && all.some((each) => each.purpose === 'other-listener' && !isFailure(each)) ? 'host' : 'network';
    return site.edge.length > 0 ? 'edge' : 'balancer';
  }
  return behindBalancer(judgement, symptom, all);
}

function behindBalancer(judgement: Judgement, symptom: Symptom, all: readonly Exchange[]): Layer | null {
  const { hop } = symptom.answeredBy;
  const status = symptom.status ?? 0;
  if (hop === 'edge') return 'edge';
  if (status === 400 || status === 413 || status === 414 || status === 431) return hop === 'backend' ? 'web-server' : 'balancer';
  const pages = all.filter((each) => each.purpose === 'static');
  const staticFine = pages.length > 0 && !pages.some(isFailure);
  const staticFails = pages.length > 0 && pages.every(isFailure);
  // No server for one request, and one for the next: it keeps a dead one among those that it uses.
  if (hop === 'balancer' && status === 503 && symptom.failed < symptom.of) return 'balancer';
  if (hop === 'backend' || staticFine) return status === 500 ? 'application' : 'app-runtime';
  const { site } = judgement.bundle;
  const read = Math.max(0, ...(site.balancer?.listeners.map((each) => each.readTimeout ?? 60_000) ?? []));
  if (status === 504 && read > 0 && symptom.p50Ms >= read * 0.95) return staticFails ? 'host' : 'app-runtime';
  const direct = pastBalancer(judgement, symptom);
  if (direct !== undefined) return direct;
  // Of a site without a balancer that we know of, a 504 says no more than that somebody waited.
  if (status === 504) return site.balancer === undefined ? null : 'network';
  // It says that it has no server, and the same backends answer by a listener that does not look into requests: its own check is wrong.
  // (A 502 would say less: a firewall may let in what comes from clients and not what comes from the balancer.)
  const otherWay = all.filter((each) => each.purpose === 'other-listener' && sameRequest(each, symptom));
  const noServer = hop === 'balancer' && status === 503;
  if (noServer && symptom.failed === symptom.of && otherWay.length > 0 && !otherWay.some(isFailure)) return 'balancer';
  // One of several machines: what fails now and then, pages and files alike, is one of those behind.
  const comesAndGoes = symptom.failed < symptom.of && pages.some(isFailure);
  if (staticFails || comesAndGoes) return 'web-server';
  return hop === 'balancer' ? 'balancer' : null;
}

/** What the same request straight to the backends tells; undefined where it tells nothing, as where only some of them fail. */
function pastBalancer(judgement: Judgement, symptom: Symptom): Layer | null | undefined {
  const of = (purpose: Exchange['purpose']): readonly Exchange[] => {
    const sent = judgement
      .sceneFor(null)
      .all('backend-requests')
      .flatMap((each) =>
        each.data.exchanges
          .filter((exchange) => exchange.purpose === purpose)
          .map((exchange) => ({ exchange, own: each.data.from === each.host })),
      );
    const outside = sent.filter((each) => !each.own);
    return (outside.length > 0 ? outside : sent).map((each) => each.exchange);
  };
  const pages = of('bypass-balancer').filter((each) => sameRequest(each, symptom));
  if (pages.length === 0) return undefined;
  // What all backends answer well and the balancer never does, it makes itself.
  if (!pages.some(isFailure) && symptom.answeredBy.hop === 'balancer' && symptom.failed === symptom.of) return 'balancer';
  if (!pages.every(isFailure)) return undefined;
  const connected = pages.filter((each) => each.phases.connectedMs !== null);
  if (connected.length === 0)
    return pages.every((each) => each.error === 'refused')
      ? 'web-server'
      : pages.every((each) => each.error === 'timeout')
        ? 'network'
        : undefined;
  if (connected.length < pages.length) return undefined;
  const plain = of('bypass-balancer-static');
  if (plain.length > 0 && plain.every(isFailure)) return 'web-server';
  return pages.every((each) => each.status === 500) ? 'application' : 'app-runtime';
}
