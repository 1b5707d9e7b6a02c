import module from 'node:module';

module.enableCompileCache();

const { main } = await import('#/cli/main.ts');
// A reader that went away (`gantry logs x | head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
process.exit(await main(process.argv.slice(2), process));
