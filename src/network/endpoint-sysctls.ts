import { EngineError } from '#/base/errors.ts';
import { insideNetns } from '#/linux/netns.ts';
import { ensureSysctl } from '#/linux/sysctl.ts';
import type { ConnectRequest, Endpoint } from './network.ts';

const SYSCTLS_OPTION = 'com.docker.network.endpoint.sysctls';
const SYSCTL = /^net\.(ipv4|ipv6|mpls)\.(conf|neigh|fib)?\.?IFNAME\.([a-z0-9_]+)=(.*)$/;

interface InterfaceSysctl {
  readonly directory: string;
  readonly name: string;
  readonly value: string;
}

/** `net.ipv4.conf.IFNAME.log_martians=1,…`. Throws invalid-argument for what is no setting of the endpoint's own interface. */
export function parseEndpointSysctls(driverOptions: ConnectRequest['driverOptions']): readonly InterfaceSysctl[] {
  const text = driverOptions?.[SYSCTLS_OPTION] ?? '';
  if (text === '') return [];
  return text.split(',').map((part) => {
    const [, version, kind = 'conf', name, value] = SYSCTL.exec(part) ?? [];
    if (version === undefined || name === undefined || value === undefined) {
      throw new EngineError(
        'invalid-argument',
        `unrecognised network interface sysctl '${part}'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V'`,
      );
    }
    return { directory: `net/${version}/${kind}`, name, value };
  });
}

/** Applies the settings that the endpoint was connected with to its interface in the namespace at `path`. */
export function applyEndpointSysctls({ driverOptions, interfaceName }: Endpoint, path: string): void {
  const sysctls = parseEndpointSysctls(driverOptions);
  if (sysctls.length === 0) return;
  insideNetns(path, () => {
    for (const { directory, name, value } of sysctls) {
      const setting = `${directory}/${interfaceName}/${name}`;
      if (!ensureSysctl(setting, value)) {
        throw new EngineError('invalid-argument', `set the sysctl ${setting} to ${value}: there is no such setting`);
      }
    }
  });
}
