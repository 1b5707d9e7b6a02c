import type { RelayLimits } from './relay.ts';

/** Counts what goes on at once, of one listener and of all together. */
export interface Gate {
  /** False where a limit is reached; else `leave` must follow. */
  tryEnter(): boolean;
  leave(): void;
}

/** Gates of listeners that share one limit. */
export function openGates({ connections, connectionsOfOneListener }: RelayLimits): () => Gate {
  let all = 0;
  return () => {
    let own = 0;
    return {
      tryEnter() {
        if (all >= connections || own >= connectionsOfOneListener) return false;
        all++;
        own++;
        return true;
      },
      leave() {
        all--;
        own--;
      },
    };
  };
}
