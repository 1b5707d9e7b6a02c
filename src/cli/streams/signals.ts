import type { DockerClient } from '#/client/client.ts';

const FORWARDED: readonly NodeJS.Signals[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGCONT',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGIO',
  'SIGSYS',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGWINCH',
];

/** Sends the signals that we get to the container instead of obeying them; ends when disposed. */
export function forwardSignals(client: DockerClient, id: () => string | undefined, tty: boolean): Disposable {
  const forward = (signal: NodeJS.Signals): void => {
    const container = id();
    if (container === undefined) return;
    const query = { signal: signal.slice('SIG'.length) };
    // A container that has just ended needs no signal.
    client.text('POST', `/containers/${container}/kill`, { query }).catch(() => undefined);
  };
  // With a terminal, its size is told in another way.
  const signals = FORWARDED.filter((signal) => !(tty && signal === 'SIGWINCH'));
  for (const signal of signals) process.on(signal, forward);
  return {
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, forward);
    },
  };
}
