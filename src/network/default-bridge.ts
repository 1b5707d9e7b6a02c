import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { EngineError, errnoOf } from '#/base/errors.ts';
import { deleteLink, listLinks } from '#/linux/link.ts';
import { openNetlink } from '#/linux/netlink-socket.ts';
import { readPeerCredentials } from '#/linux/peer-credentials.ts';
import { isBridgeOfAnother, removeBridge } from './bridge-device.ts';
import { removeTables } from './firewall-install.ts';
import { tableNameOf } from './firewall-tables.ts';
import type { Network } from './network.ts';

export interface DefaultBridgeClaim {
  readonly bridgeName: string;
  /** Of the network `bridge`; undefined where this engine was never opened before. */
  readonly networkId: string | undefined;
  /** What another engine is told about this one. */
  readonly execRoot: string;
}

const ANSWER_TIMEOUT_MS = 1000;

/**
 * Makes the interface this engine's, for as long as it lives: two that share a default bridge would take each other's rules
 * away. Throws conflict where another engine lives with it, or has containers on it. An idle one that an engine left is removed.
 */
export async function claimDefaultBridge(claim: DefaultBridgeClaim): Promise<AsyncDisposable> {
  const lock = await lockName(claim);
  try {
    await dropForeignBridge(claim);
    return lock;
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

/** A name that the kernel keeps for each network namespace, and forgets with the process that has it. */
const lockPath = (bridgeName: string): string => `\0gantry bridge ${bridgeName}`;

async function lockName({ bridgeName, execRoot }: DefaultBridgeClaim): Promise<AsyncDisposable> {
  const server = createServer((socket) => socket.on('error', () => {}).end(execRoot));
  server.unref();
  try {
    await once(server.listen(lockPath(bridgeName)), 'listening');
  } catch (error) {
    if (errnoOf(error) !== 'EADDRINUSE') throw error;
    const holder = await findHolder(bridgeName);
    if (holder !== undefined) throw usedByAnother(bridgeName, `one that runs with the exec root ${holder}`);
  }
  return server;
}

/** The exec root of the engine that has the name; undefined for somebody who is no engine, and is not believed. */
async function findHolder(bridgeName: string): Promise<string | undefined> {
  const socket = connect({ path: lockPath(bridgeName), timeout: ANSWER_TIMEOUT_MS });
  socket.on('timeout', () => socket.destroy());
  try {
    await once(socket, 'connect');
    return readPeerCredentials(socket).uid === process.getuid?.() ? await text(socket) : undefined;
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

async function dropForeignBridge({ bridgeName, networkId }: DefaultBridgeClaim): Promise<void> {
  using netlink = openNetlink();
  const links = listLinks(netlink);
  const bridge = links.find(({ name }) => name === bridgeName);
  if (bridge === undefined || !isBridgeOfAnother(bridge, networkId)) return;
  const ports = links.filter(({ masterIndex }) => masterIndex === bridge.index);
  if (ports.length > 0) throw usedByAnother(bridgeName, `${ports.length} of its containers are on it`);
  await netlink.batch([deleteLink(bridgeName)]);
}

/** Takes down an interface that the default network has no more, with the tables named after it, where it is still ours. */
export async function leaveBridge(network: Network): Promise<void> {
  const wasOurs = await removeBridge(network);
  if (wasOurs) await removeTables(tableNameOf(network.bridgeName ?? ''));
}

const usedByAnother = (bridgeName: string, how: string): EngineError =>
  new EngineError(
    'conflict',
    `the bridge ${bridgeName} is used by another engine of this host (${how}): name another interface for the default network (--bridge NAME)`,
  );
