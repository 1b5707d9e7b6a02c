/** Calls `react` when the signal aborts, at once where it has; disposing takes that back. */
export function onAbort(signal: AbortSignal | undefined, react: () => void): Disposable {
  signal?.addEventListener('abort', react, { once: true });
  if (signal?.aborted) react();
  return { [Symbol.dispose]: () => signal?.removeEventListener('abort', react) };
}
