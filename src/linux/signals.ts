import { constants } from 'node:os';
import { EngineError } from '#/base/errors.ts';

/** The kernel's last signal; those from RTMIN on have numbers but, apart from RTMIN and RTMAX, no names of their own. */
const RTMIN = 34;
const RTMAX = 64;

const NUMBERS: ReadonlyMap<string, number> = new Map([
  ...Object.entries(constants.signals).map(([name, value]) => [name.slice(3), value] as const),
  ...Array.from({ length: 16 }, (_, i) => [i === 0 ? 'RTMIN' : `RTMIN+${i}`, RTMIN + i] as const),
  ...Array.from({ length: 15 }, (_, i) => [i === 0 ? 'RTMAX' : `RTMAX-${i}`, RTMAX - i] as const),
]);

/** `SIGTERM`, `term` or `15` → 15. Throws invalid-argument with Docker's text for anything else. */
export function parseSignal(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : NUMBERS.get(text.toUpperCase().replace(/^SIG/, ''));
  if (number === undefined || number < 1 || number > RTMAX) {
    throw new EngineError('invalid-argument', `invalid signal: ${text}`);
  }
  return number;
}
