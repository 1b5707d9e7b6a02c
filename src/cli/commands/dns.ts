import { Resolver } from 'node:dns/promises';
import { errnoOf } from '#/base/errors.ts';
import { HOST_DOMAIN, HOST_RESOLVER_ADDRESS } from '#/spec/gantry-names.ts';
import type { Flag, Flags } from '../args/flag.ts';
import { checkLoopbackAddress } from '../args/values.ts';
import { type Command, type CommandIo, ExitError } from '../command.ts';
import { addToResolvConf, isInResolvConf, RESOLV_CONF, removeFromResolvConf } from '../dns/resolv-conf.ts';
import { addToResolved, isInResolved, RESOLVED_DROP_IN, removeFromResolved, usesResolved } from '../dns/resolved.ts';
import { findSystemd, systemctl } from '../systemctl.ts';

const ANSWER_TIMEOUT_MS = 1000;

const FLAGS: readonly Flag[] = [
  {
    name: 'address',
    kind: 'value',
    help: "The daemon's resolver for the host",
    fallback: HOST_RESOLVER_ADDRESS,
    check: checkLoopbackAddress,
  },
  { name: 'root', kind: 'value', help: 'Change files below this directory, for packagers; reloads nothing' },
];

const read = (flags: Flags) => ({
  root: flags.text('root') ?? '',
  address: flags.text('address') ?? HOST_RESOLVER_ADDRESS,
});

/** Lets programs of the host find containers by name. */
export const dnsInstallCommand: Command = {
  usage: 'dns install [OPTIONS]',
  summary: `Let programs of this host find containers as NAME.${HOST_DOMAIN}`,
  flags: FLAGS,
  operands: [0, 0],
  examples: ['gantry dns install', `curl http://web.${HOST_DOMAIN}/`],
  run: ({ flags, io }) =>
    changingFiles(async () => {
      const { root, address } = read(flags);
      const isResolved = usesResolved(root);
      if (isResolved) addToResolved(root, address);
      else addToResolvConf(root, address);
      io.stdout.write(`${isResolved ? RESOLVED_DROP_IN : RESOLV_CONF} written\n`);
      if (isResolved) await reloadResolved(root, io);
    }),
};

/** Takes back what `gantry dns install` did. */
export const dnsUninstallCommand: Command = {
  usage: 'dns uninstall [OPTIONS]',
  summary: "Take back what 'gantry dns install' did",
  flags: FLAGS,
  operands: [0, 0],
  examples: ['gantry dns uninstall'],
  run: ({ flags, io }) =>
    changingFiles(async () => {
      const { root, address } = read(flags);
      const wasResolved = isInResolved(root);
      removeFromResolved(root);
      removeFromResolvConf(root, address);
      io.stdout.write('the host looks up names as it did before\n');
      if (wasResolved) await reloadResolved(root, io);
    }),
};

/** Says where the host asks, and whether it is answered; exit status 1 unless both are well. */
export const dnsStatusCommand: Command = {
  usage: 'dns status [OPTIONS]',
  summary: 'Show whether the host finds containers by name',
  flags: FLAGS,
  operands: [0, 0],
  examples: ['gantry dns status'],
  run: async ({ flags, io }) => {
    const { root, address } = read(flags);
    const place = isInResolved(root) ? RESOLVED_DROP_IN : isInResolvConf(root, address) ? RESOLV_CONF : undefined;
    const isAnswering = await answersAt(address);
    io.stdout.write(`installed: ${place ?? "no ('gantry dns install' does it)"}\n`);
    io.stdout.write(
      `${address}: ${isAnswering ? 'answers' : 'does not answer (the daemon serves it while containers run)'}\n`,
    );
    return place !== undefined && isAnswering ? 0 : 1;
  },
};

async function changingFiles(change: () => Promise<void>): Promise<undefined> {
  try {
    await change();
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes(errnoOf(error) ?? '')) throw error;
    throw new ExitError(1, `${error instanceof Error ? error.message : error}: this needs root`);
  }
}

async function reloadResolved(root: string, io: CommandIo): Promise<void> {
  if (root !== '') return;
  const programs = await findSystemd();
  if (programs === undefined) io.stderr.write('systemd does not run here, so nothing was reloaded\n');
  else await systemctl(programs, ['reload-or-restart', 'systemd-resolved.service']);
}

async function answersAt(address: string): Promise<boolean> {
  const resolver = new Resolver({ timeout: ANSWER_TIMEOUT_MS, tries: 1 });
  resolver.setServers([address]);
  try {
    await resolver.resolve4(HOST_DOMAIN);
    return true;
  } catch (error) {
    return errnoOf(error) === 'ENODATA';
  }
}
