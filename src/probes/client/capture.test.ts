// Reading what tcpdump prints: recorded output of tcpdump 4.99 with `-nn -v`.
import { expect, it } from 'vitest';
import { ttlKey, ttlsIn } from './capture.ts';

const output = `20:48:13.422101 lo    In  IP (tos 0x0, ttl 64, id 0, offset 0, flags [DF], proto TCP (6), length 60)
    127.0.0.1.46099 > 127.0.0.1.51514: Flags [S.], cksum 0xfe30 (incorrect -> 0x2d0f), seq 1, ack 2, win 65483, options [mss 65495,sackOK,TS val 1 ecr 1,nop,wscale 7], length 0
20:48:13.432101 lo    In  IP (tos 0x0, ttl 48, id 0, offset 0, flags [DF], proto TCP (6), length 40)
    127.0.0.1.46099 > 127.0.0.1.51514: Flags [R.], cksum 0xfe1c (incorrect -> 0x9a1b), seq 1, ack 2, win 0, length 0
20:48:13.433101 lo    In  IP (tos 0x0, ttl 63, id 0, offset 0, flags [DF], proto TCP (6), length 40)
    10.0.0.1.80 > 10.0.0.2.51516: Flags [R.], cksum 0xfe1c (correct), seq 0, ack 2, win 0, length 0
20:48:13.434101 lo    In  IP6 (flowlabel 0x3a1b2, hlim 57, next-header TCP (6) payload length: 20) 2001:db8::1.443 > 2001:db8::2.51518: Flags [R], cksum 0x001c (correct), seq 5, win 0, length 0
`;

it('finds the hop limits of each connection', () => {
  const found = ttlsIn(output);
  expect(found.get(ttlKey('127.0.0.1', 46099, 51514))).toEqual({ resetTtl: 48, synAckTtl: 64 });
  expect(found.get(ttlKey('2001:db8::1', 443, 51518))).toEqual({ resetTtl: 57, synAckTtl: null });
});

it('finds the reset of a refused connect by where it went', () => {
  const found = ttlsIn(output);
  expect(found.get(ttlKey('10.0.0.1', 80, null))).toEqual({ resetTtl: 63, synAckTtl: null });
  expect(found.get(ttlKey('127.0.0.1', 46099, null))).toBeUndefined();
});

it('reads nothing into noise', () => {
  expect(ttlsIn('IP (ttl 64\n'.repeat(10_000)).size).toBe(0);
});
