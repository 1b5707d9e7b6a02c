import type { CommitInfo, SystemInfo } from '#/spec/docker-api/system.ts';
import { printBinarySize } from './human.ts';

/** The lines of `info`, without their common indent. */
export function printInfo(info: SystemInfo): readonly string[] {
  return [...counts(info), ...drivers(info), ...runtimes(info), ...security(info), ...host(info), ...daemon(info)];
}

const optional = (name: string, value: string | undefined): readonly string[] =>
  value === undefined || value === '' ? [] : [`${name}: ${value}`];

function counts(info: SystemInfo): readonly string[] {
  return [
    `Containers: ${info.Containers}`,
    ` Running: ${info.ContainersRunning}`,
    ` Paused: ${info.ContainersPaused}`,
    ` Stopped: ${info.ContainersStopped}`,
    `Images: ${info.Images}`,
    `Server Version: ${info.ServerVersion}`,
  ];
}

function drivers(info: SystemInfo): readonly string[] {
  const { Plugins } = info;
  return [
    `Storage Driver: ${info.Driver}`,
    ...(info.DriverStatus ?? []).map(([name, value]) => ` ${name}: ${value}`),
    `Logging Driver: ${info.LoggingDriver}`,
    `Cgroup Driver: ${info.CgroupDriver}`,
    ...optional('Cgroup Version', info.CgroupVersion),
    'Plugins:',
    ` Volume: ${(Plugins.Volume ?? []).join(' ')}`,
    ` Network: ${(Plugins.Network ?? []).join(' ')}`,
    ...((Plugins.Authorization ?? []).length > 0 ? [` Authorization: ${Plugins.Authorization?.join(' ')}`] : []),
    ` Log: ${(Plugins.Log ?? []).join(' ')}`,
    ...((info.CDISpecDirs ?? []).length > 0
      ? ['CDI spec directories:', ...(info.CDISpecDirs ?? []).map((dir) => ` ${dir}`)]
      : []),
    `Swarm: ${info.Swarm.LocalNodeState}`,
  ];
}

function runtimes(info: SystemInfo): readonly string[] {
  const commit = (name: string, value: CommitInfo | undefined): readonly string[] =>
    value === undefined ? [] : [`${name} version: ${value.ID}`];
  return [
    `Runtimes: ${Object.keys(info.Runtimes).join(' ')}`,
    `Default Runtime: ${info.DefaultRuntime}`,
    ...optional('Init Binary', info.InitBinary),
    ...commit('containerd', info.ContainerdCommit),
    ...commit('runc', info.RuncCommit),
    ...commit('init', info.InitCommit),
  ];
}

/** `name=seccomp,profile=builtin` is shown as the name with its options below. */
function security(info: SystemInfo): readonly string[] {
  const lines = info.SecurityOptions.flatMap((option) => {
    const pairs = option.split(',').map((pair) => pair.split('=') as [string, string?]);
    return pairs.map(([key, value]) =>
      key === 'name' ? ` ${value}` : `  ${key.charAt(0).toUpperCase()}${key.slice(1)}: ${value}`,
    );
  });
  return lines.length === 0 ? [] : ['Security Options:', ...lines];
}

function host(info: SystemInfo): readonly string[] {
  return [
    `Kernel Version: ${info.KernelVersion}`,
    `Operating System: ${info.OperatingSystem}`,
    `OSType: ${info.OSType}`,
    `Architecture: ${info.Architecture}`,
    `CPUs: ${info.NCPU}`,
    `Total Memory: ${printBinarySize(info.MemTotal)}`,
    `Name: ${info.Name}`,
    `ID: ${info.ID}`,
  ];
}

function daemon(info: SystemInfo): readonly string[] {
  const list = (name: string, values: readonly string[] | null | undefined): readonly string[] =>
    (values ?? []).length === 0 ? [] : [`${name}:`, ...(values ?? []).map((value) => ` ${value}`)];
  return [
    `Docker Root Dir: ${info.DockerRootDir}`,
    `Debug Mode: ${info.Debug}`,
    ...optional('HTTP Proxy', info.HttpProxy),
    ...optional('HTTPS Proxy', info.HttpsProxy),
    ...optional('No Proxy', info.NoProxy),
    ...list('Labels', info.Labels),
    `Experimental: ${info.ExperimentalBuild}`,
    ...list('Insecure Registries', info.RegistryConfig?.InsecureRegistryCIDRs),
    ...list('Registry Mirrors', info.RegistryConfig?.Mirrors),
    `Live Restore Enabled: ${info.LiveRestoreEnabled}`,
    ...list(
      'Default Address Pools',
      info.DefaultAddressPools?.map((pool) => `  Base: ${pool.Base}, Size: ${pool.Size}`.trimStart()),
    ),
  ];
}
