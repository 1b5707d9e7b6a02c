/** The JSON values of a stream that separates them by line breaks, as docker's progress, events and stats do. */
export async function* readJsonLines<T>(chunks: AsyncIterable<Buffer>): AsyncGenerator<T, void> {
  for await (const line of readLines(chunks)) {
    if (line.trim() !== '') yield JSON.parse(line) as T;
  }
}

/** The same, with each value's text as it came. */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
