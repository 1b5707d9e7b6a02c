// Exits 0 when node_modules holds every package of the lock that a user needs, in the lock's version. Runs on any Node.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = process.argv[2] ?? '.';
const packagesOf = (path) => JSON.parse(readFileSync(join(root, path), 'utf8')).packages;
const wanted = packagesOf('package-lock.json');
const installed = packagesOf('node_modules/.package-lock.json');

const complete = Object.entries(wanted).every(([path, { version, dev, optional }]) => {
  if (path === '' || dev === true) return true;
  return installed[path] === undefined ? optional === true : installed[path].version === version;
});
process.exit(complete ? 0 : 1);
