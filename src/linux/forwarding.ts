import { readdirSync } from 'node:fs';
import { ensureSysctl, findSysctl } from './sysctl.ts';

const IPV6_CONF = 'net/ipv6/conf';

/** The host passes on what is not for itself. */
export function ensureIpv4Forwarding(): void {
  ensureSysctl('net/ipv4/ip_forward', '1');
}

/**
 * The same for IPv6. A host that forwards stops listening to its own routers, and would lose its way out with the next
 * advertisement that is missing: interfaces that listened are told to go on.
 */
export function ensureIpv6Forwarding(): void {
  if (findSysctl(`${IPV6_CONF}/all/forwarding`) !== '0') return;
  for (const name of readdirSync(`/proc/sys/${IPV6_CONF}`)) {
    if (findSysctl(`${IPV6_CONF}/${name}/accept_ra`) === '1') ensureSysctl(`${IPV6_CONF}/${name}/accept_ra`, '2');
  }
  ensureSysctl(`${IPV6_CONF}/all/forwarding`, '1');
}
