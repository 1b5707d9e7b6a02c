import { resolve } from 'node:path';

/** `-v` sorted into what the API calls binds (`source:target[:options]`) and anonymous volumes (`/target`). Throws docker's reason. */
export function parseVolumes(texts: readonly string[]): {
  readonly binds: readonly string[];
  readonly volumes: Readonly<Record<string, object>>;
} {
  const binds: string[] = [];
  const volumes: Record<string, object> = {};
  for (const text of texts) {
    if (text === '') throw new Error('invalid empty volume spec');
    if (text.split(':').includes('')) throw new Error(`invalid spec: ${text}: empty section between colons`);
    const colon = text.indexOf(':');
    if (colon < 0) volumes[text] = {};
    else {
      const source = text.slice(0, colon);
      binds.push(`${source.startsWith('.') ? resolve(source) : source}${text.slice(colon)}`);
    }
  }
  return { binds, volumes };
}
