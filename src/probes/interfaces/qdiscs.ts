// Reads what tc prints of queueing disciplines and classes, as JSON or as text.
import { ProbeError } from '../../model/probe.ts';

/** One discipline or class at one moment. */
export interface QdiscSample {
  readonly dev: string;
  readonly kind: string;
  readonly handle: string;
  readonly parent: string;
  readonly rateBitsPerSecond: number | null;
  readonly dropped: number;
  readonly overlimits: number;
  readonly backlogBytes: number;
  readonly sentBytes: number;
}

/** `tc -s -j qdisc show`. Throws ProbeError where it is not JSON. */
export function qdiscsFromJson(text: string): QdiscSample[] {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    throw new ProbeError('tc printed something that is not JSON');
  }
  if (!Array.isArray(read)) throw new ProbeError('tc printed JSON without disciplines');
  return read.filter(isRecord).map((qdisc) => {
    const options = isRecord(qdisc['options']) ? qdisc['options'] : {};
    // Rates are bytes per second in tc's JSON, whatever the discipline calls them.
    const rate = [options['rate'], options['bandwidth'], options['maxrate']].find((value) => typeof value === 'number' && value > 0);
    return {
      dev: word(qdisc['dev']),
      kind: word(qdisc['kind']),
      handle: word(qdisc['handle']),
      parent: word(qdisc['parent']) || 'root',
      rateBitsPerSecond: typeof rate === 'number' ? rate * 8 : null,
      dropped: count(qdisc['drops']),
      overlimits: count(qdisc['overlimits']),
      backlogBytes: count(qdisc['backlog']),
      sentBytes: count(qdisc['bytes']),
    };
  });
}

/** `tc -s qdisc show`. */
export function qdiscsFromText(text: string): QdiscSample[] {
  return blocks(text).flatMap((block) => {
    const head = /^qdisc (\S+) (\S+) dev (\S+) (?:root|parent (\S+))/.exec(block) ?? /^qdisc (ingress|clsact) (\S+) dev (\S+)/.exec(block);
    return head
      ? [
          {
            dev: head[3] ?? '',
            kind: head[1] ?? '',
            handle: head[2] ?? '',
            parent: head[4] ?? 'root',
            rateBitsPerSecond: rateOf(block),
            ...statistics(block),
          },
        ]
      : [];
  });
}

/** `tc -s class show dev X`: classes appear with `class` behind their kind; their ceiling is their rate. Classes that divide nothing (of tbf, fq_codel, mq) are left out. */
export function classesFromText(text: string, dev: string): QdiscSample[] {
  return blocks(text).flatMap((block) => {
    const head = /^class (htb|hfsc|cbq|drr|ets) (\S+) (?:root|parent (\S+))/.exec(block);
    return head
      ? [
          {
            dev,
            kind: `${head[1] ?? ''} class`,
            handle: head[2] ?? '',
            parent: head[3] ?? 'root',
            rateBitsPerSecond: rateOf(block),
            ...statistics(block),
          },
        ]
      : [];
  });
}

function blocks(text: string): string[] {
  return text.split(/^(?=qdisc |class )/m).filter((block) => block.trim() !== '');
}

const units: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 };

function rateOf(block: string): number | null {
  // hfsc writes its upper limit as `ul m1 0bit d 0us m2 1Mbit`.
  const match =
    /\bceil ([\d.]+)([KMGT]i?)?bit/.exec(block) ??
    /\bul (?:m1 \S+ d \S+ m2|rate) ([\d.]+)([KMGT]i?)?bit/.exec(block) ??
    /\b(?:rate|bandwidth|maxrate) ([\d.]+)([KMGT]i?)?bit/.exec(block);
  return match ? Number(match[1]) * (units[match[2] ?? ''] ?? 1) : null;
}

function statistics(block: string): Pick<QdiscSample, 'dropped' | 'overlimits' | 'backlogBytes' | 'sentBytes'> {
  const sent = /Sent (\d+) bytes \d+ pkts? \(dropped (\d+), overlimits (\d+)/.exec(block);
  const backlog = /backlog ([\d.]+)([KM])?b/.exec(block);
  return {
    dropped: Number(sent?.[2] ?? 0),
    overlimits: Number(sent?.[3] ?? 0),
    sentBytes: Number(sent?.[1] ?? 0),
    backlogBytes: backlog ? Number(backlog[1]) * (backlog[2] === 'K' ? 1024 : backlog[2] === 'M' ? 1024 ** 2 : 1) : 0,
  };
}

function word(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
