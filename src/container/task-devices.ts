import { EngineError, errnoOf, isEngineError } from '#/base/errors.ts';
import { type HostDevice, listDevices } from '#/linux/devices.ts';
import { DEFAULT_DEVICE_RULES } from '#/runtime/default-paths.ts';
import type { OciDevice, OciDeviceRule } from '#/spec/oci/runtime.ts';
import type { ContainerConfig, DeviceSpec } from './config.ts';

export interface PlannedDevices {
  readonly nodes: readonly OciDevice[];
  readonly rules: readonly OciDeviceRule[];
}

const ALLOW_ALL: OciDeviceRule = { allow: true, access: 'rwm' };
/** Device nodes to make and rules for using them. A privileged container gets all of the host's. */
export function planDevices({ security, devices, deviceCgroupRules }: ContainerConfig): PlannedDevices {
  if (security.privileged) {
    return { nodes: listDevices('/dev').map((device) => nodeOf(device, device.path)), rules: [ALLOW_ALL] };
  }
  const asked = devices.flatMap(expandDevice);
  return {
    nodes: asked.map(({ node }) => node),
    rules: [...DEFAULT_DEVICE_RULES, ...asked.map(({ rule }) => rule), ...deviceCgroupRules.map(parseDeviceRule)],
  };
}

/** One `--device`: a node, or all nodes below a directory. */
function expandDevice({
  hostPath,
  containerPath,
  permissions,
}: DeviceSpec): readonly { node: OciDevice; rule: OciDeviceRule }[] {
  return gathered(hostPath).map((device) => ({
    node: nodeOf(device, containerPath + device.path.slice(hostPath.length)),
    rule: { allow: true, type: device.type, major: device.major, minor: device.minor, access: permissions },
  }));
}

function gathered(hostPath: string): readonly HostDevice[] {
  const failed = (reason: string, cause?: unknown): EngineError =>
    new EngineError(
      'invalid-argument',
      `error gathering device information while adding custom device ${JSON.stringify(hostPath)}: ${reason}`,
      { cause },
    );
  try {
    const devices = listDevices(hostPath);
    if (devices.length > 0) return devices;
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') throw failed('no such file or directory', cause);
    if (!isEngineError(cause, 'invalid-argument')) throw cause;
  }
  throw failed('not a device node');
}

const nodeOf = ({ type, major, minor, fileMode, uid, gid }: HostDevice, path: string): OciDevice => ({
  type,
  major,
  minor,
  fileMode,
  uid,
  gid,
  path,
});

/** `c 1:3 rwm`, `b *:* m`. Throws invalid-argument with Docker's text. */
export function parseDeviceRule(text: string): OciDeviceRule {
  const parts = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/.exec(text);
  if (parts === null) throw new EngineError('invalid-argument', `invalid device cgroup rule format: '${text}'`);
  const [, type, major, minor, access = ''] = parts;
  return {
    allow: true,
    type: type as 'a' | 'c' | 'b',
    ...(major === '*' ? {} : { major: Number(major) }),
    ...(minor === '*' ? {} : { minor: Number(minor) }),
    access,
  };
}
