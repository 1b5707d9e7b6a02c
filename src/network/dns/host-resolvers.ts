import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';

const RESOLV_CONF = '/etc/resolv.conf';
/** Where systemd-resolved lists the resolvers behind its own, 127.0.0.53. */
const RESOLVED_CONF = '/run/systemd/resolve/resolv.conf';
const LOOK_AGAIN_MS = 1000;

/** The addresses on `nameserver` lines of resolv.conf(5), without a zone where they have one. */
export const parseNameservers = (text: string): readonly string[] =>
  [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)]
    .map(([, address = '']) => address)
    .filter((address) => isIP(address) !== 0);

/** The host's resolvers, as its files say now (looked at again when a second has passed). */
export interface HostResolvers {
  /** Whom to ask for a container. Never ourselves. */
  forContainers(): readonly string[];
  /** Whom to ask for a program of the host; none where the host does not ask us for everything. Never who would ask us back. */
  forHost(): readonly string[];
}

/** `ownAddress` is where we serve the host. */
export function watchHostResolvers(ownAddress: string): HostResolvers {
  const main = cachedNameservers(RESOLV_CONF);
  const behindResolved = cachedNameservers(RESOLVED_CONF);
  const others = (addresses: readonly string[]) => addresses.filter((address) => address !== ownAddress);
  return {
    forContainers: () => others(main()),
    forHost() {
      const asked = [main(), behindResolved()].find((addresses) => addresses.includes(ownAddress));
      return asked === undefined ? [] : others(asked);
    },
  };
}

function cachedNameservers(path: string): () => readonly string[] {
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let version = '';
  let addresses: readonly string[] = [];
  return () => {
    const nowMs = performance.now();
    if (nowMs - lookedAtMs < LOOK_AGAIN_MS) return addresses;
    lookedAtMs = nowMs;
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    const found = stat === undefined ? '' : `${stat.dev} ${stat.ino} ${stat.mtimeNs} ${stat.size}`;
    if (found !== version) {
      version = found;
      addresses = readNameservers(path);
    }
    return addresses;
  };
}

function readNameservers(path: string): readonly string[] {
  try {
    return parseNameservers(readFileSync(path, 'utf8'));
  } catch {
    // Not there, or just being replaced: then there is another version to read a second later.
    return [];
  }
}
