import { errnoError } from '#/base/errors.ts';
import { declareSyscall } from './ffi.ts';

/** lseek(2). */
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

const lseek = declareSyscall<[number, number, number]>('int64_t lseek(int fd, int64_t offset, int whence)');

/** Where an open file has data, in order: from a byte up to another. File systems that know no holes say one range. Moves its offset. */
export function* dataRanges(fd: number): Generator<readonly [start: number, end: number]> {
  for (let at = 0; ; ) {
    const data = lseek.attempt(fd, at, SEEK_DATA);
    if (data.errno === 'ENXIO') return;
    if (data.errno !== undefined) throw errnoError('look for data in a file', data.errno);
    at = lseek.call('look for a hole in a file', fd, data.value, SEEK_HOLE);
    yield [data.value, at];
  }
}
