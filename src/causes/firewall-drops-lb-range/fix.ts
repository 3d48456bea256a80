// Lets the balancer's range in, before the rule that drops it. A firewall that rejects and one that drops are mended alike.
export { openFirewall as fixFirewallDropsLbRange } from '../../facts/firewall-fix.ts';
