import { rfc3339Nano } from '#/base/clock.ts';
import type { IpamPool, Network } from '#/engine/index.ts';
import type { ApiVersion } from './version.ts';

/** Docker's answer to `GET /networks/{id}`; lists show no containers. */
export function printNetwork(
  network: Network,
  containers: Readonly<Record<string, object>>,
  { minor }: ApiVersion,
): object {
  return {
    Name: network.name,
    Id: network.id,
    Created: rfc3339Nano(network.createdAtMs),
    Scope: 'local',
    Driver: network.driver,
    ...(minor >= 47 ? { EnableIPv4: network.enableIpv4 } : {}),
    EnableIPv6: network.enableIpv6,
    IPAM: printIpam(network),
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: network.ingress,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: containers,
    Options: network.options,
    Labels: network.labels,
  };
}

/** Of networks that always are, Docker answers null where others have an empty map; `host` and `none` have no list either. */
const printIpam = ({ name, driver, ipam, ipamDriver, ipamOptions }: Network): object => ({
  Driver: ipamDriver,
  Options: name === 'bridge' || driver === 'host' || driver === 'null' ? null : ipamOptions,
  Config: driver === 'host' || driver === 'null' ? null : ipam.map(printPool),
});

function printPool({ subnet, gateway, ipRange, auxAddresses }: IpamPool): object {
  return {
    Subnet: subnet,
    ...(ipRange === undefined ? {} : { IPRange: ipRange }),
    ...(gateway === '' ? {} : { Gateway: gateway }),
    ...(auxAddresses === undefined || Object.keys(auxAddresses).length === 0
      ? {}
      : { AuxiliaryAddresses: auxAddresses }),
  };
}
