import { EngineError } from '#/base/errors.ts';
import type { ContainerSpec } from './config.ts';

/** Throws invalid-argument, with Docker's texts, for settings that mean nothing where a namespace is somebody else's. */
export function refuseConflicts(spec: ContainerSpec): void {
  const { hostname, network, namespaces } = spec;
  if (hostname !== undefined && namespaces.uts === 'host') refuse('hostname and the UTS mode');
  if (network.mode.kind === 'host') refuseWithHostNetwork(spec);
  if (network.mode.kind === 'container') refuseWithJoinedNetwork(spec);
  if (network.mode.kind === 'none' && Object.keys(network.endpoints).some((name) => name !== 'none')) {
    throw new EngineError('invalid-argument', NONE_AND_OTHERS);
  }
}

/** A container without networks is on no other one either. */
export const NONE_AND_OTHERS =
  'container cannot be connected to multiple networks with one of the networks in private (none) mode';
/** Who shares a network has none of its own to add to. */
export const SHARED_AND_OTHERS =
  'container sharing network namespace with another container or host cannot be connected to any other network';

const LINKS_MEAN_NOTHING = "can't be used with links. This would result in undefined behavior";

function refuseWithHostNetwork({ network }: ContainerSpec): void {
  const endpoints = Object.values(network.endpoints);
  if (endpoints.some(({ links }) => links.length > 0)) refuse(`host type networking ${LINKS_MEAN_NOTHING}`);
  if (endpoints.some(({ macAddress }) => macAddress !== undefined)) refuse('mac-address and the network mode');
  if (Object.keys(network.endpoints).some((name) => name !== 'host')) {
    throw new EngineError('invalid-argument', SHARED_AND_OTHERS);
  }
}

function refuseWithJoinedNetwork({ hostname, network, exposedPorts }: ContainerSpec): void {
  const endpoints = Object.values(network.endpoints);
  if (hostname !== undefined) refuse('hostname and the network mode');
  if (endpoints.some(({ links }) => links.length > 0)) refuse(`container type network ${LINKS_MEAN_NOTHING}`);
  if (network.dns.length > 0) refuse('dns and the network mode');
  if (network.extraHosts.length > 0) refuse('custom host-to-IP mapping and the network mode');
  if (endpoints.some(({ macAddress }) => macAddress !== undefined)) refuse('mac-address and the network mode');
  if (network.ports.length > 0 || network.publishAll) refuse('port publishing and the container type network mode');
  if (exposedPorts.length > 0) refuse('port exposing and the container type network mode');
  if (endpoints.length > 0) throw new EngineError('invalid-argument', SHARED_AND_OTHERS);
}

function refuse(what: string): never {
  throw new EngineError('invalid-argument', `conflicting options: ${what}`);
}
