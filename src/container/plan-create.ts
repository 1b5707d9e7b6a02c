import { EngineError } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import { shortId } from '#/base/ids.ts';
import type { OciContainerDefaults } from '#/spec/oci/image.ts';
import type { ContainerConfig, ContainerProcess, ContainerSpec, Healthcheck } from './config.ts';
import { refuseConflicts } from './conflicts.ts';
import { normalTarget } from './resolve-mounts.ts';
import type { RunnableImage } from './room.ts';

export interface CreatePlan {
  readonly config: ContainerConfig;
  readonly warnings: readonly string[];
}

const invalid = (message: string): EngineError => new EngineError('invalid-argument', message);

/**
 * Merges what the caller asked for over what the image says, and validates all of it. Pure: nothing is made, nothing is
 * looked at. Throws invalid-argument with Docker's texts.
 */
export function planCreate(
  id: ContainerId,
  spec: ContainerSpec,
  image: RunnableImage,
  hostHostname: string,
): CreatePlan {
  const defaults = image.config.config ?? {};
  const { image: reference, name: _name, platform: _platform, ...rest } = spec;
  const config: ContainerConfig = {
    ...rest,
    image: { reference, id: image.imageId, layers: image.layers },
    process: mergeProcess(spec, defaults),
    hostname: spec.hostname ?? (usesHostUts(spec) ? hostHostname : shortId(id)),
    labels: { ...defaults.Labels, ...spec.labels },
    exposedPorts: [...new Set([...Object.keys(defaults.ExposedPorts ?? {}).map(withProtocol), ...spec.exposedPorts])],
    volumes: [...new Set([...Object.keys(defaults.Volumes ?? {}), ...spec.volumes])],
    healthcheck: spec.healthcheck ?? imageHealthcheck(defaults),
  };
  validate(config);
  refuseConflicts(spec);
  return { config, warnings: [...portWarnings(config), ...healthWarnings(config)] };
}

/** Images may leave out what is tcp. */
const withProtocol = (port: string): string => (port.includes('/') ? port : `${port}/tcp`);

const usesHostUts = (spec: ContainerSpec): boolean =>
  spec.namespaces.uts === 'host' || spec.network.mode.kind === 'host';

function mergeProcess(spec: ContainerSpec, defaults: OciContainerDefaults): ContainerProcess {
  const asked = spec.process;
  const entrypoint = asked.entrypoint ?? defaults.Entrypoint ?? [];
  const imageCommand = asked.entrypoint === undefined ? (defaults.Cmd ?? []) : [];
  const command = asked.command !== undefined && asked.command.length > 0 ? asked.command : imageCommand;
  if (entrypoint.length + command.length === 0) throw invalid('no command specified');
  return {
    ...asked,
    entrypoint,
    command,
    env: mergeEnv(defaults.Env ?? [], asked.env),
    workingDir: asked.workingDir ?? defaults.WorkingDir ?? '',
    user: asked.user ?? defaults.User ?? '',
    stopSignal: asked.stopSignal ?? defaults.StopSignal,
    stopTimeoutSec: asked.stopTimeoutSec ?? defaults.StopTimeout,
  };
}

/** `over` replaces by name, appends what is new, and removes names that it gives without `=`. */
export function mergeEnv(base: readonly string[], over: readonly string[]): readonly string[] {
  const merged = new Map<string, string>();
  for (const entry of base) merged.set(nameOf(entry), entry);
  for (const entry of over) {
    const name = nameOf(entry);
    if (name === '') throw invalid(`invalid environment variable: ${entry}`);
    if (entry.includes('\0')) throw invalid(`invalid environment variable ${name}: it contains a NUL byte`);
    if (entry.includes('=')) merged.set(name, entry);
    else merged.delete(name);
  }
  return [...merged.values()];
}

const nameOf = (entry: string): string => entry.split('=', 1)[0] ?? '';

const MS_PER_NS = 1e-6;

