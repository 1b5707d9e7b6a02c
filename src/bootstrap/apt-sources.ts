/** Where apt gets packages of one suite from. */
export interface AptSource {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Path of the keyring that must have signed it. */
  readonly signedBy?: string;
}

/** Reads sources.list(5) in the one-line style: `deb [signed-by=/path] URI SUITE COMPONENT…`. Disabled and source lines are left out. */
export function parseSourcesList(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line);
    if (match === null) return [];
    const [, options = '', uri = '', suite = '', components = ''] = match;
    const signedBy = /(?:^|\s)signed-by=(\/\S+)/i.exec(options)?.[1];
    return [{ uri, suite, components: words(components), ...(signedBy === undefined ? {} : { signedBy }) }];
  });
}

/** Reads the deb822 style of sources.list(5): paragraphs of `Types`, `URIs`, `Suites`, `Components`, `Signed-By`. */
export function parseDeb822Sources(text: string): AptSource[] {
  return text
    .replaceAll(/^#.*\n?/gm, '')
    .split(/\n\s*\n/)
    .flatMap((paragraph) => {
      const fields = parseFields(paragraph);
      const field = (name: string): string => fields.get(name) ?? '';
      if (!words(field('types')).includes('deb') || /^(no|false|off|0)$/i.test(field('enabled'))) return [];
      // A key may also stand here itself; then the machine's own keyring has to do.
      const signedBy = words(field('signed-by')).find((word) => word.startsWith('/'));
      return words(field('uris')).flatMap((uri) =>
        words(field('suites')).map((suite) => ({
          uri,
          suite,
          components: words(field('components')),
          ...(signedBy === undefined ? {} : { signedBy }),
        })),
      );
    });
}

function parseFields(paragraph: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  let name = '';
  for (const line of paragraph.split('\n')) {
    const match = /^([A-Za-z0-9-]+):(.*)$/.exec(line);
    if (match !== null) name = (match[1] ?? '').toLowerCase();
    else if (!/^\s/.test(line)) continue;
    const before = fields.get(name);
    const value = (match?.[2] ?? line).trim();
    fields.set(name, before === undefined ? value : `${before} ${value}`);
  }
  return fields;
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

const ALIASES = ['stable', 'oldstable', 'testing'];

/**
 * What the machine's own sources become for another suite of Debian: the same mirrors and keyrings, for the suite itself,
 * its updates and its security updates. Sources of others than Debian (told by suite and component), and media, are left out.
 */
export function sourcesForSuite(sources: readonly AptSource[], hostCodename: string, suite: string): AptSource[] {
  return sources.flatMap((source) => {
    const match = /^(\w+)(-updates|-security)?$/.exec(source.suite);
    const isOfHost = match !== null && [hostCodename, ...ALIASES].includes(match[1] ?? '');
    if (!isOfHost || !source.components.includes('main') || source.uri.startsWith('cdrom:')) return [];
    return [{ ...source, suite: `${suite}${match[2] ?? ''}` }];
  });
}

/** The inverse of `parseSourcesList` for one source. */
export function printSource({ uri, suite, components, signedBy }: AptSource): string {
  const options = signedBy === undefined ? '' : `[signed-by=${signedBy}] `;
  return `deb ${options}${uri} ${suite} ${components.join(' ')}`;
}
