import type { DockerClient } from '#/client/client.ts';
import type { ContainerWaitResponse } from '#/spec/docker-api/container.ts';

/** Asks for the end before the start, so that no end is missed; `code` settles when the container has ended. */
export async function openWait(
  client: DockerClient,
  id: string,
  condition: 'removed' | 'next-exit',
): Promise<{ readonly code: Promise<number> }> {
  const answer = await client.request('POST', `/containers/${id}/wait`, { query: { condition } });
  const read = async (): Promise<number> => {
    const parts: Buffer[] = [];
    for await (const part of answer.body) parts.push(part);
    const { StatusCode, Error: failure } = JSON.parse(Buffer.concat(parts).toString()) as ContainerWaitResponse;
    if (failure?.Message) throw new Error(failure.Message);
    return StatusCode;
  };
  const code = read();
  code.catch(() => undefined);
  return { code };
}
