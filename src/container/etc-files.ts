import { writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { readFileInRoot } from '#/linux/open-in-root.ts';
import type { Endpoint } from '#/network/network.ts';
import { isUserDefined } from '#/network/predefined.ts';
import type { ContainerNetwork } from './connect-network.ts';
import { editLines, hostsFileOf, hostsFileOfHost, readdressLine } from './hosts-file.ts';
import { type LinkedContainer, linkHostsLine, runningLinkers } from './links.ts';
import { containerPaths } from './paths.ts';
import type { ContainerRecord } from './record.ts';
import { hasOnlyLoopbackServers, resolvConfOf } from './resolv-conf.ts';
import type { ContainerRoom } from './room.ts';

/**
 * Writes /etc/hostname, /etc/hosts and /etc/resolv.conf of a container that is being started. One that shares another's
 * network has none of its own: it is given that one's files.
 */
export async function writeEtcFiles(
  room: ContainerRoom,
  record: ContainerRecord,
  { endpoints, sharedWith, links }: ContainerNetwork,
): Promise<void> {
  if (sharedWith !== undefined) return;
  const paths = containerPaths(room, record.id);
  const { config } = record;
  const hosts =
    config.network.mode.kind === 'host'
      ? hostsFileOfHost(await readText('/etc/hosts'), config.network.extraHosts)
      : hostsText(room, record, endpoints, links);
  await Promise.all([
    writeFile(paths.hostname, `${config.hostname}\n`),
    writeFile(paths.hosts, hosts),
    writeFile(paths.resolvConf, resolvConfText(room, record, endpoints, await hostResolvConf())),
  ]);
}

/**
 * Lets /etc/hosts and /etc/resolv.conf of a running container follow its networks. Written in place, since they are mounted
 * in it; what it has changed in them itself stays.
 */
export async function refreshEtcFiles(
  room: ContainerRoom,
  record: ContainerRecord,
  before: readonly Endpoint[],
): Promise<void> {
  const paths = containerPaths(room, record.id);
  const after = room.networks.endpointsOf(record.id);
  const hostText = await hostResolvConf();
  const edits = [
    [paths.hosts, (endpoints: readonly Endpoint[]) => hostsText(room, record, endpoints, [])],
    [paths.resolvConf, (endpoints: readonly Endpoint[]) => resolvConfText(room, record, endpoints, hostText)],
  ] as const;
  for (const [path, textFor] of edits) {
    const [old, wanted] = [textFor(before), textFor(after)];
    if (old !== wanted) await writeFile(path, editLines(readEdited(path) ?? old, old, wanted));
  }
}

/** Lets /etc/hosts of the running containers that are linked to this one, which has just been started, say where it is now. */
export function refreshLinkers(room: ContainerRoom, record: ContainerRecord): void {
  for (const { linker, line } of runningLinkers(room, record)) {
    const path = containerPaths(room, linker.id).hosts;
    const current = readEdited(path);
    const wanted = current && readdressLine(current, line);
    // In one stretch: nobody else writes the file between the look and the change.
    if (wanted !== undefined && wanted !== current) writeFileSync(path, wanted);
  }
}

const EDITED_BYTES_MAX = 1024 * 1024;

/** A container may write what it likes into its files, but not as much as it likes into our memory: undefined for more. */
function readEdited(path: string): string | undefined {
  const text = readFileInRoot(dirname(path), basename(path), EDITED_BYTES_MAX + 1);
  return text === undefined || text.length > EDITED_BYTES_MAX ? undefined : text.toString('utf8');
}

const readText = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

/** The host's resolvers as others can reach them: behind systemd-resolved's stub stand those that it asks itself. */
async function hostResolvConf(): Promise<string> {
  const text = await readText('/etc/resolv.conf');
  const behind = hasOnlyLoopbackServers(text) ? await readText('/run/systemd/resolve/resolv.conf') : '';
  return behind === '' ? text : behind;
}

function hostsText(
  room: ContainerRoom,
  { config }: ContainerRecord,
  endpoints: readonly Endpoint[],
  links: readonly LinkedContainer[],
): string {
  const hostAddress = hostAddressFrom(room, endpoints);
  return hostsFileOf({
    hostname: config.hostname,
    domainname: config.domainname,
    endpoints,
    links: links.map(linkHostsLine),
    extraHosts: config.network.extraHosts,
    hostAddress,
    hostGateway: hostAddress ?? room.networks.get('bridge').ipam[0]?.gateway ?? '127.0.0.1',
  });
}

/** The host's own address on a bridge that the container is on. (A macvlan's gateway is somebody else.) */
function hostAddressFrom({ networks }: ContainerRoom, endpoints: readonly Endpoint[]): string | undefined {
  const onBridge = endpoints.find(({ networkId }) => networks.get(networkId).bridgeName !== undefined);
  if (onBridge === undefined) return undefined;
  return onBridge.gateway || onBridge.ipv6Gateway || undefined;
}

function resolvConfText(
  { settings }: ContainerRoom,
  { config: { network } }: ContainerRecord,
  endpoints: readonly Endpoint[],
  hostText: string,
): string {
  const hasNameServer = endpoints.some(({ networkName }) => isUserDefined(networkName));
  const or = (own: readonly string[], ofDaemon: readonly string[]) => (own.length > 0 ? own : ofDaemon);
  return resolvConfOf(
    {
      mode: network.mode,
      dns: or(network.dns, settings.dns.servers),
      dnsSearch: or(network.dnsSearch, settings.dns.search),
      dnsOptions: or(network.dnsOptions, settings.dns.options),
    },
    hostText,
    hasNameServer,
  );
}
