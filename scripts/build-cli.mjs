// build-cli.mjs [TARGET]
//
// Puts the command line's modules into one file, .cache/cli/gantry.cjs unless told: loading fifty small modules costs 25 to
// 50 ms at every start, one file a tenth of that. The daemon is left out; it is loaded from its sources. Runs with the pinned
// Node. Beside it, TARGET.inputs tells the launcher in shell what the file is made of.
// docs/decisions/0011-command-line.md has the figures.
import { mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
// Two levels deep, as src/cli is: paths relative to a module mean the same in both.
const target = process.argv[2] ?? join(root, '.cache/cli/gantry.cjs');
const startedAt = new Date();
const fresh = `${target}.${process.pid}`;

mkdirSync(dirname(target), { recursive: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: [join(root, 'src/bin/gantry.ts')],
  outfile: fresh,
  bundle: true,
  platform: 'node',
  // Not esm: there, esbuild moves every import of Node's own modules to the start of the file, also those of commands that do
  // not run, and the loader of ES modules has to be started.
  format: 'cjs',
  define: { 'import.meta.url': 'bundleUrl' },
  banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
  target: 'node26',
  minify: true,
  metafile: true,
  logLevel: 'error',
});
// What is changed while this runs is newer than the file.
utimesSync(fresh, startedAt, startedAt);
writeFileSync(`${fresh}.inputs`, `inputs='${['scripts/build-cli.mjs', ...Object.keys(metafile.inputs)].join(' ')}'\n`);
renameSync(`${fresh}.inputs`, `${target}.inputs`);
renameSync(fresh, target);
