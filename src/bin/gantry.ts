import { main } from '#/cli/main.ts';

// A reader that went away (`gantry logs x | head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
// Not awaited: scripts/build-cli.mjs makes a CommonJS script of this, which has no await of its own.
void main(process.argv.slice(2), process).then((status) => process.exit(status));
