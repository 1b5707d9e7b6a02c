import type { ContainerCreateRequest, HostConfig, LogConfig } from '#/spec/docker-api/container.ts';
import type { Flags } from '../args/flag.ts';
import { parseBytes } from '../args/values.ts';
import type { CommandIo } from '../command.ts';
import { consoleSize } from '../streams/terminal.ts';
import { fullCapabilities } from './capabilities.ts';
import { healthOf } from './health.ts';
import { environmentOf, labelsOf, toMap } from './key-values.ts';
import { parseMount } from './mounts.ts';
import { endpointsOf, networksOf } from './networks.ts';
import { parsePorts } from './ports.ts';
import { resourcesOf } from './resources.ts';
import { restartPolicyOf } from './restart-policy.ts';
import { parseSecurityOptions } from './security.ts';
import { parseVolumes } from './volumes.ts';

/** The body of `POST /containers/create` that the options of `run` and `create` ask for. Throws docker's reasons. */
export function createRequestOf(flags: Flags, operands: readonly string[], io: CommandIo): ContainerCreateRequest {
  checkPull(flags.text('pull') ?? 'missing');
  const [Image = '', ...Cmd] = operands;
  const attached = attachedStreams(flags);
  const ports = parsePorts(flags.list('publish'), flags.list('expose'));
  const { binds, volumes } = parseVolumes(flags.list('volume'));
  const networks = networksOf(flags);
  const healthcheck = healthOf(flags);
  const entrypoint = flags.text('entrypoint');
  const stopTimeout = flags.number('stop-timeout');
  return {
    Hostname: flags.text('hostname') ?? '',
    Domainname: flags.text('domainname') ?? '',
    User: flags.text('user') ?? '',
    AttachStdin: attached.stdin,
    AttachStdout: attached.stdout,
    AttachStderr: attached.stderr,
    ...(Object.keys(ports.exposed).length > 0 ? { ExposedPorts: ports.exposed } : {}),
    Tty: flags.bool('tty'),
    OpenStdin: flags.bool('interactive'),
    StdinOnce: flags.bool('interactive') && attached.stdin,
    Env: environmentOf(flags.list('env-file'), flags.list('env'), io.env),
    Cmd: Cmd.length > 0 ? Cmd : null,
    ...(healthcheck === undefined ? {} : { Healthcheck: healthcheck }),
    Image,
    Volumes: volumes,
    WorkingDir: flags.text('workdir') ?? '',
    Entrypoint: entrypoint === undefined ? null : [entrypoint],
    OnBuild: null,
    Labels: labelsOf(flags.list('label-file'), flags.list('label')),
    ...(flags.has('stop-signal') ? { StopSignal: flags.text('stop-signal') ?? '' } : {}),
    ...(stopTimeout === undefined ? {} : { StopTimeout: stopTimeout }),
    HostConfig: {
      ...hostConfigOf(flags, binds),
      ...resourcesOf(flags),
      ConsoleSize: consoleSize(io),
      PortBindings: ports.bindings,
      NetworkMode: networks[0]?.name ?? 'default',
    },
    NetworkingConfig: { EndpointsConfig: endpointsOf(networks) },
  };
}

function checkPull(pull: string): void {
  if (['always', 'missing', 'never'].includes(pull)) return;
  throw new Error(`invalid pull option: '${pull}': must be one of "always", "missing" or "never"`);
}

/** What `-a`, `-d` and `-i` say of the streams to attach. */
export function attachedStreams(flags: Flags): {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
} {
  const asked = flags.list('attach').map((stream) => stream.toLowerCase());
  if (asked.length > 0) {
    return {
      stdin: asked.includes('stdin') || flags.bool('interactive'),
      stdout: asked.includes('stdout'),
      stderr: asked.includes('stderr'),
    };
  }
  const isAttached = !flags.bool('detach');
  return { stdin: isAttached && flags.bool('interactive'), stdout: isAttached, stderr: isAttached };
}

