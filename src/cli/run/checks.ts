import { isIP } from 'node:net';
import { parseMount } from './mounts.ts';
import { parseNetwork } from './networks.ts';

const SYSCTLS = new Set([
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
]);

/** The checks of single options' values; each throws docker's reason. */
export function checkSysctl(text: string): void {
  const name = text.split('=', 1)[0] ?? '';
  const isKnown = SYSCTLS.has(name) || name.startsWith('net.') || name.startsWith('fs.mqueue.');
  if (!text.includes('=') || !isKnown) throw new Error(`sysctl '${text}' is not allowed`);
}

export function checkEnv(text: string): void {
  if (text.startsWith('=') || text === '') throw new Error(`invalid environment variable: ${text}`);
}

export function checkStream(text: string): void {
  if (!['stdin', 'stdout', 'stderr'].includes(text.toLowerCase())) {
    throw new Error('valid streams are STDIN, STDOUT and STDERR');
  }
}

export function checkIp(text: string): void {
  if (isIP(text.trim()) === 0) throw new Error(`IP address is not correctly formatted: ${text}`);
}

export function checkHost(text: string): void {
  const [, name, address] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
  if (name === undefined || address === undefined) throw new Error(`bad format for add-host: ${JSON.stringify(text)}`);
  const bare = address.replace(/^\[(.*)\]$/, '$1');
  if (address !== 'host-gateway' && isIP(bare) === 0) {
    throw new Error(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  }
}

const DOMAIN = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.?$/i;

/** `c 1:3 rwm`. */
export function checkDeviceRule(text: string): void {
  if (!/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(text)) {
    throw new Error(`invalid device cgroup format '${text}'`);
  }
}

/** A domain to look names up in; `.` means none. */
export function checkDomain(text: string): void {
  const domain = text.trim();
  const isValid = DOMAIN.test(domain) && /[a-z]/i.test(domain) && domain.length < 255;
  if (domain !== '.' && !isValid) throw new Error(`${text} is not a valid domain`);
}

/** `container[:alias]`. */
export function checkLink(text: string): void {
  if (text === '') throw new Error('empty string specified for links');
  if (text.split(':').length > 2) throw new Error(`bad format for links: ${text}`);
}

export const checkMount = (text: string): void => {
  parseMount(text);
};

export const checkNetwork = (text: string): void => {
  parseNetwork(text);
};
