import { EngineError, errnoOf } from '#/base/errors.ts';
import { createOfKind, createPlainLink } from '#/linux/child-link.ts';
import { deleteLink, listLinks, raiseLink } from '#/linux/link.ts';
import type { NetlinkRequest } from '#/linux/netlink.ts';
import { type NetlinkSocket, openNetlink } from '#/linux/netlink-socket.ts';
import { findLinkIndex } from '#/linux/netns.ts';
import { redirectIngress, shapeEgress, type TokenBucket } from '#/linux/tc.ts';
import { isHostInterface } from './host-interface.ts';
import type { Network } from './network.ts';

/**
 * Limits on what one endpoint sends and receives, set at the host's end of its pair of interfaces, where the container cannot
 * take them away. What is too much waits a little, then is dropped, so that senders slow down.
 */

type DriverOptions = Readonly<Record<string, string>>;

/** Seen from the container, in bits a second; undefined means no limit. */
interface Bandwidth {
  readonly inward: number | undefined;
  readonly outward: number | undefined;
}

const PREFIX = 'gantry.rate';
const BOTH_WAYS = 'gantry.rate';
const INWARD = 'gantry.rate-in';
const OUTWARD = 'gantry.rate-out';

const RATE_BITS = { min: 8e3, max: 1e12 };
/** As tc(8) has them; `bps` is bytes. */
const BITS_OF_UNIT: Readonly<Record<string, number>> = {
  '': 1,
  bit: 1,
  kbit: 1e3,
  mbit: 1e6,
  gbit: 1e9,
  tbit: 1e12,
  kibit: 2 ** 10,
  mibit: 2 ** 20,
  gibit: 2 ** 30,
  bps: 8,
  kbps: 8e3,
  mbps: 8e6,
  gbps: 8e9,
};

/** Enough to go on for until the kernel's slowest clock ticks again, and for some whole packets. */
const BURST_SEC = 0.01;
const BURST_BYTES_MIN = 16 * 1024;
const QUEUE_SEC = 0.1;
const QUEUE_BYTES_MIN = 32 * 1024;

/** Throws invalid-argument for limits that cannot be read, and for any on a network of another driver; touches nothing. */
export function checkBandwidth({ driver }: Pick<Network, 'driver'>, options: DriverOptions): void {
  const { inward, outward } = bandwidthOf(options);
  if (driver === 'bridge' || (inward === undefined && outward === undefined)) return;
  throw new EngineError('invalid-argument', `bandwidth limits need a bridge network, not one of ${driver}`);
}

function bandwidthOf(options: DriverOptions): Bandwidth {
  const known = [BOTH_WAYS, INWARD, OUTWARD];
  const stranger = Object.keys(options).find((name) => name.startsWith(PREFIX) && !known.includes(name));
  if (stranger !== undefined) {
    throw new EngineError('invalid-argument', `unknown option ${stranger}: one of ${known.join(', ')} expected`);
  }
  const rateOf = (name: string): number | undefined => {
    const text = options[name] ?? options[BOTH_WAYS];
    return text === undefined ? undefined : parseRate(text);
  };
  return { inward: rateOf(INWARD), outward: rateOf(OUTWARD) };
}

/** `10mbit` → 10,000,000 bits a second. */
export function parseRate(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([a-z]*)$/i.exec(text) ?? [];
  const factor = BITS_OF_UNIT[unit.toLowerCase()];
  if (digits === undefined || factor === undefined) {
    throw new EngineError(
      'invalid-argument',
      `invalid rate ${JSON.stringify(text)}: such as 500kbit, 10mbit, 1gbit expected`,
    );
  }
  const bits = Math.round(Number(digits) * factor);
  if (bits < RATE_BITS.min || bits > RATE_BITS.max) {
    throw new EngineError('invalid-argument', `invalid rate ${text}: 8kbit to 1tbit expected`);
  }
  return bits;
}

