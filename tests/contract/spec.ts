import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';

const SPEC_PATH = fileURLToPath(new URL('../../../shared/spec/docker-engine-api-v1.51.yaml', import.meta.url));

/** Why the contract tests cannot run here, or undefined: the specification lies beside the checkout, not in it. */
export const missingSpec = existsSync(SPEC_PATH) ? undefined : `no Docker API specification at ${SPEC_PATH}`;

type Json = Readonly<Record<string, unknown>>;

/**
 * Fields in which Docker's own daemon answers null (Go's empty slices, maps and pointers) although the specification does
 * not say `x-nullable`. Clients know these nulls; no other field may be null by surprise.
 */
const NULL_AS_DOCKER_SENDS: ReadonlySet<string> = new Set([
  ...[
    'Authorization',
    'GenericResources',
    'Labels',
    'Options',
    'Config',
    'Data',
    'Volumes',
    'VolumesDeleted',
    'Warnings',
    'Entrypoint',
    'Cmd',
    'ExitCode',
  ],
  ...['DeviceCgroupRules', 'DeviceRequests', 'MemorySwappiness', 'OomKillDisable', 'Binds', 'VolumesFrom'],
  ...['CapAdd', 'CapDrop', 'ExtraHosts', 'GroupAdd', 'Links', 'SecurityOpt', 'Aliases', 'DNSNames'],
]);

export interface ApiSpec {
  /** Fails unless the specification lists this status for the endpoint and the body is what it describes there. */
  assertMatches(method: string, path: string, status: number, body: unknown): void;
  /** Fails unless the value is what `#/definitions/NAME` describes. */
  assertDefinition(name: string, value: unknown): void;
  /** `METHOD /template` of every answer checked so far. */
  readonly checked: ReadonlySet<string>;
}

/** Swagger 2 read as JSON schema: `x-nullable` admits null, Docker's own format names become checks. */
export function openApiSpec(): ApiSpec {
  const document = parse(readFileSync(SPEC_PATH, 'utf8')) as { definitions: Json; paths: Record<string, Json> };
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
  addFormats(ajv);
  ajv.addSchema({ $id: 'docker', definitions: toJsonSchema(document.definitions) as Json });
  // Literal paths before those with parameters, and long ones before short: /containers/prune is no container.
  const parameters = (template: string) => template.split('{').length;
  const templates = Object.keys(document.paths)
    .sort((a, b) => parameters(a) - parameters(b) || b.length - a.length)
    .map((template) => ({ template, pattern: patternOf(template) }));
  const validators = new Map<string, ValidateFunction>();
  const checked = new Set<string>();

  const findTemplate = (path: string) => {
    const bare = path.replace(/\?.*$/, '').replace(/^\/v1\.\d+(?=\/)/, '');
    const hit = templates.find(({ pattern }) => pattern.test(bare));
    assert.ok(hit, `${bare} is no path of the specification`);
    return hit.template;
  };
  const validator = (key: string, schema: unknown) => {
    const known = validators.get(key) ?? ajv.compile(toJsonSchema(schema) as Json);
    validators.set(key, known);
    return known;
  };
  return {
    checked,
    assertMatches: (method, path, status, body) => {
      const template = findTemplate(path);
      const key = `${method} ${template}`;
      const operation = document.paths[template]?.[method.toLowerCase()] as { responses: Json } | undefined;
      assert.ok(operation, `${key} is not in the specification`);
      const response = operation.responses[String(status)] as Json | undefined;
      assert.ok(response, `${key}: status ${status} is not in the specification: ${JSON.stringify(body)}`);
      checked.add(key);
      if (response.schema !== undefined)
        assertValid(validator(`${key} ${status}`, response.schema), body, `${key} ${status}`);
    },
    assertDefinition: (name, value) => assertValid(validator(name, { $ref: `#/definitions/${name}` }), value, name),
  };
}

function assertValid(validate: ValidateFunction, value: unknown, what: string): void {
  if (validate(value)) return;
  const problems = (validate.errors ?? [])
    .map((error) => ({ ...error, found: at(value, error.instancePath) }))
    .filter(({ instancePath, found }) => found !== null || !NULL_AS_DOCKER_SENDS.has(lastKey(instancePath)))
    .map(({ instancePath, message, params, found }) => {
      return `${instancePath || '/'} ${message} ${JSON.stringify(params)}: ${JSON.stringify(found)}`;
    });
  if (problems.length === 0) return;
  assert.fail(`${what} is not as specified:\n${problems.slice(0, 30).join('\n')}`);
}

function at(value: unknown, pointer: string): unknown {
  const keys = pointer.split('/').slice(1);
  return keys.reduce<unknown>((inner, key) => (inner as Json | undefined)?.[key.replaceAll('~1', '/')], value);
}

const lastKey = (pointer: string): string => pointer.slice(pointer.lastIndexOf('/') + 1);

function patternOf(template: string): RegExp {
  // An image's name may contain slashes.
  const source = template.replace(/\{name\}/g, '.+').replace(/\{\w+\}/g, '[^/]+');
  return new RegExp(`^${source}$`);
}

function toJsonSchema(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(toJsonSchema);
  if (node === null || typeof node !== 'object') return node;
  const { example: _, examples: __, ...kept } = node as Json;
  const schema: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(kept)) {
    schema[key] =
      key === '$ref' ? `docker${String(value)}` : key === 'enum' || key === 'default' ? value : toJsonSchema(value);
  }
  if (kept['x-nullable'] !== true) return schema;
  const { 'x-nullable': ___, ...rest } = schema;
  return { anyOf: [rest, { type: 'null' }] };
}

function addFormats(ajv: Ajv): void {
  const integer = (min: number, max: number) => ({
    type: 'number' as const,
    validate: (value: number) => Number.isInteger(value) && value >= min && value <= max,
  });
  const time = (value: string) => value === '' || !Number.isNaN(Date.parse(value));
  const text = () => true;
  ajv.addFormat('int64', integer(-(2 ** 63), 2 ** 63));
  ajv.addFormat('uint64', integer(0, 2 ** 64));
  ajv.addFormat('uint32', integer(0, 2 ** 32 - 1));
  ajv.addFormat('uint16', integer(0, 2 ** 16 - 1));
  ajv.addFormat('uint8', integer(0, 255));
  ajv.addFormat('dateTime', time);
  ajv.addFormat('date-time', time);
  for (const name of ['binary', 'cidr', 'CIDR', 'ip-address', 'json', 'uri']) ajv.addFormat(name, text);
}
