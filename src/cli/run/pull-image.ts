import type { DockerClient } from '#/client/client.ts';
import { readJsonLines } from '#/client/json-lines.ts';
import { parseReference } from '#/spec/distribution/reference.ts';
import type { ProgressMessage } from '#/spec/docker-api/image.ts';
import { showProgress } from '../streams/progress.ts';

/** Has the daemon fetch an image (or assemble it, for those that it makes itself); progress goes to `out`, if given. */
export async function pullImage(
  client: DockerClient,
  image: string,
  options: { readonly platform?: string | undefined; readonly out?: NodeJS.WriteStream | undefined },
): Promise<void> {
  const { domain, path, tag, digest } = parseReference(image);
  const answer = await client.request('POST', '/images/create', {
    query: { fromImage: `${domain}/${path}`, tag: digest ?? tag ?? 'latest', platform: options.platform },
  });
  const messages = readJsonLines<ProgressMessage>(answer.body);
  if (options.out !== undefined) return showProgress(messages, options.out);
  for await (const message of messages) {
    if (message.error !== undefined) throw new Error(message.errorDetail?.message ?? message.error);
  }
}
