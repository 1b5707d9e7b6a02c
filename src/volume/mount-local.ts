import { lookup } from 'node:dns/promises';
import { isIP, isIPv4 } from 'node:net';
import { EngineError, messageOf } from '#/base/errors.ts';
import { mountWithOptions } from '#/linux/mount-options.ts';
import type { LocalMount } from './local-options.ts';

/**
 * Mounts what a volume's options name on its directory, as Docker's `local` driver does: names of NFS and CIFS servers are
 * resolved here, since the kernel takes addresses only. Throws with Docker's text, passwords blotted out.
 */
export async function mountLocal(wanted: LocalMount, target: string): Promise<void> {
  if (wanted.device === '') throw new EngineError('internal', 'missing device in volume options');
  const { type, device, options } = await resolveServer(wanted);
  try {
    await mountWithOptions({ source: device, target, type: isBind(options) ? '' : type, options });
  } catch (error) {
    const text = messageOf(error).replace(/password=[^,:]*/g, 'password=********');
    throw new EngineError('internal', `failed to mount local volume: ${text}`, { cause: error });
  }
}

/** `type=none` is how mount(8) is told that a bind has none. */
const isBind = (options: string): boolean => options.split(',').some((word) => word === 'bind' || word === 'rbind');

async function resolveServer(wanted: LocalMount): Promise<LocalMount> {
  const { type, device, options } = wanted;
  if (type !== 'nfs' && type !== 'cifs') return wanted;
  const server = /(?:^|,)addr=([^,]*)/.exec(options)?.[1] ?? '';
  if (server !== '' && !isIPv4(server)) {
    return { ...wanted, options: options.replace(`addr=${server}`, `addr=${await addressOf(server)}`) };
  }
  const host = type === 'cifs' ? /^\/\/([^/:]+)/.exec(device)?.[1] : undefined;
  if (host === undefined || isIP(host) !== 0) return wanted;
  return { ...wanted, device: device.replace(host, await addressOf(host)) };
}

async function addressOf(host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw new EngineError(
      'internal',
      `error resolving passed in network volume address: lookup ${host}: ${messageOf(error)}`,
    );
  }
}
