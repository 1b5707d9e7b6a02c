import type { ProgressMessage } from '#/spec/docker-api/image.ts';
import { escapeControls } from '../format/escape.ts';
import { printSize } from '../format/human.ts';

const BAR_LENGTH = 50;

/**
 * Shows what a pull or load reports: a line per layer with a bar, redrawn in place, on a terminal; elsewhere one line
 * per change of status and no bars. Throws the error that the stream carries. `onAux` gets values meant for programs.
 */
export async function showProgress(
  messages: AsyncIterable<ProgressMessage>,
  out: NodeJS.WriteStream,
  onAux: (value: object) => void = () => undefined,
): Promise<void> {
  const lines: string[] = [];
  for await (const message of messages) {
    if (message.error !== undefined) throw new Error(message.errorDetail?.message ?? message.error);
    if (message.aux !== undefined) onAux(message.aux);
    else if (message.stream !== undefined) out.write(escapeControls(message.stream));
    else if (out.isTTY) drawLine(message, lines, out);
    else if (!hasProgress(message)) out.write(`${printStatus(message)}\n`);
  }
}

const hasProgress = ({ progressDetail }: ProgressMessage): boolean => (progressDetail?.current ?? 0) > 0;

function printStatus({ id, status = '' }: ProgressMessage): string {
  return escapeControls(id === undefined || id === '' ? status : `${id}: ${status}`);
}

function drawLine(message: ProgressMessage, lines: string[], out: NodeJS.WriteStream): void {
  const { id } = message;
  if (id === undefined || id === '') {
    lines.length = 0;
    out.write(`${printStatus(message)}\n`);
    return;
  }
  const text = `${printStatus(message)} ${printBar(message, out.columns)}`.trimEnd();
  if (!lines.includes(id)) {
    lines.push(id);
    out.write(`${text}\n`);
    return;
  }
  const up = lines.length - lines.indexOf(id);
  out.write(`\x1b[${up}A\r\x1b[2K${text}\r\x1b[${up}B`);
}

function printBar({ progressDetail }: ProgressMessage, columns = 80): string {
  const { current = 0, total = 0, units } = progressDetail ?? {};
  if (current <= 0 && total <= 0) return '';
  const amount = (value: number): string => (units === undefined || units === '' ? printSize(value) : `${value}`);
  if (total <= 0 || current > total) return amount(current).padStart(8);
  const counts = `${amount(current).padStart(8)}/${amount(total)}`;
  if (columns <= 110) return counts;
  const filled = Math.floor((current / total) * BAR_LENGTH);
  const bar = `${'='.repeat(filled)}>`.slice(0, BAR_LENGTH).padEnd(BAR_LENGTH);
  return `[${bar}] ${counts}`;
}
