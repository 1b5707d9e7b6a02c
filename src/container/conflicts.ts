import { EngineError } from '#/base/errors.ts';
import type { ContainerSpec } from './config.ts';

/** Throws invalid-argument, with Docker's texts, for settings that mean nothing where a namespace is somebody else's. */
export function refuseConflicts({ hostname, network, namespaces, exposedPorts }: ContainerSpec): void {
  if (hostname !== undefined && namespaces.uts === 'host') refuse('hostname and the UTS mode');
  if (network.mode.kind !== 'container') return;
  if (hostname !== undefined) refuse('hostname and the network mode');
  if (network.dns.length > 0) refuse('dns and the network mode');
  if (network.extraHosts.length > 0) refuse('custom host-to-IP mapping and the network mode');
  if (network.macAddress !== undefined) refuse('mac-address and the network mode');
  if (exposedPorts.length > 0) refuse('port exposing and the container type network mode');
}

function refuse(what: string): never {
  throw new EngineError('invalid-argument', `conflicting options: ${what}`);
}
