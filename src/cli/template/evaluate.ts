import { TEMPLATE_FUNCTIONS } from './functions.ts';
import { TemplateError } from './lex.ts';
import type { Command, Node, Operand, Pipeline } from './parse.ts';
import { isTrue, printValue } from './value.ts';

/** Names in scope, innermost last. */
type Scope = Map<string, unknown>[];

class LoopJump extends Error {
  readonly kind: 'break' | 'continue';
  constructor(kind: 'break' | 'continue') {
    super(`{{${kind}}} outside {{range}}`);
    this.kind = kind;
  }
}

/** The template's text for one value. A field that is a function takes the arguments that follow it. */
export function evaluate(nodes: readonly Node[], data: unknown): string {
  const out: string[] = [];
  run(nodes, data, [new Map([['$', data]])], out);
  return out.join('');
}

function run(nodes: readonly Node[], dot: unknown, scope: Scope, out: string[]): void {
  for (const node of nodes) {
    switch (node.kind) {
      case 'text':
        out.push(node.value);
        break;
      case 'action': {
        const value = pipelineValue(node.pipeline, dot, scope);
        if (node.pipeline.variables.length === 0) out.push(printValue(value));
        break;
      }
      case 'if':
      case 'with': {
        const inner = [...scope, new Map<string, unknown>()];
        const value = pipelineValue(node.pipeline, dot, inner);
        const isThen = isTrue(value);
        run(isThen ? node.body : node.otherwise, node.kind === 'with' && isThen ? value : dot, inner, out);
        break;
      }
      case 'range':
        range(node, dot, scope, out);
        break;
      case 'break':
      case 'continue':
        throw new LoopJump(node.kind);
      default:
        node satisfies never;
    }
  }
}

function range(
  node: Extract<Node, { kind: 'if' | 'with' | 'range' }>,
  dot: unknown,
  scope: Scope,
  out: string[],
): void {
  const { variables } = node.pipeline;
  const value = pipelineValue({ ...node.pipeline, variables: [] }, dot, scope);
  const entries = entriesOf(value);
  if (entries.length === 0) run(node.otherwise, dot, scope, out);
  for (const [key, one] of entries) {
    const inner = new Map<string, unknown>();
    const [first, second] = variables;
    if (first !== undefined) inner.set(first, second === undefined ? one : key);
    if (second !== undefined) inner.set(second, one);
    try {
      run(node.body, one, [...scope, inner], out);
    } catch (error) {
      if (!(error instanceof LoopJump)) throw error;
      if (error.kind === 'break') return;
    }
  }
}

function entriesOf(value: unknown): [unknown, unknown][] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.map((one: unknown, at): [unknown, unknown] => [at, one]);
  if (typeof value === 'number') return Array.from({ length: value }, (_, at) => [at, at]);
  if (typeof value === 'object') return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  throw new TemplateError(`range can't iterate over ${printValue(value)}`);
}

function pipelineValue(pipeline: Pipeline, dot: unknown, scope: Scope): unknown {
  let value: unknown;
  pipeline.commands.forEach((command, at) => {
    value = commandValue(command, dot, scope, at === 0 ? [] : [value]);
  });
  for (const name of pipeline.variables) {
    const target = pipeline.declares ? scope.at(-1) : scope.findLast((names) => names.has(name));
    if (target === undefined) throw new TemplateError(`undefined variable ${JSON.stringify(name)}`);
    target.set(name, value);
  }
  return value;
}

function commandValue(command: Command, dot: unknown, scope: Scope, piped: readonly unknown[]): unknown {
  const [first, ...others] = command;
  if (first === undefined) throw new TemplateError('missing value for command');
  const args = (): readonly unknown[] => [...others.map((one) => operandValue(one, dot, scope)), ...piped];
  if (first.kind === 'function') return call(first.name, args());
  const value = rawValue(first, dot, scope);
  if (typeof value === 'function') return (value as (...args: readonly unknown[]) => unknown)(...args());
  if (others.length > 0 || piped.length > 0) {
    throw new TemplateError(`can't give argument to non-function ${describe(first)}`);
  }
  return value;
}

function call(name: string, args: readonly unknown[]): unknown {
  const found = Object.hasOwn(TEMPLATE_FUNCTIONS, name) ? TEMPLATE_FUNCTIONS[name] : undefined;
  if (found === undefined) throw new TemplateError(`function ${JSON.stringify(name)} not defined`);
  return found(...args);
}

function operandValue(operand: Operand, dot: unknown, scope: Scope): unknown {
  const value = rawValue(operand, dot, scope);
  return typeof value === 'function' ? (value as () => unknown)() : value;
}

function rawValue(operand: Operand, dot: unknown, scope: Scope): unknown {
  switch (operand.kind) {
    case 'literal':
      return operand.value;
    case 'dot':
      return dot;
    case 'function':
      return call(operand.name, []);
    case 'pipeline':
      return pipelineValue(operand.pipeline, dot, scope);
    case 'variable': {
      const names = scope.findLast((one) => one.has(operand.name));
      if (names === undefined) throw new TemplateError(`undefined variable ${JSON.stringify(operand.name)}`);
      return names.get(operand.name);
    }
    case 'fields':
      return operand.names.reduce((value, _, at) => fieldOf(value, operand, at), rawValue(operand.of, dot, scope));
    default:
      return operand satisfies never;
  }
}

/** What is a map in docker's types: a key that is not in it is no mistake, but `<no value>`. */
const MAPS: ReadonlySet<string | undefined> = new Set(
  'Annotations Attributes AuxiliaryAddresses Containers DriverOpts ExposedPorts Labels Networks Options Ports Sysctls Volumes'.split(
    ' ',
  ),
);

function fieldOf(value: unknown, operand: Extract<Operand, { kind: 'fields' }>, at: number): unknown {
  const name = operand.names[at] ?? '';
  const where = `executing "" at <${describe(operand)}>`;
  if (value === null || value === undefined)
    throw new TemplateError(`${where}: nil pointer evaluating interface {}.${name}`);
  if (typeof value !== 'object')
    throw new TemplateError(`${where}: can't evaluate field ${name} in type ${typeof value}`);
  if (!Object.hasOwn(value, name)) {
    if (MAPS.has(operand.names[at - 1])) return undefined;
    throw new TemplateError(`${where}: map has no entry for key ${JSON.stringify(name)}`);
  }
  return (value as Record<string, unknown>)[name];
}

function describe(operand: Operand): string {
  if (operand.kind === 'fields') {
    const base = operand.of.kind === 'variable' ? operand.of.name : operand.of.kind === 'pipeline' ? '(…)' : '';
    return `${base}.${operand.names.join('.')}`;
  }
  if (operand.kind === 'dot') return '.';
  if (operand.kind === 'variable' || operand.kind === 'function') return operand.name;
  return operand.kind === 'literal' ? printValue(operand.value) : '(…)';
}
