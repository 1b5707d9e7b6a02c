import { readFileSync } from 'node:fs';

/** The capabilities that this process may hand to others, bit n for capability n: what a container can have at most. */
export function readBoundingCapabilities(): bigint {
  const hex = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
  return BigInt(`0x${hex ?? '0'}`);
}
