// How full the link is by which a backend answers: what its interface and the queues on it sent, held back and dropped while our requests ran.
import type { Scene } from '../model/cause.ts';
import type { Measured } from '../model/evidence.ts';

/** One interface, or one shaper on it, against its limit. */
export interface LinkUse {
  readonly evidence: Measured<'interfaces'>;
  readonly device: string;
  /** `tbf 8001:`; null where the interface itself is the limit. */
  readonly shaper: string | null;
  readonly limitBitsPerSecond: number;
  readonly sentBitsPerSecond: number;
  /** Sent against the limit, 0…1 and a little more. */
  readonly share: number;
  readonly dropped: number;
  readonly overlimits: number;
  readonly backlogBytes: number;
  /** Pointers of the figures. */
  readonly sentPointer: string;
  readonly heldPointer: string;
}

/** Every limit that is known of this interface, the fullest first. Empty with one reading, or where no limit is known. */
export function linkUse(scene: Scene<'interfaces'>, host: string, device: string): readonly LinkUse[] {
  const evidence = scene.one('interfaces', host);
  const elapsed = evidence?.data.elapsedSeconds ?? null;
  const index = evidence?.data.interfaces.findIndex((each) => each.name === device) ?? -1;
  const link = evidence?.data.interfaces[index];
  if (evidence === undefined || elapsed === null || elapsed < 0.5 || link === undefined) return [];
  const uses: LinkUse[] = [];
  const add = (
    limit: number | null,
    sent: number | null,
    rest: Pick<LinkUse, 'shaper' | 'dropped' | 'overlimits' | 'backlogBytes' | 'sentPointer' | 'heldPointer'>,
  ): void => {
    if (limit === null || limit <= 0 || sent === null) return;
    const sentBitsPerSecond = (sent * 8) / elapsed;
    uses.push({ evidence, device, limitBitsPerSecond: limit, sentBitsPerSecond, share: sentBitsPerSecond / limit, ...rest });
  };
  const at = `/interfaces/${index}`;
  add(link.speedBitsPerSecond, link.sentBytes.delta, {
    shaper: null,
    dropped: link.sendDropped.delta ?? 0,
    overlimits: 0,
    backlogBytes: 0,
    sentPointer: `${at}/sentBytes/delta`,
    heldPointer: `${at}/sendDropped/delta`,
  });
  for (const [i, qdisc] of link.qdiscs.entries()) {
    const dropped = qdisc.dropped.delta ?? 0;
    const heldPointer = `${at}/qdiscs/${i}/${dropped > 0 ? 'dropped/delta' : 'backlogBytes'}`;
    add(qdisc.rateBitsPerSecond, qdisc.sentBytes.delta, {
      shaper: `${qdisc.kind} ${qdisc.handle}`,
      dropped,
      overlimits: qdisc.overlimits.delta ?? 0,
      backlogBytes: qdisc.backlogBytes,
      sentPointer: `${at}/qdiscs/${i}/sentBytes/delta`,
      heldPointer,
    });
  }
  return uses.toSorted((a, b) => b.share - a.share);
}
