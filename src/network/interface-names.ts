import { EngineError } from '#/base/errors.ts';
import { interfacePrefixOf, isInterfaceName } from './bridge-options.ts';
import type { ConnectRequest, Endpoint, Network } from './network.ts';

const IFNAME_OPTION = 'com.docker.network.endpoint.ifname';

/** The name that was asked for, or the network's prefix with the lowest number that is free in the container. */
export function chooseInterfaceName(
  network: Network,
  { driverOptions }: ConnectRequest,
  present: readonly Endpoint[],
): string {
  const taken = new Set(present.map(({ interfaceName }) => interfaceName));
  const wanted = driverOptions?.[IFNAME_OPTION];
  if (wanted === undefined) return lowestFree(interfacePrefixOf(network), taken);
  if (!isInterfaceName(wanted) || wanted === 'lo') {
    throw new EngineError(
      'invalid-argument',
      `invalid interface name ${JSON.stringify(wanted)}: 1 to 15 characters without slash, colon or space expected`,
    );
  }
  if (taken.has(wanted)) throw new EngineError('conflict', `interface name ${wanted} is in use in the container`);
  return wanted;
}

function lowestFree(prefix: string, taken: ReadonlySet<string>): string {
  let number = 0;
  while (taken.has(`${prefix}${number}`)) number++;
  return `${prefix}${number}`;
}
