import { NAME_SERVER_ADDRESS } from '#/network/dns/name-server.ts';
import type { NetworkSettings } from './config.ts';

/** Loopback resolvers of the host mean nothing inside another network namespace. */
const LOOPBACK_NAMESERVER = /^nameserver\s+(127\.|::1)/;
const PUBLIC_NAMESERVERS = ['8.8.8.8', '8.8.4.4'];

type LookupSettings = Pick<NetworkSettings, 'mode' | 'dns' | 'dnsSearch' | 'dnsOptions'>;

/**
 * What a container's resolv.conf says, from what was asked and what the host's own says. On networks that users made,
 * Gantry's name server is asked, which forwards to the resolvers that would stand here otherwise. Pure.
 */
export function resolvConfOf(settings: LookupSettings, hostText: string, hasNameServer: boolean): string {
  const isHost = settings.mode.kind === 'host';
  const hostLines = hostText.split('\n').filter((line) => /^\s*[a-z]/.test(line));
  const ofKind = (kind: string): readonly string[] => hostLines.filter((line) => line.startsWith(kind));
  const search = settings.dnsSearch.length > 0 ? searchLine(settings.dnsSearch) : ofKind('search');
  const options = settings.dnsOptions.length > 0 ? settings.dnsOptions : ofKind('options').flatMap(optionsOf);
  const allOptions =
    hasNameServer && !options.some((option) => option.startsWith('ndots:')) ? [...options, 'ndots:0'] : options;
  const servers = hasNameServer
    ? [`nameserver ${NAME_SERVER_ADDRESS}`]
    : serverLines(
        settings,
        ofKind('nameserver').filter((line) => isHost || !LOOPBACK_NAMESERVER.test(line)),
      );
  const optionLine = allOptions.length === 0 ? [] : [`options ${allOptions.join(' ')}`];
  return [...servers, ...search, ...optionLine].map((line) => `${line}\n`).join('');
}

function serverLines({ mode, dns }: LookupSettings, ofHost: readonly string[]): readonly string[] {
  if (dns.length > 0) return dns.map((server) => `nameserver ${server}`);
  if (ofHost.length > 0 || mode.kind === 'host' || mode.kind === 'none') return ofHost;
  return PUBLIC_NAMESERVERS.map((server) => `nameserver ${server}`);
}

const optionsOf = (line: string): readonly string[] => line.trim().split(/\s+/).slice(1);

/** `.` alone means no search domains. */
const searchLine = (domains: readonly string[]): readonly string[] =>
  domains.length === 1 && domains[0] === '.' ? [] : [`search ${domains.join(' ')}`];

/** Whether a host's resolv.conf names only a resolver of its own that containers cannot reach (systemd-resolved's stub). */
export function hasOnlyLoopbackServers(text: string): boolean {
  const servers = text.split('\n').filter((line) => line.startsWith('nameserver'));
  return servers.length > 0 && servers.every((line) => LOOPBACK_NAMESERVER.test(line));
}
