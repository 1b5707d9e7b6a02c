/** Time as the engine sees it, so that tests can hold it still. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** RFC 3339 with nine digits of fraction, as Docker prints times: `2026-11-21T01:02:03.000000000Z`. */
export function rfc3339Nano(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, -1)}000000Z`;
}

/** Docker's zero time, printed where something has not happened yet. */
export const ZERO_TIME = '0001-01-01T00:00:00Z';
