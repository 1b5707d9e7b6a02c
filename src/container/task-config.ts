import { resolveCapabilities } from '#/runtime/capabilities.ts';
import { MASKED_PATHS, READONLY_PATHS } from '#/runtime/default-paths.ts';
import type { OciCapabilities, OciLinux, OciProcess, OciRlimit, OciRuntimeConfig } from '#/spec/oci/runtime.ts';
import { cgroupNameOf } from './cgroup-of.ts';
import type { ContainerConfig } from './config.ts';
import type { ContainerNetwork } from './connect-network.ts';
import { clampRlimit } from './limits.ts';
import { type LinkedContainer, linkEnv } from './links.ts';
import { mergeEnv } from './plan-create.ts';
import type { ContainerRecord } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { planDevices } from './task-devices.ts';
import { INIT_TARGET, planMounts } from './task-mounts.ts';
import { planNamespaces } from './task-namespaces.ts';
import { planResources } from './task-resources.ts';
import { type ResolvedUser, resolveUser } from './users.ts';

const OCI_VERSION = '1.0.2';
const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The whole OCI configuration of a container that is being started. */
export async function planTask(
  room: ContainerRoom,
  record: ContainerRecord,
  rootPath: string,
  network: ContainerNetwork,
): Promise<OciRuntimeConfig> {
  // Who shares a network bears its host name too, in a UTS namespace of its own.
  const { hostname, domainname } = (network.sharedWith ?? record).config;
  const process = { ...record.config.process, env: envWithLinks(record, network.links) };
  const config: ContainerConfig = { ...record.config, process, hostname, domainname };
  const user = resolveUser(rootPath, config.process.user, config.process.groupAdd);
  return {
    ociVersion: OCI_VERSION,
    root: { path: rootPath, readonly: config.readOnlyRoot },
    ...(config.namespaces.uts === 'host' ? {} : { hostname: config.hostname }),
    ...(config.domainname === '' || config.namespaces.uts === 'host' ? {} : { domainname: config.domainname }),
    process: planProcess(room, config, user),
    mounts: planMounts(room, record, network, rootPath),
    ...(Object.keys(config.annotations).length === 0 ? {} : { annotations: config.annotations }),
    linux: planLinux(room, record, network, capabilitiesFor(config, user)),
  };
}

/** What was asked for wins over what links say. */
export function envWithLinks(record: ContainerRecord, links: readonly LinkedContainer[]): readonly string[] {
  const { env } = record.config.process;
  return links.length === 0 ? env : mergeEnv(linkEnv(record, links), env);
}

function planProcess(room: ContainerRoom, config: ContainerConfig, user: ResolvedUser): OciProcess {
  const { process, security, consoleSize } = config;
  const [rows, columns] = consoleSize;
  const init = process.init === true ? [INIT_TARGET, '--'] : [];
  return {
    terminal: process.tty,
    ...(process.tty && rows > 0 && columns > 0 ? { consoleSize: { height: rows, width: columns } } : {}),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: [...init, ...process.entrypoint, ...process.command],
    env: planEnv(config, user),
    cwd: process.workingDir === '' ? '/' : process.workingDir,
    capabilities: capabilitiesFor(config, user),
    rlimits: planRlimits(room, config),
    noNewPrivileges: security.noNewPrivileges,
    ...(config.resources.oomScoreAdj === undefined ? {} : { oomScoreAdj: config.resources.oomScoreAdj }),
    ...(room.host.features.apparmor.available &&
    security.apparmorProfile !== undefined &&
    security.apparmorProfile !== 'unconfined'
      ? { apparmorProfile: security.apparmorProfile }
      : {}),
  };
}

/** As Docker orders it: PATH, HOSTNAME, TERM, then what was asked, which wins; HOME last, where nobody said one. */
export function planEnv({ process, hostname }: ContainerConfig, user: ResolvedUser): readonly string[] {
  const names = new Set(process.env.map((entry) => entry.split('=', 1)[0]));
  const defaults = [DEFAULT_PATH, `HOSTNAME=${hostname}`, ...(process.tty ? ['TERM=xterm'] : [])];
  const own = defaults.filter((entry) => !names.has(entry.split('=', 1)[0]));
  const home = names.has('HOME') ? [] : [`HOME=${user.home}`];
  return [...own, ...process.env, ...home];
}

/** Root has them all; another user starts with none but what the bounding set lets it gain. */
export function capabilitiesFor(
  { security }: Pick<ContainerConfig, 'security'>,
  user: Pick<ResolvedUser, 'uid'>,
): OciCapabilities {
  const { privileged, capAdd, capDrop } = security;
  const { capabilities } = resolveCapabilities({ add: capAdd, drop: capDrop, privileged });
  return user.uid === 0
    ? { bounding: capabilities, effective: capabilities, permitted: capabilities }
    : { bounding: capabilities, effective: [], permitted: [] };
}

/** What this host cannot raise is lowered to what it allows; create has warned. */
export function planRlimits(
  { host }: Pick<ContainerRoom, 'host'>,
  { ulimits }: Pick<ContainerConfig, 'ulimits'>,
): readonly OciRlimit[] {
  return ulimits.map(({ name, soft, hard }) => ({
    type: `RLIMIT_${name.toUpperCase()}`,
    soft: clampRlimit(host, name, soft),
    hard: clampRlimit(host, name, hard),
  }));
}

function planLinux(
  room: ContainerRoom,
  record: ContainerRecord,
  network: ContainerNetwork,
  capabilities: OciCapabilities,
): OciLinux {
  const { config } = record;
  const { security } = config;
  const devices = planDevices(config);
  const seccomp = room.seccomp.filterFor(security, capabilities.bounding);
  return {
    namespaces: planNamespaces(room, config, network),
    devices: devices.nodes,
    cgroupsPath: cgroupNameOf(room, record).ociPath,
    resources: { ...planResources(config.resources), devices: devices.rules },
    sysctl: { ...defaultSysctls(config), ...config.sysctls },
    ...(seccomp === undefined ? {} : { seccomp }),
    ...rootPropagation(config),
    maskedPaths: security.maskedPaths ?? (security.privileged ? [] : MASKED_PATHS),
    readonlyPaths: security.readonlyPaths ?? (security.privileged ? [] : READONLY_PATHS),
  };
}

/** As Docker: in a network of its own, low ports and ping need no capability, since nobody else's are taken. */
function defaultSysctls({ network }: ContainerConfig): Readonly<Record<string, string>> {
  if (network.mode.kind === 'host' || network.mode.kind === 'container') return {};
  return { 'net.ipv4.ip_unprivileged_port_start': '0', 'net.ipv4.ping_group_range': '0 2147483647' };
}

/** A shared or slave bind needs its root to be so too. */
function rootPropagation({ mounts }: ContainerConfig): Pick<OciLinux, 'rootfsPropagation'> {
  const kinds = mounts.flatMap((mount) => (mount.kind === 'bind' ? [mount.propagation] : []));
  if (kinds.some((kind) => kind.endsWith('shared'))) return { rootfsPropagation: 'shared' };
  if (kinds.some((kind) => kind.endsWith('slave'))) return { rootfsPropagation: 'rslave' };
  return {};
}
