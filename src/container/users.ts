import { EngineError } from '#/base/errors.ts';
import { readFileInRoot } from '#/linux/open-in-root.ts';

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** The primary group first: a process that drops its group must not be seen as outside of it (CVE-2022-36109). */
  readonly additionalGids: readonly number[];
  readonly home: string;
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const FILE_BYTES_MAX = 1024 * 1024;
const ID_MAX = 2 ** 31 - 1;
const NUMBER = /^-?\d+$/;

/**
 * Who `user[:group]` is inside an image, looked up in its own /etc/passwd and /etc/group without ever leaving its root.
 * A number is a number, even where the image has a user of that name. Throws invalid-argument with Docker's texts.
 */
export function resolveUser(root: string, user: string, groupAdd: readonly string[]): ResolvedUser {
  const colon = user.indexOf(':');
  const userPart = colon === -1 ? user : user.slice(0, colon);
  const groupPart = colon === -1 ? '' : user.slice(colon + 1);
  if (userPart === '' && groupPart === '' && groupAdd.length === 0) return rootUser(root);
  const groups = parseGroup(readText(root, '/etc/group'));
  const entry = findUser(parsePasswd(readText(root, '/etc/passwd')), userPart === '' ? '0' : userPart);
  const implied =
    groupPart === '' ? groups.filter((group) => group.members.includes(entry.name)).map((group) => group.gid) : [];
  const added = groupAdd.map((group) => findGroup(groups, group));
  const gid = groupPart === '' ? entry.gid : findGroup(groups, groupPart);
  return { uid: entry.uid, gid, additionalGids: [...new Set([gid, ...implied, ...added])], home: entry.home };
}

function rootUser(root: string): ResolvedUser {
  const entry = parsePasswd(readText(root, '/etc/passwd')).find((candidate) => candidate.uid === 0);
  const groups = parseGroup(readText(root, '/etc/group'));
  const additionalGids = groups
    .filter((group) => group.members.includes(entry?.name ?? 'root'))
    .map((group) => group.gid);
  const gid = entry?.gid ?? 0;
  return { uid: 0, gid, additionalGids: [...new Set([gid, ...additionalGids])], home: entry?.home ?? '/root' };
}

/** Half a file would give some users other groups than the image says. */
function readText(root: string, path: string): string {
  const bytes = readFileInRoot(root, path, FILE_BYTES_MAX + 1);
  if (bytes !== undefined && bytes.length > FILE_BYTES_MAX) {
    throw new EngineError('invalid-argument', `${path} of the image is longer than ${FILE_BYTES_MAX} bytes`);
  }
  return bytes?.toString('utf8') ?? '';
}

function findUser(entries: readonly PasswdEntry[], user: string): PasswdEntry {
  if (!NUMBER.test(user)) {
    const named = entries.find((entry) => entry.name === user);
    if (named === undefined) {
      throw new EngineError('invalid-argument', `unable to find user ${user}: no matching entries in passwd file`);
    }
    return named;
  }
  const uid = parseId(user);
  return entries.find((entry) => entry.uid === uid) ?? { name: '', uid, gid: 0, home: '/' };
}

function findGroup(entries: readonly GroupEntry[], group: string): number {
  if (NUMBER.test(group)) return parseId(group);
  const named = entries.find((entry) => entry.name === group);
  if (named === undefined) {
    throw new EngineError('invalid-argument', `unable to find group ${group}: no matching entries in group file`);
  }
  return named.gid;
}

function parseId(text: string): number {
  const id = Number(text);
  if (id >= 0 && id <= ID_MAX) return id;
  throw new EngineError('invalid-argument', `uids and gids must be in range 0-${ID_MAX}`);
}

const isId = (text: string | undefined): boolean => text !== undefined && /^\d+$/.test(text) && Number(text) <= ID_MAX;

/** Lines that are not whole entries are passed over. */
export function parsePasswd(text: string): readonly PasswdEntry[] {
  return linesOf(text).flatMap(([name = '', , uid, gid, , home]) =>
    name !== '' && isId(uid) && isId(gid) ? [{ name, uid: Number(uid), gid: Number(gid), home: home || '/' }] : [],
  );
}

export function parseGroup(text: string): readonly GroupEntry[] {
  return linesOf(text).flatMap(([name = '', , gid, members = '']) =>
    name !== '' && isId(gid)
      ? [{ name, gid: Number(gid), members: members.split(',').filter((member) => member !== '') }]
      : [],
  );
}

const linesOf = (text: string): readonly string[][] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => line.trim().split(':'));
