import { randomInt } from 'node:crypto';
import { EngineError } from '#/base/errors.ts';

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const NAME_LENGTH_MAX = 255;

/** A container's name without its leading slash. Throws invalid-argument with Docker's text. */
export function parseContainerName(text: string): string {
  const name = text.startsWith('/') ? text.slice(1) : text;
  if (!NAME.test(name) || name.length > NAME_LENGTH_MAX) {
    throw new EngineError(
      'invalid-argument',
      `Invalid container name (${text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
  }
  return name;
}

const QUALITIES = [
  'amber', 'brisk', 'calm', 'candid', 'clever', 'copper', 'daring', 'deft', 'eager', 'early', 'fair', 'fleet', 'frank',
  'gentle', 'glad', 'golden', 'hardy', 'honest', 'humble', 'keen', 'kind', 'lively', 'lucid', 'lucky', 'mellow', 'merry',
  'mild', 'modest', 'neat', 'nimble', 'noble', 'patient', 'plain', 'proud', 'quick', 'quiet', 'rapid', 'ready', 'robust',
  'sage', 'silver', 'sincere', 'sober', 'solid', 'steady', 'stout', 'sturdy', 'sunny', 'swift', 'tidy', 'tireless', 'true',
  'upbeat', 'vivid', 'warm', 'watchful', 'willing', 'wise', 'witty', 'young',
] as const;

const THINGS = [
  'anchor', 'anvil', 'arch', 'axle', 'barge', 'beam', 'bollard', 'boom', 'bridge', 'cable', 'canal', 'capstan', 'cargo',
  'chain', 'cleat', 'crane', 'davit', 'deck', 'derrick', 'dock', 'ferry', 'fender', 'flange', 'freight', 'girder', 'hawser',
  'helm', 'hoist', 'hook', 'hull', 'jetty', 'jib', 'keel', 'ladder', 'latch', 'lever', 'lighter', 'mast', 'mooring', 'oar',
  'pallet', 'pier', 'pilot', 'pulley', 'quay', 'rail', 'ramp', 'rigging', 'rope', 'rudder', 'sail', 'shackle', 'sheave',
  'spreader', 'stern', 'tackle', 'tiller', 'trestle', 'tug', 'wharf', 'winch', 'windlass',
] as const;

/** A name that people can say; after a few `attempt`s a digit makes it likelier to be free. */
export function generateName(attempt: number): string {
  const name = `${QUALITIES[randomInt(QUALITIES.length)]}_${THINGS[randomInt(THINGS.length)]}`;
  return attempt < 3 ? name : `${name}${randomInt(10 ** Math.min(attempt - 1, 9))}`;
}
