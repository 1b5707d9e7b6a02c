import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix, sep } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));

const DIRECT_IMPORTS = {
  base: '',
  spec: 'base',
  linux: 'base',
  archive: 'spec',
  store: 'spec',
  events: 'spec',
  content: 'spec store',
  layer: 'spec linux archive store content',
  remote: 'spec content',
  registry: 'spec store content',
  image: 'spec archive store events content layer remote',
  bootstrap: 'spec linux image',
  volume: 'spec linux store events',
  network: 'spec linux store events',
  runtime: 'spec linux',
  vm: 'spec linux runtime',
  container: 'spec linux archive store events image layer volume network runtime',
  build: 'spec archive store events content layer image volume network runtime',
  access: 'spec store events',
  engine:
    'spec linux archive store events content layer remote registry image bootstrap volume network runtime vm container build access',
  api: 'spec engine',
  client: 'spec',
  compose: 'spec client',
  cli: 'spec archive client compose',
  bin: 'engine api registry cli',
} as const;

type Room = keyof typeof DIRECT_IMPORTS;

/** The rooms handed the port through which host programs are started, without being allowed the rest of `linux`. */
const GIVEN_PROCESS_PORT: readonly string[] = ['runtime', 'remote', 'build', 'bootstrap', 'cli'];
const PROCESS_PORT = 'linux/process.ts';

interface SourceFile {
  readonly path: string;
  readonly room: string;
  readonly text: string;
  readonly isTest: boolean;
}

interface Import {
  readonly specifier: string;
  /** Path below src/ for our own modules, undefined for packages and Node's modules. */
  readonly target: string | undefined;
}

const FILES: readonly SourceFile[] = globSync('**/*.ts', { cwd: SRC }).map((name) => {
  const path = name.split(sep).join('/');
  const text = readFileSync(join(SRC, name), 'utf8');
  return {
    path,
    room: path.split('/')[0] ?? '',
    text,
    isTest: path.endsWith('.test.ts') || path.includes('/testing/'),
  };
});

const PRODUCT = FILES.filter((file) => !file.isTest);

/** Source text without comments, so that prose about imports is not taken for one; strings stay. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, ' ').replace(/(^|[^:'"`\\])\/\/[^\n]*/g, '$1');
}

function importsOf(file: SourceFile): Import[] {
  const text = withoutComments(file.text);
  const patterns = [
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\bimport\s*\(\s*['"`]([^'"`]+)['"`]/g,
    /\bnew URL\(\s*['"](\.[^'"]*\.ts)['"]\s*,\s*import\.meta\.url/g,
  ];
  return patterns.flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([, specifier = '']) => ({ specifier, target: resolve(file.path, specifier) })),
  );
}

function resolve(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('#/')) return specifier.slice(2);
  if (specifier.startsWith('.')) return posix.normalize(posix.join(posix.dirname(from), specifier));
  return undefined;
}

function isAllowed(room: Room, target: string): boolean {
  const targetRoom = target.split('/')[0] ?? '';
  if (targetRoom === room || targetRoom === 'base') return true;
  if (target === PROCESS_PORT && GIVEN_PROCESS_PORT.includes(room)) return true;
  return DIRECT_IMPORTS[room].split(' ').includes(targetRoom);
}

/** `path: line` of every line of product code that matches. */
function linesMatching(files: readonly SourceFile[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    withoutComments(file.text)
      .split('\n')
      .filter((line) => pattern.test(line))
      .map((line) => `${file.path}: ${line.trim()}`),
  );
}

test('every directory of src is a room of the design', () => {
  const strangers = FILES.filter((file) => !(file.room in DIRECT_IMPORTS)).map((file) => file.path);
  assert.deepEqual(strangers, []);
});

test('rooms import only what the table allows', () => {
  const offences = PRODUCT.flatMap((file) =>
    importsOf(file)
      .filter(({ target }) => target !== undefined && !isAllowed(file.room as Room, target))
      .map(({ target }) => `${file.path} → ${target}`),
  );
  assert.deepEqual(offences, []);
});

test('packages and Node modules are the only other imports, and none reaches outside src', () => {
  const manifest = JSON.parse(readFileSync(join(SRC, '../package.json'), 'utf8'));
  const offences = PRODUCT.flatMap((file) =>
    importsOf(file)
      .filter(({ specifier, target }) =>
        target === undefined
          ? !isBuiltin(specifier) && !(packageName(specifier) in manifest.dependencies)
          : target.startsWith('..'),
      )
      .map(({ specifier }) => `${file.path} → ${specifier}`),
  );
  assert.deepEqual(offences, []);
});

function packageName(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

test('only linux starts processes and calls the kernel', () => {
  const offences = PRODUCT.filter((file) => file.room !== 'linux').flatMap((file) =>
    importsOf(file)
      .filter(({ specifier }) => /^(node:)?child_process$|^koffi$/.test(specifier))
      .map(({ specifier }) => `${file.path} → ${specifier}`),
  );
  assert.deepEqual(offences, []);
});

test('only linux opens /proc and /sys', () => {
  const opened = /(readFile|readdir|open|readlink|writeFile|createReadStream|stat|access)\w*\(\s*['"`]\/(proc|sys)\//;
  const files = PRODUCT.filter((file) => file.room !== 'linux');
  assert.deepEqual(linesMatching(files, opened), []);
  // A path that is passed on is opened by somebody else; what is this process's own is always linux's to name.
  assert.deepEqual(linesMatching(files, /['"`]\/proc\/(self|thread-self)\b/), []);
});

test('SQL stands only in store', () => {
  const sql =
    /['"`]\s*(SELECT\s+[\w*(].*\bFROM\b|INSERT\s+(OR\s+\w+\s+)?INTO\b|DELETE\s+FROM\b|UPDATE\s+\w+\s+SET\b|(CREATE|DROP|ALTER)\s+TABLE\b|PRAGMA\s)/;
  const files = PRODUCT.filter((file) => file.room !== 'store');
  assert.deepEqual(linesMatching(files, sql), []);
  const openers = files.filter((file) => importsOf(file).some(({ specifier }) => specifier === 'node:sqlite'));
  assert.deepEqual(
    openers.map((file) => file.path),
    [],
  );
});

test('there are no default exports and no any', () => {
  assert.deepEqual(linesMatching(FILES, /^\s*export\s+default\b|\bas\s+default\b/), []);
  assert.deepEqual(linesMatching(FILES, /(:|\bas|<|\||&|,)\s*any\b\s*([;,)>=|&[\]{]|$)/), []);
});

test('product code knows no path outside the checkout', () => {
  assert.deepEqual(linesMatching(PRODUCT, /\.\.\/shared\b|\/work\/(shared|main)\b/), []);
});

test('a module keeps no state of its own', () => {
  assert.deepEqual(linesMatching(PRODUCT, /^(export\s+)?(let|var)\s/), []);
});

test('entry points stay under 30 lines', () => {
  const long = FILES.filter((file) => file.room === 'bin' && file.text.split('\n').length > 30);
  assert.deepEqual(
    long.map((file) => file.path),
    [],
  );
});
