import { execFileSync } from 'node:child_process';

const TRIES = 10;

/** Throws where nobody answers in ten seconds: the first packets may be lost while interfaces come up. */
export function ping(netnsPath: string, address: string): void {
  for (let left = TRIES - 1; left > 0; left--) if (isAnswered(netnsPath, address)) return;
  pingOnce(netnsPath, address);
}

/** Whether one packet is answered within a second. */
export function isAnswered(netnsPath: string, address: string): boolean {
  try {
    pingOnce(netnsPath, address);
    return true;
  } catch {
    return false;
  }
}

const pingOnce = (netnsPath: string, address: string): string =>
  execFileSync('nsenter', [`--net=${netnsPath}`, 'busybox', 'ping', '-c1', '-W1', address], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
