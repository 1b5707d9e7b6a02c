import assert from 'node:assert/strict';
import { hasClient } from '../support/docker.ts';
import type { Story } from './story.ts';

const TRIES = 5;
/** Of the moment: two looks may fall into different seconds. */
const AGE = /\bseconds?\b/;

/** Runs a command line with Gantry's client and docker's, which must end alike and print the same; what they printed. */
export async function sameInBoth({ daemon }: Story, args: readonly string[]): Promise<string> {
  for (let tries = 1; ; tries++) {
    const ours = await daemon.client('gantry')(args);
    if (!hasClient('docker28')) return ours.stdout.trimEnd();
    const theirs = await daemon.client('docker28')(args);
    const isOld = ours.stdout !== theirs.stdout && AGE.test(theirs.stdout) && tries < TRIES;
    if (isOld) continue;
    assert.deepEqual([ours.code, ours.stdout], [theirs.code, theirs.stdout], `${args.join(' ')}: ${ours.stderr}`);
    return ours.stdout.trimEnd();
  }
}
