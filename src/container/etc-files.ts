import { readFile, writeFile } from 'node:fs/promises';
import type { NetworkSettings } from './config.ts';
import type { ContainerNetwork } from './connect-network.ts';
import { containerPaths } from './paths.ts';
import type { ContainerRecord } from './record.ts';
import type { ContainerRoom } from './room.ts';

/**
 * Writes /etc/hostname, /etc/hosts and /etc/resolv.conf of a container that is being started. One that shares another's
 * network has none of its own: it is given that one's files.
 */
export async function writeEtcFiles(
  room: ContainerRoom,
  record: ContainerRecord,
  network: ContainerNetwork,
): Promise<void> {
  if (network.sharedWith !== undefined) return;
  const paths = containerPaths(room, record.id);
  const { config } = record;
  await Promise.all([
    writeFile(paths.hostname, `${config.hostname}\n`),
    writeFile(
      paths.hosts,
      config.network.mode.kind === 'host' ? await hostHosts(config.network) : hostsOf(record, network),
    ),
    writeFile(paths.resolvConf, resolvConfOf(config.network, await readHostFile('/etc/resolv.conf'))),
  ]);
}

const readHostFile = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

async function hostHosts(settings: NetworkSettings): Promise<string> {
  const text = await readHostFile('/etc/hosts');
  return `${text}${text.endsWith('\n') || text === '' ? '' : '\n'}${extraHosts(settings, undefined)}`;
}

function hostsOf({ config }: ContainerRecord, { endpoint }: ContainerNetwork): string {
  const names = hostNamesOf(config.hostname, config.domainname);
  const own = endpoint === undefined ? '' : `${endpoint.ipv4Address}\t${names}\n`;
  const gateway = endpoint?.gateway;
  const toHost = gateway === undefined ? '' : `${gateway}\thost.docker.internal\n`;
  return `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n${own}${toHost}${extraHosts(config.network, gateway)}`;
}

/** A full name may come in one piece or in two; the bare host name resolves in both cases, as in Docker. */
function hostNamesOf(hostname: string, domainname: string): string {
  const full = domainname === '' ? hostname : `${hostname}.${domainname}`;
  const [bare = full] = full.split('.', 1);
  return full === bare ? full : `${full} ${bare}`;
}

function extraHosts({ extraHosts }: NetworkSettings, gateway: string | undefined): string {
  return extraHosts
    .map((entry) => {
      const separator = entry.indexOf(':');
      const address = entry.slice(separator + 1).replace(/^\[(.*)\]$/, '$1');
      const resolved = address === 'host-gateway' ? (gateway ?? '127.0.0.1') : address;
      return `${resolved}\t${entry.slice(0, separator)}\n`;
    })
    .join('');
}

/** Loopback resolvers of the host mean nothing inside another network namespace. */
const LOOPBACK_NAMESERVER = /^nameserver\s+(127\.|::1)/;
const PUBLIC_NAMESERVERS = ['8.8.8.8', '8.8.4.4'];

/** What a container's resolv.conf says, from what was asked and what the host's own says. Pure. */
export function resolvConfOf(settings: NetworkSettings, hostText: string): string {
  const isHost = settings.mode.kind === 'host';
  const hostLines = hostText.split('\n').filter((line) => /^\s*[a-z]/.test(line));
  const usable = hostLines.filter((line) => isHost || !LOOPBACK_NAMESERVER.test(line));
  const ofKind = (kind: string): readonly string[] => usable.filter((line) => line.startsWith(kind));
  const hostServers = ofKind('nameserver');
  const fallback =
    isHost || settings.mode.kind === 'none' ? [] : PUBLIC_NAMESERVERS.map((server) => `nameserver ${server}`);
  const servers =
    settings.dns.length > 0
      ? settings.dns.map((server) => `nameserver ${server}`)
      : hostServers.length > 0
        ? hostServers
        : fallback;
  const search = settings.dnsSearch.length > 0 ? searchLine(settings.dnsSearch) : ofKind('search');
  const options = settings.dnsOptions.length > 0 ? [`options ${settings.dnsOptions.join(' ')}`] : ofKind('options');
  return [...servers, ...search, ...options].map((line) => `${line}\n`).join('');
}

/** `.` alone means no search domains. */
const searchLine = (domains: readonly string[]): readonly string[] =>
  domains.length === 1 && domains[0] === '.' ? [] : [`search ${domains.join(' ')}`];
