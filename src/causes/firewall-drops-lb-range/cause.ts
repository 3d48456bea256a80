// A balancer talks to its backends from addresses of its own (100.64.0.0/10 at Alibaba Cloud). A firewall rule or a security agent on the
// backend that drops them leaves every SYN without an answer: the balancer waits for its connect timeout, then answers 504 (nginx) or, after
// its retries, 503 (HAProxy); once health checks fail too, it has no backend left. Asked from anywhere else, the backend is well.
import { judgeBlock } from '../../facts/firewall-block.ts';
import type { BlockKind } from '../../facts/firewall-block.ts';
import { defineCause } from '../../model/cause.ts';
import { say } from '../../model/text.ts';
import { fixFirewallDropsLbRange } from './fix.ts';

const dropped: BlockKind = {
  verdict: 'drop',
  signatures: ['connect-timeout', 'connect-timeout-kernel'],
  checkStatus: 'L4TOUT',
  // A lost SYN costs at least the connect timeout.
  fits: ({ p50Ms }, connectTimeoutMs) => p50Ms >= connectTimeoutMs * 0.8,
  does: () => say('drops', '丢弃'),
};

export const firewallDropsLbRange = defineCause({
  id: 'firewall-drops-lb-range',
  title: say('The backend’s firewall drops the balancer’s packets', '后端防火墙丢弃负载均衡的数据包'),
  layer: 'host',
  seed: 'cause 3',
  perHost: ['backend'],
  needs: ['firewall'],
  wants: ['requests', 'backend-requests', 'logs', 'routes', 'haproxy-config', 'nginx-config', 'haproxy-stat'],
  judge: (scene) => judgeBlock(scene, scene.host?.host ?? '', dropped),
  fix: fixFirewallDropsLbRange,
});
