// Lets the balancer's range in, before the rule that rejects it. A firewall that rejects and one that drops are mended alike.
export { openFirewall as fixFirewallRejectsLbRange } from '../../facts/firewall-fix.ts';
