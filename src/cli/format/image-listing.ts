import type { ImageSummary } from '#/spec/docker-api/image.ts';
import { printAgo, printLocalTime, printSize } from './human.ts';
import type { Listing } from './rows.ts';

/** One name of one image. */
export interface ImageRow {
  readonly image: ImageSummary;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

const NONE = '<none>';

/** A row per tag, or per tag and digest where digests are shown; one row of `<none>` for an image without a name. */
export function imageRows(image: ImageSummary, withDigests: boolean): readonly ImageRow[] {
  const tags = (image.RepoTags ?? []).filter((tag) => tag !== `${NONE}:${NONE}`);
  const digests = (image.RepoDigests ?? []).filter((digest) => digest !== `${NONE}@${NONE}`);
  const digestsOf = (repository: string): readonly string[] =>
    digests
      .filter((digest) => digest.startsWith(`${repository}@`))
      .map((digest) => digest.slice(repository.length + 1));
  const tagged = tags.flatMap((name) => {
    const colon = name.lastIndexOf(':');
    const [repository, tag] = [name.slice(0, colon), name.slice(colon + 1)];
    const own = digestsOf(repository);
    const shown = withDigests && own.length > 0 ? own : [NONE];
    return shown.map((digest) => ({ image, repository, tag, digest }));
  });
  const taggedRepositories = new Set(tagged.map((row) => row.repository));
  const untagged = digests.flatMap((name) => {
    const [repository = '', digest = ''] = name.split('@');
    return taggedRepositories.has(repository) ? [] : [{ image, repository, tag: NONE, digest }];
  });
  const rows = [...tagged, ...(withDigests || tagged.length === 0 ? untagged : [])];
  return rows.length > 0 ? rows : [{ image, repository: NONE, tag: NONE, digest: NONE }];
}

/** What `images` can show of each row. */
export function imageListing(options: {
  readonly truncates: boolean;
  readonly showsDigest: boolean;
  readonly nowMs: number;
}): Listing<ImageRow> {
  const { truncates, showsDigest, nowMs } = options;
  const count = (value: number): string => (value < 0 ? 'N/A' : String(value));
  return {
    columns: {
      Repository: { header: 'REPOSITORY', value: (row) => row.repository },
      Tag: { header: 'TAG', value: (row) => row.tag },
      Digest: { header: 'DIGEST', value: (row) => row.digest },
      ID: {
        header: 'IMAGE ID',
        value: ({ image }) => (truncates ? image.Id.replace(/^sha256:/, '').slice(0, 12) : image.Id),
      },
      CreatedSince: { header: 'CREATED', value: ({ image }) => printAgo(image.Created, nowMs) },
      Size: { header: 'SIZE', value: ({ image }) => printSize(image.Size, 3) },
      CreatedAt: { header: 'CREATED AT', value: ({ image }) => printLocalTime(image.Created) },
      Containers: { header: 'CONTAINERS', value: ({ image }) => count(image.Containers) },
      SharedSize: {
        header: 'SHARED SIZE',
        value: ({ image }) => (image.SharedSize < 0 ? 'N/A' : printSize(image.SharedSize)),
      },
      UniqueSize: {
        header: 'UNIQUE SIZE',
        value: ({ image }) => (image.SharedSize < 0 ? 'N/A' : printSize(image.Size - image.SharedSize)),
      },
      VirtualSize: { header: 'VIRTUAL SIZE', value: ({ image }) => printSize(image.Size) },
    },
    shown: ['Repository', 'Tag', ...(showsDigest ? ['Digest'] : []), 'ID', 'CreatedSince', 'Size'],
  };
}
