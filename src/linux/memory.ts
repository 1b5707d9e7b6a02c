import { declareSyscall } from './ffi.ts';

const mallocTrim = declareSyscall<[number]>('int malloc_trim(size_t pad)');

/**
 * Gives back to the kernel what a burst of work needed and nobody needs now: glibc keeps freed memory (60 MB after loading
 * an image), and V8 collects nothing while nothing happens. Off the event loop where it takes long; a C library without
 * malloc_trim gives back by itself.
 */
export function releaseFreeMemory(): void {
  // There with `--expose-gc`, which the daemon is started with.
  globalThis.gc?.();
  try {
    mallocTrim.callAsync('give back free memory', 0).catch(() => {});
  } catch {
    // musl.
  }
}
