import { parseReference } from '#/spec/distribution/reference.ts';

/** An image's name as docker repeats it: with the tag that is meant where none is given. Throws docker's reason. */
export function familiarReference(text: string): string {
  const { tag, digest } = parseReference(text);
  return tag === undefined && digest === undefined ? `${text}:latest` : text;
}
