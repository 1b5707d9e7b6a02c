// Puts the command line's modules into one file, .cache/cli/gantry.mjs: loading fifty small modules costs 25 to 50 ms at every
// start, one file a tenth of that. The daemon is left out; it is loaded from its sources. Runs with the pinned Node.
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = join(root, '.cache/cli/gantry.mjs');
const fresh = `${target}.${process.pid}`;

// Two levels deep, as src/cli is: paths relative to a module mean the same in both.
mkdirSync(join(root, '.cache/cli'), { recursive: true });
await build({
  entryPoints: [join(root, 'src/bin/gantry.ts')],
  outfile: fresh,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node26',
  minify: true,
  logLevel: 'error',
});
renameSync(fresh, target);
