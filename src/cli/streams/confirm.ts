import type { CommandIo } from '../command.ts';

/** Asks whether to go on; true after `y`. Where nobody answers, the answer is no. */
export async function confirm({ stdin, stdout }: CommandIo, warning: string): Promise<boolean> {
  stdout.write(`WARNING! ${warning}\nAre you sure you want to continue? [y/N] `);
  let answer = '';
  for await (const chunk of stdin) {
    answer += String(chunk);
    if (answer.includes('\n')) break;
  }
  return /^\s*y\s*(\n|$)/i.test(answer);
}
