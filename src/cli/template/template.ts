import { evaluate } from './evaluate.ts';
import { TemplateError } from './lex.ts';
import { parseTemplate } from './parse.ts';

/** A template read once, to be filled often. Both throw TemplateError with docker's words around the reason. */
export function compileTemplate(text: string): (data: unknown) => string {
  const nodes = explain('template parsing error: template: :1: ', () => parseTemplate(text));
  return (data) => explain('template parsing error: template: :1: ', () => evaluate(nodes, data));
}

function explain<T>(prefix: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof TemplateError ? new TemplateError(prefix + error.message) : error;
  }
}
