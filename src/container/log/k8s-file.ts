/**
 * The log format that conmon writes (`k8s-file`): one line per piece of output,
 * `<RFC 3339 time with nanoseconds> <stdout|stderr> <F|P> <bytes>`, where F ends with the line and P goes on.
 * Source: Kubernetes' CRI log format.
 */
export interface LogEntry {
  readonly stream: 'stdout' | 'stderr';
  /** RFC 3339 in UTC with nine digits: sorts as text. */
  readonly time: string;
  /** As the container wrote it, with its newline where it wrote one. */
  readonly data: Uint8Array;
}

const SPACE = 0x20;
const PARTIAL = 0x50;
const STDERR_FIRST_DIFFERENCE = 0x65; // the 'e' of "stderr" where "stdout" has an 'o'

/**
 * Parses one line, newline included. Undefined for a line that is not in the format (a torn write after a crash): it is
 * skipped rather than shown as the container's words.
 */
export function parseLogLine(line: Buffer): LogEntry | undefined {
  const timeEnd = line.indexOf(SPACE);
  const streamEnd = line.indexOf(SPACE, timeEnd + 1);
  if (timeEnd < 20 || streamEnd !== timeEnd + 7 || line[streamEnd + 2] !== SPACE) return undefined;
  const isPartial = line[streamEnd + 1] === PARTIAL;
  const content = line.subarray(streamEnd + 3, isPartial ? line.length - 1 : line.length);
  return {
    stream: line[timeEnd + 4] === STDERR_FIRST_DIFFERENCE ? 'stderr' : 'stdout',
    time: utcTime(line.toString('latin1', 0, timeEnd)),
    data: content,
  };
}

const WITH_OFFSET = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?([+-]\d\d:\d\d)$/;

/** A time with any offset as one in UTC with nine digits of fraction. */
export function utcTime(text: string): string {
  if (text.endsWith('+00:00') && text.length === 35) return `${text.slice(0, -6)}Z`;
  const parts = WITH_OFFSET.exec(text);
  if (parts === null) return text;
  const [, seconds, fraction = '', offset] = parts;
  const utc = new Date(`${seconds}${offset}`).toISOString().slice(0, 19);
  return `${utc}.${fraction.slice(1).padEnd(9, '0').slice(0, 9)}Z`;
}
