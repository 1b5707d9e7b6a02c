/** What the rooms need of a logger; the composition root wires pino to it. Fields first, then the message. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A logger that says nothing, for embedders and tests that want silence. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
