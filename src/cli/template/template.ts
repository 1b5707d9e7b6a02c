import { evaluate } from './evaluate.ts';
import { TemplateError } from './lex.ts';
import { parseTemplate } from './parse.ts';

const PREFIXES = {
  list: { parse: 'failed to parse template', fill: 'failed to execute template' },
  object: { parse: 'template parsing error', fill: 'template parsing error' },
} as const;

/** A template read once, to be filled often. Both throw TemplateError with docker's words around the reason. */
export function compileTemplate(text: string, use: 'list' | 'object' = 'object'): (data: unknown) => string {
  const nodes = explain(`${PREFIXES[use].parse}: template: :1: `, () => parseTemplate(text));
  return (data) => explain(`${PREFIXES[use].fill}: template: :1: `, () => evaluate(nodes, data));
}

function explain<T>(prefix: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof TemplateError ? new TemplateError(prefix + error.message) : error;
  }
}
