import type { Endpoint } from '#/network/network.ts';
import type { NetworkSettings } from './config.ts';

const STANDARD = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];
const HOST_NAME = 'host.docker.internal';

export interface HostsFileFacts {
  readonly hostname: string;
  readonly domainname: string;
  readonly endpoints: readonly Pick<Endpoint, 'ipv4Address' | 'ipv6Address'>[];
  /** Lines for linked containers. */
  readonly links: readonly string[];
  readonly extraHosts: NetworkSettings['extraHosts'];
  /** Where the host answers; undefined where it cannot be reached. */
  readonly hostAddress: string | undefined;
  /** What `host-gateway` stands for. */
  readonly hostGateway: string;
}

/** What a container's /etc/hosts says. Pure. */
export function hostsFileOf(facts: HostsFileFacts): string {
  const names = hostNamesOf(facts.hostname, facts.domainname);
  const own = facts.endpoints
    .flatMap(({ ipv4Address, ipv6Address }) => [ipv4Address, ipv6Address])
    .filter((address) => address !== '')
    .map((address) => `${address}\t${names}`);
  return linesOf([...STANDARD, ...own, ...facts.links, ...extraLines(facts)]);
}

/** That of a container on the host's network: the host's own, and what was asked for. Pure. */
export function hostsFileOfHost(hostText: string, extraHosts: NetworkSettings['extraHosts']): string {
  const separator = hostText.endsWith('\n') || hostText === '' ? '' : '\n';
  const facts = { extraHosts, hostAddress: '127.0.0.1', hostGateway: '127.0.0.1' };
  return `${hostText}${separator}${linesOf(extraLines(facts))}`;
}

function extraLines({
  extraHosts,
  hostAddress,
  hostGateway,
}: Pick<HostsFileFacts, 'extraHosts' | 'hostAddress' | 'hostGateway'>): readonly string[] {
  const asked = extraHosts.map((entry) => {
    const separator = entry.indexOf(':');
    const address = entry.slice(separator + 1).replace(/^\[(.*)\]$/, '$1');
    return `${address === 'host-gateway' ? hostGateway : address}\t${entry.slice(0, separator)}`;
  });
  const isAsked = extraHosts.some((entry) => entry.startsWith(`${HOST_NAME}:`));
  return isAsked || hostAddress === undefined ? asked : [`${hostAddress}\t${HOST_NAME}`, ...asked];
}

/** A full name may come in one piece or in two; the bare host name resolves in both cases, as in Docker. */
function hostNamesOf(hostname: string, domainname: string): string {
  const full = domainname === '' ? hostname : `${hostname}.${domainname}`;
  const [bare = full] = full.split('.', 1);
  return full === bare ? full : `${full} ${bare}`;
}

const linesOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

/** The file with this line in place of those that give the same names another address. Pure. */
export function readdressLine(current: string, wanted: string): string {
  const namesOf = (line: string): string => line.slice(line.indexOf('\t') + 1);
  return current
    .split('\n')
    .map((line) => (line.includes('\t') && namesOf(line) === namesOf(wanted) ? wanted : line))
    .join('\n');
}

/** A file that a container may have edited, with what of ours has changed: lines that went taken out, new ones put at the end. Pure. */
export function editLines(current: string, before: string, after: string): string {
  const [old, wanted] = [before.split('\n'), after.split('\n')];
  const gone = new Set(old.filter((line) => !wanted.includes(line)));
  const added = wanted.filter((line) => !old.includes(line));
  const kept = current.split('\n').filter((line) => !gone.has(line));
  while (kept.at(-1) === '') kept.pop();
  return linesOf([...kept, ...added]);
}
