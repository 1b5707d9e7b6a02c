import type { CommandIo } from '../command.ts';

/**
 * Hands the keys of our terminal on one by one and its output through unchanged, until disposed. Node's raw mode leaves
 * the output's translation of line feeds on, which breaks full-screen programs of a container: stty switches it off.
 */
export async function rawTerminal({ stdin }: CommandIo): Promise<Disposable> {
  stdin.setRawMode(true);
  try {
    const { hostPrograms } = await import('#/linux/process.ts');
    const stty = await hostPrograms.spawn('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
    await stty.exited;
  } catch {
    // A machine without stty: lines are broken twice, which terminals forgive.
  }
  return {
    [Symbol.dispose]: () => {
      stdin.setRawMode(false);
    },
  };
}