function imageHealthcheck(defaults: OciContainerDefaults): Healthcheck | undefined {
  const check = defaults.Healthcheck;
  if (check?.Test === undefined || check.Test.length === 0) return undefined;
  return {
    test: check.Test,
    intervalMs: (check.Interval ?? 0) * MS_PER_NS,
    timeoutMs: (check.Timeout ?? 0) * MS_PER_NS,
    startPeriodMs: (check.StartPeriod ?? 0) * MS_PER_NS,
    startIntervalMs: (check.StartInterval ?? 0) * MS_PER_NS,
    retries: check.Retries ?? 0,
  };
}

function validate(config: ContainerConfig): void {
  const { workingDir } = config.process;
  if (workingDir !== '' && !workingDir.startsWith('/')) {
    throw invalid(`the working directory '${workingDir}' is invalid, it needs to be an absolute path`);
  }
  if (config.hostname.length > 64)
    throw invalid(`invalid hostname ${JSON.stringify(config.hostname)}: at most 64 characters`);
  if (config.autoRemove && config.restartPolicy.kind !== 'no') {
    throw invalid("can't create 'AutoRemove' container with restart policy");
  }
  if (config.restartPolicy.kind === 'on-failure' && config.restartPolicy.retriesMax < 0) {
    throw invalid('invalid restart policy: maximum retry count cannot be negative');
  }
  if (config.process.stopTimeoutSec !== undefined && config.process.stopTimeoutSec < -1) {
    throw invalid(`invalid stop timeout ${config.process.stopTimeoutSec}: -1 (wait forever) or more expected`);
  }
  validateText(config);
  validateLines(config);
  validateAnnotations(config);
  validateMounts(config);
}

/** Annotations by which OCI runtimes take orders: filters, hooks, cgroup properties. What a container may do is said by options alone. */
const RESERVED_ANNOTATION = /^(run\.oci\.|org\.systemd\.property\.)/;

function validateAnnotations({ annotations }: ContainerConfig): void {
  const reserved = Object.keys(annotations).find((name) => RESERVED_ANNOTATION.test(name));
  if (reserved !== undefined)
    throw invalid(`invalid annotation ${JSON.stringify(reserved)}: it is reserved for the OCI runtime`);
}

/** No argument or path may hold a NUL byte: the kernel would cut it there. */
function validateText(config: ContainerConfig): void {
  const { entrypoint, command, user } = config.process;
  for (const text of [...entrypoint, ...command, user, workingDirOf(config), config.hostname]) {
    if (text.includes('\0')) throw invalid(`invalid value ${JSON.stringify(text)}: it contains a NUL byte`);
  }
}

/** These become lines of files inside: /etc/hostname, /etc/hosts, /etc/resolv.conf. */
function validateLines({ hostname, domainname, network }: ContainerConfig): void {
  const { dns, dnsSearch, dnsOptions, extraHosts } = network;
  const links = Object.values(network.endpoints).flatMap((endpoint) => endpoint.links);
  for (const text of [hostname, domainname, ...dns, ...dnsSearch, ...dnsOptions, ...extraHosts, ...links]) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    if (/[\u0000-\u001f\u007f]/.test(text))
      throw invalid(`invalid value ${JSON.stringify(text)}: it contains a control character`);
  }
}

const workingDirOf = (config: ContainerConfig): string => config.process.workingDir;

function validateMounts(config: ContainerConfig): void {
  const targets = new Set<string>();
  for (const { target } of config.mounts) {
    if (!target.startsWith('/')) throw invalid(`invalid mount path: '${target}' mount path must be absolute`);
    const normal = normalTarget(target);
    if (normal === '/') throw invalid("invalid mount config: invalid specification: destination can't be '/'");
    if (targets.has(normal)) throw invalid(`Duplicate mount point: ${normal}`);
    targets.add(normal);
  }
}

function portWarnings({ network: { mode, ports, publishAll } }: ContainerConfig): readonly string[] {
  const isDiscarded = mode.kind === 'host' && (ports.length > 0 || publishAll);
  return isDiscarded ? ['Published ports are discarded when using host network mode'] : [];
}

function healthWarnings({ healthcheck }: ContainerConfig): readonly string[] {
  const [kind] = healthcheck?.test ?? [];
  if (kind === undefined || kind === 'NONE') return [];
  return ['Health checks are not implemented yet: this one is recorded and not run.'];
}
