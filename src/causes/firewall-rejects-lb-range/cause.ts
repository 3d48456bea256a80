// As with a dropping rule, a firewall or security agent on the backend keeps the balancer's range out, but it says so: a reset or an ICMP
// port-unreachable looks exactly like a closed port (ECONNREFUSED, errno 111), an ICMP prohibited or host-unreachable like a machine that is
// gone (EHOSTUNREACH, errno 113, but at once). nginx answers 502 within milliseconds, HAProxy 503 after its retries. The port listens, and
// from anywhere else the backend answers.
import { judgeBlock } from '../../facts/firewall-block.ts';
import type { BlockKind } from '../../facts/firewall-block.ts';
import { defineCause } from '../../model/cause.ts';
import { say } from '../../model/text.ts';
import { fixFirewallRejectsLbRange } from './fix.ts';

const rejected: BlockKind = {
  verdict: 'reject',
  signatures: ['connect-refused', 'connect-no-route'],
  checkStatus: 'L4CON',
  // A reset comes at once. The kernel sends only so many ICMP errors a second: those that it holds back look like a drop.
  fits: ({ status, p50Ms }, connectTimeoutMs, { rejectWith }) =>
    status === 502 || status === 503 || (rejectWith !== 'tcp-reset' && p50Ms >= connectTimeoutMs * 0.8),
  does: ({ rejectWith }) => say(`rejects (${rejectWith ?? 'icmp'})`, `拒绝（${rejectWith ?? 'icmp'}）`),
};

export const firewallRejectsLbRange = defineCause({
  id: 'firewall-rejects-lb-range',
  title: say('The backend’s firewall rejects the balancer’s connections', '后端防火墙拒绝负载均衡的连接'),
  layer: 'host',
  seed: 'cause 3',
  perHost: ['backend'],
  needs: ['firewall'],
  wants: ['requests', 'backend-requests', 'logs', 'routes', 'haproxy-config', 'nginx-config', 'haproxy-stat'],
  judge: (scene) => judgeBlock(scene, scene.host?.host ?? '', rejected),
  fix: fixFirewallRejectsLbRange,
});
