import type { DeviceMapping, HostConfig, ThrottleDevice, Ulimit, WeightDevice } from '#/spec/docker-api/container.ts';
import type { Flags } from '../args/flag.ts';
import { parseBytes, parseBytesOrUnlimited, parseCpus } from '../args/values.ts';
import { isCdiName, parseGpus } from './gpus.ts';

const ULIMITS = new Set(
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(' '),
);

/** `nofile=1024:2048`. */
export function parseUlimit(text: string): Ulimit {
  const [name = '', limits] = text.split('=', 2);
  if (limits === undefined) throw new Error(`invalid ulimit argument: ${text}`);
  if (!ULIMITS.has(name)) throw new Error(`invalid ulimit type: ${name}`);
  const [soft, hard = soft, ...rest] = limits.split(':');
  if (rest.length > 0)
    throw new Error(`too many limit value arguments - ${limits}, can only have up to two, \`soft[:hard]\``);
  const [Soft, Hard] = [soft, hard].map((part = '') => {
    if (!/^-?\d+$/.test(part)) throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(part)}: invalid syntax`);
    return Number(part);
  }) as [number, number];
  if (Hard !== -1 && (Soft > Hard || Soft === -1)) {
    throw new Error(`ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`);
  }
  return { Name: name, Hard, Soft };
}

function splitDevice(text: string): readonly [string, string] {
  const [path, rate, ...rest] = text.split(':');
  if (path === undefined || rate === undefined || rest.length > 0) throw new Error(`bad format: ${text}`);
  if (!path.startsWith('/dev/')) throw new Error(`bad format for device path: ${text}`);
  return [path, rate];
}

/** `/dev/sda:1mb` or, counting operations, `/dev/sda:1000`. */
export function parseThrottle(text: string, kind: 'bps' | 'iops'): ThrottleDevice {
  const [Path, rate] = splitDevice(text);
  if (kind === 'iops') {
    if (!/^\d+$/.test(rate)) {
      throw new Error(
        `invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`,
      );
    }
    return { Path, Rate: Number(rate) };
  }
  try {
    return { Path, Rate: parseBytes(rate) };
  } catch {
    throw new Error(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb`,
    );
  }
}

/** `/dev/sda:500`. */
export function parseWeight(text: string): WeightDevice {
  const [Path, weight] = splitDevice(text);
  const Weight = Number(weight);
  if (!/^\d+$/.test(weight) || (Weight > 0 && (Weight < 10 || Weight > 1000))) {
    throw new Error(`invalid weight for device: ${text}`);
  }
  return { Path, Weight };
}

const MODE = /^[rwm]+$/;

/** `/dev/a`, `/dev/a:/dev/b`, `/dev/a:rwm`, `/dev/a:/dev/b:rwm`. */
export function parseDevice(text: string): DeviceMapping {
  const [source = '', second, third, ...rest] = text.split(':');
  if (source === '' || rest.length > 0) throw new Error(`bad format for path: ${text}`);
  if (third === undefined && second !== undefined && MODE.test(second)) {
    return { PathOnHost: source, PathInContainer: source, CgroupPermissions: second };
  }
  if (third !== undefined && !MODE.test(third)) throw new Error(`bad mode specified: ${third}`);
  return { PathOnHost: source, PathInContainer: second ?? source, CgroupPermissions: third ?? 'rwm' };
}

/** The limits among the options, as the API wants them. */
export function resourcesOf(flags: Flags): HostConfig {
  const bytes = (name: string): number => parseBytesOrUnlimited(flags.text(name) ?? '0');
  const number = (name: string): number => flags.number(name) ?? 0;
  const bps = (name: string): readonly ThrottleDevice[] => flags.list(name).map((text) => parseThrottle(text, 'bps'));
  const iops = (name: string): readonly ThrottleDevice[] => flags.list(name).map((text) => parseThrottle(text, 'iops'));
  const swappiness = number('memory-swappiness');
  if (flags.has('memory-swappiness') && swappiness !== -1 && (swappiness < 0 || swappiness > 100)) {
    throw new Error(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  }
  return {
    CgroupParent: flags.text('cgroup-parent') ?? '',
    Memory: bytes('memory'),
    MemoryReservation: bytes('memory-reservation'),
    MemorySwap: bytes('memory-swap'),
    MemorySwappiness: flags.number('memory-swappiness') ?? -1,
    OomKillDisable: flags.bool('oom-kill-disable'),
    NanoCpus: parseCpus(flags.text('cpus') ?? '0'),
    CpuShares: number('cpu-shares'),
    CpuPeriod: number('cpu-period'),
    CpuQuota: number('cpu-quota'),
    CpuRealtimePeriod: number('cpu-rt-period'),
    CpuRealtimeRuntime: number('cpu-rt-runtime'),
    CpusetCpus: flags.text('cpuset-cpus') ?? '',
    CpusetMems: flags.text('cpuset-mems') ?? '',
    PidsLimit: number('pids-limit'),
    BlkioWeight: number('blkio-weight'),
    BlkioWeightDevice: flags.list('blkio-weight-device').map(parseWeight),
    BlkioDeviceReadBps: bps('device-read-bps'),
    BlkioDeviceWriteBps: bps('device-write-bps'),
    BlkioDeviceReadIOps: iops('device-read-iops'),
    BlkioDeviceWriteIOps: iops('device-write-iops'),
    Ulimits: flags.list('ulimit').map(parseUlimit),
    Devices: flags
      .list('device')
      .filter((text) => !isCdiName(text))
      .map(parseDevice),
    DeviceCgroupRules: flags.list('device-cgroup-rule'),
    DeviceRequests: deviceRequestsOf(flags),
  };
}

function deviceRequestsOf(flags: Flags): readonly object[] {
  const names = flags.list('device').filter(isCdiName);
  const named = names.length > 0 ? [{ Driver: 'cdi', DeviceIDs: names }] : [];
  return [...flags.list('gpus').map(parseGpus), ...named];
}
