import assert from 'node:assert/strict';
import { hasClient } from '../support/docker.ts';
import type { Story } from './story.ts';

/** Runs a command line with Gantry's client and docker's, which must end alike and print the same; what they printed. */
export async function sameInBoth({ daemon }: Story, args: readonly string[]): Promise<string> {
  const ours = await daemon.client('gantry')(args);
  if (hasClient('docker28')) {
    const theirs = await daemon.client('docker28')(args);
    assert.deepEqual([ours.code, ours.stdout], [theirs.code, theirs.stdout], `${args.join(' ')}: ${ours.stderr}`);
  }
  return ours.stdout.trimEnd();
}
