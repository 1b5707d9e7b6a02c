import { randomBytes } from 'node:crypto';
import { EngineError } from '#/base/errors.ts';

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** Longer names no file system takes. */
const NAME_BYTES_MAX = 255;

/** A name for an anonymous volume: 64 hex digits. */
export const newVolumeName = (): string => randomBytes(32).toString('hex');

/** Whether a name can be a volume's, and so a directory's: one component, never `.` or `..`. */
export const isVolumeName = (name: string): boolean => NAME.test(name) && name.length <= NAME_BYTES_MAX;

/** Throws invalid-argument, with Docker's texts, for what cannot be a volume's name. */
export function checkVolumeName(name: string): void {
  if (isVolumeName(name)) return;
  throw new EngineError('invalid-argument', `create ${name}: ${whyNot(name)}`);
}

function whyNot(name: string): string {
  if (name.length === 1) return 'volume name is too short, names should be at least two alphanumeric characters';
  if (name.length > NAME_BYTES_MAX) return `the name has ${name.length} bytes, ${NAME_BYTES_MAX} are allowed`;
  return `${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`;
}
