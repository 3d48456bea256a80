// An ISP on the way filters: it drops every packet to the edge, or lets connections open and resets them once a request is sent.
import type { Fault, Lab } from '../../model/fault.ts';

async function filter(lab: Lab, match: readonly string[], action: string): Promise<void> {
  const script = [
    'add table ip transit',
    'add chain ip transit forward { type filter hook forward priority 0 ; policy accept ; }',
    `add rule ip transit forward ip daddr ${lab.layer === 4 ? lab.facts.balancerAddress : lab.facts.edgeAddress} ${match.join(' ')} ${action}`,
  ].join('; ');
  await lab.host('isp-a').change(['nft', script], ['nft', 'delete table ip transit']);
}

export const ispBlockFault: Fault = {
  cause: 'isp-block',
  variants: [
    { name: 'dropped', title: 'one ISP drops every packet to the site', host: null, inject: (lab) => filter(lab, [], 'counter drop') },
    {
      name: 'reset',
      title: 'one ISP resets connections to the site once a request is sent',
      host: null,
      inject: (lab) => filter(lab, ['tcp flags & (psh | ack) == psh | ack'], 'counter reject with tcp reset'),
    },
    {
      name: 'refused',
      title: 'one ISP answers for the site that its port is closed',
      host: null,
      inject: (lab) => filter(lab, ['tcp flags & (syn | ack) == syn'], 'counter reject with tcp reset'),
    },
  ],
};
