import { existsSync, unlinkSync, writeFileSync } from 'node:fs';
import { DaemonError } from '#/client/daemon-error.ts';
import type { DaemonHost } from '#/client/host.ts';
import type { ContainerCreateRequest, ContainerCreateResponse } from '#/spec/docker-api/container.ts';
import type { CommandContext } from '../command.ts';
import { escapeControls } from '../format/escape.ts';
import { describeOpenFailure } from './key-values.ts';

type Context = Pick<CommandContext, 'flags' | 'client' | 'io'>;

/** Creates the container, fetching its image if it is missing; the id. Warnings and progress go to stderr. */
export async function createContainer(context: Context, asked: ContainerCreateRequest): Promise<string> {
  const { flags, io, client } = context;
  const request = flags.bool('use-api-socket') ? withApiSocket(asked, client.host) : asked;
  await checkReference(request.Image ?? '');
  const pull = flags.text('pull') ?? 'missing';
  const cidFile = flags.text('cidfile') ?? '';
  if (cidFile !== '') claimCidFile(cidFile);
  try {
    if (pull === 'always') await pullFor(context, request.Image ?? '');
    const created = await createOrPull(context, request, pull === 'missing');
    for (const warning of created.Warnings ?? []) io.stderr.write(`WARNING: ${escapeControls(warning)}\n`);
    if (cidFile !== '') writeFileSync(cidFile, created.Id);
    return created.Id;
  } catch (error) {
    if (cidFile !== '') unlinkSync(cidFile);
    throw error;
  }
}

/** Shows the container the socket of the daemon that makes it, where docker's clients look for it. */
function withApiSocket(request: ContainerCreateRequest, host: DaemonHost): ContainerCreateRequest {
  if (host.kind !== 'unix') {
    throw new Error(
      `flag --use-api-socket can only be used with unix sockets: docker endpoint ${host.text} incompatible`,
    );
  }
  const socket = { Type: 'bind', Source: host.path, Target: '/var/run/docker.sock' };
  const Mounts = [...(request.HostConfig?.Mounts ?? []), socket];
  return { ...request, HostConfig: { ...request.HostConfig, Mounts } };
}

async function createOrPull(
  context: Context,
  body: ContainerCreateRequest,
  mayPull: boolean,
): Promise<ContainerCreateResponse> {
  try {
    return await postCreate(context, body);
  } catch (error) {
    if (!mayPull || !isMissingImage(error)) throw error;
    const image = body.Image ?? '';
    if (!context.flags.bool('quiet')) {
      const { familiarReference } = await import('./familiar.ts');
      context.io.stderr.write(`Unable to find image '${familiarReference(image)}' locally\n`);
    }
    await pullFor(context, image);
    return postCreate(context, body);
  }
}

/** Names that are surely right; what else may be a name is read whole, by code that only then is loaded. */
const PLAIN_REFERENCE = /^(?:[a-z0-9]+(?:[.-][a-z0-9]+)*\/)*[a-z0-9]+(?:[._-][a-z0-9]+)*(?::[\w.-]{1,100})?$/;
const IMAGE_ID = /^(?:sha256:)?[0-9a-f]{12,64}$/;

async function checkReference(image: string): Promise<void> {
  if (PLAIN_REFERENCE.test(image) || IMAGE_ID.test(image)) return;
  (await import('./familiar.ts')).familiarReference(image);
}

const isMissingImage = (error: unknown): boolean =>
  error instanceof DaemonError && error.status === 404 && /no such image/i.test(error.message);

function postCreate({ client, flags }: Context, body: ContainerCreateRequest): Promise<ContainerCreateResponse> {
  return client.json('POST', '/containers/create', {
    query: { name: flags.text('name'), platform: flags.text('platform') },
    body,
  });
}

async function pullFor({ flags, client, io }: Context, image: string): Promise<void> {
  const { pullImage } = await import('./pull-image.ts');
  await pullImage(client, image, {
    platform: flags.text('platform'),
    out: flags.bool('quiet') ? undefined : io.stderr,
  });
}

function claimCidFile(path: string): void {
  if (existsSync(path)) {
    throw new Error(`container ID file found, make sure the other container isn't running or delete ${path}`);
  }
  try {
    writeFileSync(path, '', { flag: 'wx' });
  } catch (error) {
    const reason = describeOpenFailure(path, error as NodeJS.ErrnoException);
    throw new Error(`failed to create the container ID file: ${reason}`);
  }
}