function bucketOf(bitsPerSecond: number): TokenBucket {
  const bytesPerSecond = Math.round(bitsPerSecond / 8);
  const burstBytes = Math.max(BURST_BYTES_MIN, Math.round(bytesPerSecond * BURST_SEC));
  const queueBytes = burstBytes + Math.max(QUEUE_BYTES_MIN, Math.round(bytesPerSecond * QUEUE_SEC));
  return { bytesPerSecond, burstBytes, queueBytes: Math.min(queueBytes, 2 ** 31) };
}

/** What a container sends waits in an interface of its own. Named after the host's end, so that whoever finds it knows whose it is. */
const HOST_PREFIX = 'gv';
const QUEUE_PREFIX = 'gi';
const queueName = (hostInterface: string): string => QUEUE_PREFIX + hostInterface.slice(HOST_PREFIX.length);
const isQueue = (name: string): boolean =>
  name.startsWith(QUEUE_PREFIX) && isHostInterface(HOST_PREFIX + name.slice(QUEUE_PREFIX.length));

/**
 * Sets the limits that the endpoint's driver options ask for on the host's end of its pair; idempotent, does nothing for others.
 * Throws invalid-argument, or unavailable where the kernel cannot.
 */
export async function applyBandwidth(hostInterface: string, options: DriverOptions): Promise<void> {
  const { inward, outward } = bandwidthOf(options);
  if (inward === undefined && outward === undefined) return;
  const index = findLinkIndex(hostInterface);
  if (index === undefined) throw new EngineError('unavailable', `limit ${hostInterface}: it is gone`);
  using netlink = openNetlink();
  if (inward !== undefined) await carryOut(netlink, [shapeEgress(index, bucketOf(inward))]);
  if (outward !== undefined) {
    const queueIndex = await ensureQueue(netlink, queueName(hostInterface));
    const requests = [shapeEgress(queueIndex, bucketOf(outward)), ...redirectIngress(index, queueIndex)];
    await carryOut(netlink, requests);
  }
}

async function ensureQueue(netlink: NetlinkSocket, name: string): Promise<number> {
  if (findLinkIndex(name) === undefined) await createOfKind(netlink, 'ifb', createPlainLink('ifb', name));
  const index = findLinkIndex(name);
  if (index === undefined) throw new EngineError('unavailable', `the interface ${name} vanished while it was made`);
  await netlink.batch([raiseLink(index)]);
  return index;
}

/** ENOENT is how the kernel says that it knows no such discipline, classifier or action. */
async function carryOut(netlink: NetlinkSocket, requests: readonly NetlinkRequest[]): Promise<void> {
  try {
    await netlink.batch(requests);
  } catch (error) {
    if (!['ENOENT', 'EOPNOTSUPP', 'ENOTSUP'].includes(errnoOf(error) ?? '')) throw error;
    throw new EngineError('unavailable', 'bandwidth limits need tbf, u32 and mirred, which this kernel lacks', {
      cause: error,
    });
  }
}

/** What a limit leaves on the host when the pair is gone; does nothing for endpoints without one. */
export async function removeBandwidth(hostInterface: string, options: DriverOptions): Promise<void> {
  if (options[OUTWARD] === undefined && options[BOTH_WAYS] === undefined) return;
  using netlink = openNetlink();
  await netlink.batch([deleteLink(queueName(hostInterface))]);
}

/** Takes away what endpoints left whose pair is gone, however that happened. */
export async function sweepBandwidth(): Promise<void> {
  using netlink = openNetlink();
  const links = listLinks(netlink);
  const living = new Set(links.filter(({ name }) => isHostInterface(name)).map(({ name }) => queueName(name)));
  const orphans = links.filter(({ name, kind }) => kind === 'ifb' && isQueue(name) && !living.has(name));
  if (orphans.length > 0) await netlink.batch(orphans.map(({ name }) => deleteLink(name)));
}
