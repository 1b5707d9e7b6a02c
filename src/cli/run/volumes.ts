import { resolve } from 'node:path';

/** `-v` sorted into what the API calls binds (`source:target[:options]`) and anonymous volumes (`/target`). */
export function parseVolumes(texts: readonly string[]): {
  readonly binds: readonly string[];
  readonly volumes: Readonly<Record<string, object>>;
} {
  const binds: string[] = [];
  const volumes: Record<string, object> = {};
  for (const text of texts) {
    const colon = text.indexOf(':');
    if (colon < 0) volumes[text] = {};
    else {
      const source = text.slice(0, colon);
      const isRelative = source === '.' || source === '..' || source.startsWith('./') || source.startsWith('../');
      binds.push(`${isRelative ? resolve(source) : source}${text.slice(colon)}`);
    }
  }
  return { binds, volumes };
}
