/** One line of `GET /events`. Source: the Docker Engine API v1.51. */
export interface EventMessage {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> | null };
  readonly scope?: string;
  /** Seconds since 1970. */
  readonly time: number;
  /** Nanoseconds since 1970; beyond what a double holds exactly. */
  readonly timeNano: number;
  /** The three below repeat Type, Action and Actor for clients before API 1.22. */
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
}
