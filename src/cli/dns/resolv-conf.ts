import { existsSync, lstatSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { moveOver, readLinkTarget, readText } from './files.ts';

export const RESOLV_CONF = '/etc/resolv.conf';
const SAVED = '/etc/resolv.conf.gantry-saved';
const MODE = 0o644;

const listsAddress = (text: string | undefined, address: string): boolean =>
  text?.split('\n').some((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] === address) ?? false;

export const isInResolvConf = (root: string, address: string): boolean =>
  listsAddress(readText(join(root, RESOLV_CONF)), address);

/** Puts our resolver before the others and keeps the file, or the link that it was, beside it. Again changes nothing. */
export function addToResolvConf(root: string, address: string): void {
  const [path, saved] = [join(root, RESOLV_CONF), join(root, SAVED)];
  const text = readText(path) ?? '';
  if (listsAddress(text, address)) return;
  save(path, saved, text);
  const made = `${path}.gantry-new`;
  writeFileSync(made, printWithResolver(text, address), { mode: MODE });
  moveOver(made, path);
}

/** What is saved here is the newest that was not ours: somebody may have written the file since. */
function save(path: string, saved: string, text: string): void {
  const target = readLinkTarget(path);
  rmSync(saved, { force: true });
  if (target !== undefined) symlinkSync(target, saved);
  else if (existsSync(path)) writeFileSync(saved, text, { mode: MODE });
}

/** Pure. The others stay behind ours: whoever gets no answer from us asks them, and so do we. */
export const printWithResolver = (text: string, address: string): string =>
  `# 'gantry dns install' put ${address} first; 'gantry dns uninstall' takes it out again.\nnameserver ${address}\n${text}`;

/** Puts back what was there. A file that somebody else has written since stays as it is. */
export function removeFromResolvConf(root: string, address: string): void {
  const [path, saved] = [join(root, RESOLV_CONF), join(root, SAVED)];
  const hasSaved = lstatSync(saved, { throwIfNoEntry: false }) !== undefined;
  if (!isInResolvConf(root, address)) rmSync(saved, { force: true });
  else if (hasSaved) moveOver(saved, path);
  else rmSync(path);
}
