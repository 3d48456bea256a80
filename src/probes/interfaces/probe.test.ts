// The snippet run for real, its numbers held against what the kernel was made to do.
import { describe, expect, it } from 'vitest';
import { join, openNamespace } from '../../facts/testing/namespaces.ts';
import { contextAt, measureAround } from '../testing/run-probe.ts';
import { survivesEverywhere } from '../testing/everywhere.ts';
import { interfaces } from './probe.ts';
import { classesFromText, qdiscsFromJson, qdiscsFromText } from './qdiscs.ts';

describe('everywhere', () => survivesEverywhere(interfaces));

it.for([
  ['tc with JSON', {}],
  ['busybox sh', { shell: ['busybox', 'sh'] }],
] as const)('%s: a shaper that drops, a class with a ceiling, an interface that is down', { timeout: 20_000 }, async ([, where]) => {
  const [here, there] = [await openNamespace(), await openNamespace()];
  try {
    await join(here, there, ['a0', 'b0']);
    await join(here, there, ['a1', 'b1']);
    await here.must(
      'ip addr add 10.7.0.1/24 dev a0; ip link set a1 down; tc qdisc add dev a0 root tbf rate 256kbit burst 4k latency 20ms; tc qdisc add dev a1 root handle 1: htb default 10; tc class add dev a1 parent 1: classid 1:10 htb rate 1mbit ceil 2mbit',
    );
    await there.must('ip addr add 10.7.0.2/24 dev b0');
    const flood = `const s = require('node:dgram').createSocket('udp4'); let n = 200; const send = () => n-- > 0 ? s.send(Buffer.alloc(1400), 9, '10.7.0.2', send) : s.close(); send();`;
    const evidence = await measureAround(interfaces, () => here.run([process.execPath, '-e', flood]), { prefix: here.prefix, ...where });
    const shaped = evidence.interfaces.find((each) => each.name === 'a0');
    expect(shaped).toMatchObject({ up: true, qdiscs: [{ kind: 'tbf', rateBitsPerSecond: 256_000 }] });
    expect(shaped?.qdiscs[0]?.dropped.delta).toBeGreaterThan(100);
    expect(shaped?.sentBytes.delta).toBeGreaterThan(1000);
    expect(evidence.elapsedSeconds).toBeGreaterThan(0);
    expect(evidence.interfaces.find((each) => each.name === 'a1')).toMatchObject({
      up: false,
      qdiscs: [
        { kind: 'htb', rateBitsPerSecond: null },
        { kind: 'htb class', handle: '1:10', rateBitsPerSecond: 2_000_000 },
      ],
    });
  } finally {
    await Promise.all([here.close(), there.close()]);
  }
});

// Recorded with iproute2 6.1 on Debian 12.
const json =
  '[{"kind":"tbf","handle":"8001:","dev":"v0","root":true,"refcnt":3,"options":{"rate":32000,"burst":4096,"lat":50000},"bytes":10,"packets":1,"drops":7,"overlimits":9,"requeues":0,"backlog":2048,"qlen":0}]';
const text =
  'qdisc tbf 8001: dev v0 root refcnt 3 rate 256Kbit burst 4Kb lat 50ms \n Sent 10 bytes 1 pkt (dropped 7, overlimits 9 requeues 0) \n backlog 2Kb 0p requeues 0\n';

it('reads the text of an old tc as its JSON', () => {
  const tbf = {
    dev: 'v0',
    kind: 'tbf',
    handle: '8001:',
    parent: 'root',
    rateBitsPerSecond: 256_000,
    dropped: 7,
    overlimits: 9,
    backlogBytes: 2048,
    sentBytes: 10,
  };
  expect(qdiscsFromJson(json)).toEqual([tbf]);
  expect(qdiscsFromText(text)).toEqual([tbf]);
});

it.for([
  ['class htb 1:10 root prio 0 rate 1Mbit ceil 2Mbit burst 1600b cburst 1600b', 'htb class', '1:10', 2e6],
  ['class htb 1:1 parent 1: rate 8bit ceil 10Gbit burst 0b', 'htb class', '1:1', 1e10],
  ['class hfsc 1:1 parent 1: sc m1 0bit d 0us m2 1Mbit ul m1 0bit d 0us m2 3Mbit', 'hfsc class', '1:1', 3e6],
  ['class drr 1:1 root quantum 1514b', 'drr class', '1:1', null],
] as const)('%s', ([line, kind, handle, rateBitsPerSecond]) => {
  expect(
    classesFromText(`${line}\n Sent 5 bytes 1 pkt (dropped 2, overlimits 3 requeues 0)\n backlog 0b 0p requeues 0\n`, 'v1'),
  ).toMatchObject([{ kind, handle, rateBitsPerSecond, dropped: 2, overlimits: 3 }]);
});

it('leaves out classes that divide nothing', () => {
  expect(classesFromText('class fq_codel 8002:1 parent 8002: \n deficit 0\nclass tbf 8001:1 parent 8001: \n', 'v1')).toEqual([]);
});

it('takes no speed from a /sys of another namespace', () => {
  const dev = 'Inter-|   Receive\n face |bytes\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0: 5 1 0 2 0 0 0 0 6 1 0 3 0 0 0 0\n';
  const read = (sys: string): unknown =>
    interfaces
      .combine(undefined, interfaces.parse(`@@uptime 5.0 1\n@@dev\n${dev}@@sys\n${sys}@@end\n`, contextAt(0, 1)), contextAt(0, 1))
      .interfaces.map((each) => each.speedBitsPerSecond);
  expect(read('/sys/class/net/eth0/speed:1000\n/sys/class/net/eth0/operstate:up\n/sys/class/net/lo/operstate:unknown\n')).toEqual([
    null,
    1e9,
  ]);
  expect(
    read(
      '/sys/class/net/eth0/speed:1000\n/sys/class/net/eth0/operstate:up\n/sys/class/net/lo/operstate:unknown\n/sys/class/net/eth1/operstate:up\n',
    ),
  ).toEqual([null, null]);
  expect(read('/sys/class/net/eth0/speed:-1\n/sys/class/net/eth0/operstate:up\n/sys/class/net/lo/operstate:unknown\n')).toEqual([
    null,
    null,
  ]);
});