function hostConfigOf(flags: Flags, binds: readonly string[]): HostConfig {
  const security = parseSecurityOptions(flags.list('security-opt'));
  const restart = restartPolicyOf(flags.text('restart') ?? 'no');
  if (flags.bool('rm') && restart.Name !== 'no' && restart.Name !== '') {
    throw new Error('conflicting options: cannot specify both --restart and --rm');
  }
  const mode = (name: string, what: string, accepts: RegExp): string => {
    const text = flags.text(name) ?? '';
    if (!accepts.test(text)) throw new Error(`--${name}: invalid ${what} mode`);
    return text;
  };
  return {
    Binds: binds,
    ContainerIDFile: flags.text('cidfile') ?? '',
    LogConfig: logConfigOf(flags),
    RestartPolicy: restart,
    AutoRemove: flags.bool('rm'),
    VolumeDriver: flags.text('volume-driver') ?? '',
    VolumesFrom: flags.list('volumes-from'),
    ...(flags.has('mount') ? { Mounts: flags.list('mount').map(parseMount) } : {}),
    CapAdd: fullCapabilities(flags.list('cap-add')),
    CapDrop: fullCapabilities(flags.list('cap-drop')),
    CgroupnsMode: mode('cgroupns', 'CGROUP', /^(host|private)?$/),
    Dns: flags.list('dns'),
    DnsOptions: flags.list('dns-option'),
    DnsSearch: flags.list('dns-search'),
    ExtraHosts: flags.list('add-host').map(printExtraHost),
    GroupAdd: flags.list('group-add'),
    IpcMode: flags.text('ipc') ?? '',
    Links: flags.list('link'),
    OomScoreAdj: flags.number('oom-score-adj') ?? 0,
    PidMode: mode('pid', 'PID', /^(host|container:.+)?$/),
    Privileged: flags.bool('privileged'),
    PublishAllPorts: flags.bool('publish-all'),
    ReadonlyRootfs: flags.bool('read-only'),
    SecurityOpt: security.options,
    ...(security.unmasksPaths ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
    ...(flags.has('storage-opt') ? { StorageOpt: storageOptionsOf(flags.list('storage-opt')) } : {}),
    ...(flags.has('tmpfs') ? { Tmpfs: tmpfsOf(flags.list('tmpfs')) } : {}),
    ...(flags.has('sysctl') ? { Sysctls: toMap(flags.list('sysctl')) } : {}),
    ...(flags.has('annotation') ? { Annotations: toMap(flags.list('annotation')) } : {}),
    ...(flags.has('init') ? { Init: flags.bool('init') } : {}),
    UTSMode: mode('uts', 'UTS', /^(host)?$/),
    UsernsMode: mode('userns', 'USER', /^(host)?$/),
    ShmSize: parseBytes(flags.text('shm-size') ?? '0'),
    ...(flags.has('runtime') ? { Runtime: flags.text('runtime') ?? '' } : {}),
    Isolation: flags.text('isolation') ?? '',
  };
}

function logConfigOf(flags: Flags): LogConfig {
  const Type = flags.text('log-driver') ?? '';
  const Config = toMap(flags.list('log-opt'));
  if (Type === 'none' && Object.keys(Config).length > 0) throw new Error('invalid logging opts for driver none');
  return { Type, Config };
}

function storageOptionsOf(texts: readonly string[]): Readonly<Record<string, string>> {
  if (texts.some((text) => !text.includes('='))) throw new Error('invalid storage option');
  return toMap(texts);
}

const tmpfsOf = (texts: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    texts.map((text) => {
      const colon = text.indexOf(':');
      return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
    }),
  );

/** `name=address` and `name:address`, without the brackets that an IPv6 address may have. */
const printExtraHost = (text: string): string => text.replace('=', ':').replace(/:\[(.*)\]$/, ':$1');
