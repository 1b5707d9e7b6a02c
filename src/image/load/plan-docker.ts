import { z } from 'zod';
import { parseReference } from '#/spec/distribution/reference.ts';
import { parseJson } from '../json.ts';
import { getDocument, getLayer, type ImageArchive, malformed } from './archive-file.ts';
import { type PlannedImage, planImage } from './planned-image.ts';

const dockerManifest = z
  .array(
    z.looseObject({
      Config: z.string().min(1),
      RepoTags: z.array(z.string()).nullish(),
      Layers: z.array(z.string()).nullish(),
    }),
  )
  .min(1);

/** The images of a docker-archive, by its `manifest.json`. */
export async function planDockerImages(archive: ImageArchive): Promise<readonly PlannedImage[]> {
  const items = parseJson(dockerManifest, getDocument(archive, 'manifest.json').text, 'manifest.json');
  const images: PlannedImage[] = [];
  for (const item of items) {
    const document = getDocument(archive, cleanName(item.Config), `image config ${item.Config}`);
    const layers = (item.Layers ?? []).map((name) => getLayer(archive, cleanName(name)));
    images.push(await planImage(document, layers, (item.RepoTags ?? []).map(parseRepoTag)));
  }
  return images;
}

const cleanName = (name: string): string => name.replace(/^(?:\.\/)+/, '');

function parseRepoTag(text: string) {
  const reference = parseReference(text);
  if (reference.tag === undefined || reference.digest !== undefined) throw malformed(`invalid tag "${text}"`);
  return reference;
}
