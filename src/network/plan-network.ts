import { EngineError } from '#/base/errors.ts';
import { newNetworkId } from '#/base/ids.ts';
import { blocksOverlap, type IpBlock, type IpVersion, parseIpBlock, printIpBlock } from '#/base/ip.ts';
import { BRIDGE_NAME_OPTION } from './bridge-options.ts';
import { canonicalAddress, checkPools, type PoolSpec } from './check-pools.ts';
import { type AddressPool, allocateAddress, chooseSubnet } from './ipam.ts';
import type { IpamPool, Network, NetworkDriverName, NetworkSpec } from './network.ts';
import { isUserDefined } from './predefined.ts';
import type { NetworkRecord } from './records.ts';

export interface NetworkPlan {
  readonly spec: NetworkSpec;
  readonly nowMs: number;
  readonly present: readonly NetworkRecord[];
  /** What the host uses or reaches, beside `present`. Asked only when a subnet is to be chosen. */
  readonly hostBlocks: () => readonly IpBlock[];
  readonly pools: readonly AddressPool[];
}

const DRIVERS: readonly string[] = ['bridge', 'host', 'null', 'macvlan', 'ipvlan'] satisfies NetworkDriverName[];
const IPAM_DRIVERS: readonly string[] = ['default', 'dhcp'];

/** What the network will be. Throws, with Docker's texts, what the spec alone and the networks that exist forbid. Touches nothing. */
export function planNetwork(plan: NetworkPlan): NetworkRecord {
  const { spec, present } = plan;
  checkName(spec.name, present);
  const driver = checkDriver(spec.driver);
  const enableIpv4 = spec.enableIpv4 ?? true;
  const enableIpv6 = spec.enableIpv6 ?? false;
  if (!enableIpv4 && !enableIpv6) throw new EngineError('invalid-argument', 'IPv4 or IPv6 must be enabled');
  const asked = spec.ipam.filter((pool) => Object.values(pool).some((value) => value !== undefined && value !== ''));
  checkPools(asked, enableIpv6);
  const id = newNetworkId();
  const options = spec.options ?? {};
  const ipamDriver = spec.ipamDriver ?? 'default';
  if (!IPAM_DRIVERS.includes(ipamDriver)) {
    throw new EngineError('not-found', `plugin ${JSON.stringify(ipamDriver)} not found`);
  }
  if (ipamDriver === 'dhcp' && driver !== 'macvlan') {
    throw new EngineError('invalid-argument', `addresses by DHCP need a network of macvlan, not of ${driver}`);
  }
  return {
    id,
    name: spec.name,
    driver,
    createdAtMs: plan.nowMs,
    bridgeName: driver === 'bridge' ? (options[BRIDGE_NAME_OPTION] ?? `br-${id.slice(0, 12)}`) : undefined,
    ipam:
      ipamDriver === 'dhcp'
        ? []
        : planPools(plan, asked, [...(enableIpv4 ? [4 as const] : []), ...(enableIpv6 ? [6 as const] : [])]),
    ipamDriver,
    ipamOptions: spec.ipamOptions ?? {},
    enableIpv4,
    enableIpv6,
    internal: spec.internal ?? false,
    attachable: spec.attachable ?? false,
    ingress: false,
    labels: spec.labels ?? {},
    options,
    subnetsGiven: asked.length > 0,
  };
}

function checkName(name: string, present: readonly Network[]): void {
  if (name.trim() === '') throw new EngineError('invalid-argument', 'invalid name: name is empty');
  if (!isUserDefined(name)) {
    throw new EngineError('permission-denied', `operation is not permitted on predefined ${name} network`);
  }
  if (present.some((other) => other.name === name)) {
    throw new EngineError('conflict', `network with name ${name} already exists`);
  }
}

function checkDriver(driver: string): NetworkDriverName {
  if (driver === 'host' || driver === 'null') {
    throw new EngineError('permission-denied', `only one instance of "${driver}" network is allowed`);
  }
  if (!DRIVERS.includes(driver)) {
    throw new EngineError('not-found', `could not find plugin ${driver} in v1 plugin registry: plugin not found`);
  }
  return driver as NetworkDriverName;
}

function planPools(plan: NetworkPlan, asked: readonly PoolSpec[], versions: readonly IpVersion[]): readonly IpamPool[] {
  const blocks = plan.present.flatMap(({ ipam }) => ipam.map(({ subnet }) => parseIpBlock(subnet)));
  const pools: IpamPool[] = [];
  for (const version of versions) {
    const own = asked.filter(({ subnet = '' }) => parseIpBlock(subnet).version === version);
    if (own.length === 0) {
      const subnet = chooseSubnet(plan.pools, version, [...blocks, ...plan.hostBlocks()]);
      pools.push(withGateway(plan.spec, { subnet: printIpBlock(subnet), gateway: '' }));
    }
    for (const pool of own) {
      const block = parseIpBlock(pool.subnet ?? '');
      if (blocks.some((other) => blocksOverlap(block, other))) {
        throw new EngineError(
          'permission-denied',
          'invalid pool request: Pool overlaps with other one on this address space',
        );
      }
      blocks.push(block);
      pools.push(withGateway(plan.spec, normalized(pool)));
    }
  }
  return pools;
}

function normalized({ subnet = '', ipRange, gateway, auxAddresses }: PoolSpec): IpamPool {
  const aux = Object.entries(auxAddresses ?? {}).map(([name, address]) => [name, canonicalAddress(address)]);
  return {
    subnet: printIpBlock(parseIpBlock(subnet)),
    gateway: canonicalAddress(gateway),
    ...(ipRange ? { ipRange: printIpBlock(parseIpBlock(ipRange)) } : {}),
    ...(aux.length > 0 ? { auxAddresses: Object.fromEntries(aux) } : {}),
  };
}

/** The gateway is the first address that a container would get. */
function withGateway({ name }: NetworkSpec, pool: IpamPool): IpamPool {
  if (pool.gateway !== '') return pool;
  const { version } = parseIpBlock(pool.subnet);
  const nobody: ReadonlySet<string> = new Set();
  const request = { networkName: name, version, pools: [pool], used: nobody, resting: nobody, wanted: undefined };
  return { ...pool, gateway: allocateAddress(request).address };
}
