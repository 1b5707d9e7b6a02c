import { lex, TemplateError, type Token } from './lex.ts';

export type Node =
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'action'; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if' | 'with' | 'range';
      readonly pipeline: Pipeline;
      readonly body: Node[];
      readonly otherwise: Node[];
    }
  | { readonly kind: 'break' | 'continue' };

/** Commands fed into each other; their value may be given to variables (`$k, $v := …`). */
export interface Pipeline {
  readonly variables: readonly string[];
  readonly declares: boolean;
  readonly commands: readonly Command[];
}

/** An operand, or a function or method with arguments. */
export type Command = readonly Operand[];

export type Operand =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'dot' }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline }
  | { readonly kind: 'fields'; readonly of: Operand; readonly names: readonly string[] };

/** A template of Go's text/template as a tree. `define`, `template` and `block` are not understood. */
export function parseTemplate(template: string): readonly Node[] {
  const parser = new Parser(lex(template));
  const nodes = parser.nodes();
  if (nodes.end !== 'eof') throw new TemplateError(`unexpected {{${nodes.end}}}`);
  return nodes.list;
}

type End = 'eof' | 'end' | 'else';

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** Nodes up to the end of the template, or to an `end` or `else`, which is taken (`else` up to its first word). */
  nodes(): { readonly list: Node[]; readonly end: End } {
    const list: Node[] = [];
    for (;;) {
      const token = this.#next();
      if (token === undefined) return { list, end: 'eof' };
      if (token.kind === 'text') {
        list.push(token);
        continue;
      }
      const keyword = this.#keyword();
      if (keyword === 'end') {
        this.#expectClose();
        return { list, end: 'end' };
      }
      if (keyword === 'else') return { list, end: 'else' };
      if (keyword === undefined) list.push({ kind: 'action', pipeline: this.#pipelineTo('close') });
      else if (keyword === 'break' || keyword === 'continue') {
        this.#expectClose();
        list.push({ kind: keyword });
      } else list.push(this.#block(keyword));
    }
  }

  #block(kind: 'if' | 'with' | 'range'): Node {
    const pipeline = this.#pipelineTo('close');
    const block = this.nodes();
    if (block.end === 'eof') throw new TemplateError('unexpected EOF');
    if (block.end === 'end') return { kind, pipeline, body: block.list, otherwise: [] };
    const chained = this.#keyword();
    if (chained === 'if' || chained === 'with') {
      return { kind, pipeline, body: block.list, otherwise: [this.#block(chained)] };
    }
    this.#expectClose();
    const otherwise = this.nodes();
    if (otherwise.end === 'eof') throw new TemplateError('unexpected EOF');
    if (otherwise.end === 'else') throw new TemplateError('expected end; found {{else}}');
    return { kind, pipeline, body: block.list, otherwise: otherwise.list };
  }

  #keyword(): 'if' | 'with' | 'range' | 'end' | 'else' | 'break' | 'continue' | undefined {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'word') return undefined;
    switch (token.value) {
      case 'if':
      case 'with':
      case 'range':
      case 'end':
      case 'else':
      case 'break':
      case 'continue':
        this.#at++;
        return token.value;
      case 'define':
      case 'template':
      case 'block':
        throw new TemplateError(`{{${token.value}}} is not supported`);
      default:
        return undefined;
    }
  }

  #pipelineTo(end: 'close' | ')'): Pipeline {
    const { variables, declares } = this.#declaration();
    const commands: Command[] = [];
    let command: Operand[] = [];
    for (;;) {
      const token = this.#next();
      if (token === undefined) throw new TemplateError('unclosed action');
      const isEnd = end === 'close' ? token.kind === 'close' : token.kind === 'operator' && token.value === ')';
      const isPipe = token.kind === 'operator' && token.value === '|';
      if (!isEnd && !isPipe) {
        command.push(this.#operand(token));
        continue;
      }
      if (command.length === 0) throw new TemplateError('missing value for command');
      commands.push(command);
      command = [];
      if (isEnd) return { variables, declares, commands };
    }
  }

  #declaration(): { variables: readonly string[]; declares: boolean } {
    const start = this.#at;
    const variables: string[] = [];
    for (;;) {
      const token = this.#next();
      if (token?.kind !== 'variable') break;
      variables.push(token.value);
      const after = this.#next();
      if (after?.kind !== 'operator') break;
      if (after.value === ':=' || after.value === '=') return { variables, declares: after.value === ':=' };
      if (after.value !== ',') break;
    }
    this.#at = start;
    return { variables: [], declares: false };
  }

  #operand(token: Token): Operand {
    const base = this.#baseOperand(token);
    const names: string[] = [];
    for (;;) {
      const next = this.#tokens[this.#at];
      if (next?.kind !== 'field' || !next.joined) break;
      names.push(next.value);
      this.#at++;
    }
    if (base.kind === 'fields') return { ...base, names: [...base.names, ...names] };
    return names.length === 0 ? base : { kind: 'fields', of: base, names };
  }

  #baseOperand(token: Token): Operand {
    switch (token.kind) {
      case 'string':
      case 'number':
        return { kind: 'literal', value: token.value };
      case 'variable':
        return { kind: 'variable', name: token.value };
      case 'field':
        return { kind: 'fields', of: { kind: 'dot' }, names: [token.value] };
      case 'word':
        if (token.value === 'true' || token.value === 'false')
          return { kind: 'literal', value: token.value === 'true' };
        if (token.value === 'nil') return { kind: 'literal', value: null };
        return { kind: 'function', name: token.value };
      case 'operator':
        if (token.value === '.') return { kind: 'dot' };
        if (token.value === '(') return { kind: 'pipeline', pipeline: this.#pipelineTo(')') };
        throw new TemplateError(`unexpected ${JSON.stringify(token.value)} in operand`);
      default:
        throw new TemplateError(`unexpected ${token.kind} in operand`);
    }
  }

  #expectClose(): void {
    if (this.#next()?.kind !== 'close') throw new TemplateError('unexpected content before }}');
  }

  #next(): Token | undefined {
    return this.#tokens[this.#at++];
  }
}
