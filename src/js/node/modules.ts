/**
 * A module of JavaScript as a function: what an engine without a file system can evaluate. Its text stays where it is, line for
 * line, so that places in errors are those of the source.
 *
 * ```
 *   import { get } from 'db';                      (async function (…) {"use strict";const {get} = …db…;
 *   export let count = 0;                 →                let count = 0;
 *   export default (x) => get(x);                  const _default = (x) => get(x);;
 *                                                  return [['count', () => count], ['default', () => _default]]})
 * ```
 *
 * acorn parses it here: the same in a guest takes a hundred times as long, and native parsers end the process with a source that is
 * nested deeply (measured: docs/decisions/0021-javascript-guests.md).
 */

import type { Identifier, Node, Pattern, Program } from 'acorn';

import { FargoError } from '../../base/errors.ts';
import type { Parser } from './packages.ts';

/** Names of the function's parameters: no source has them by accident. */
const IMPORT = '$fargo_import';
const LATER = '$fargo_import_later';
const META = '$fargo_meta';
const DEFAULT = '$fargo_default';

/** With what may stand between the words. */
const EXPORT_DEFAULT = /^export(?:\s|\/\*[^]*?\*\/|\/\/[^\n\r\u2028\u2029]*)*default/;

/** Characters of a source. Threat: time and memory of the parser, half a gigabyte for `a;a;a;…` of this length. */
const SOURCE_MAX = 2 << 20;

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * acorn, without its lists of declared names: they take a minute for 40,000 declarations. The engine checks what they are for when it
 * compiles the function.
 */
function parserOf({ Parser }: Parser): (typeof Parser)['parse'] {
  const Quick = Parser.extend(
    (Base) =>
      class extends (Base as unknown as new (...args: unknown[]) => object) {
        declareName(): void {}
        checkLocalExport(): void {}
      } as unknown as typeof Base,
  );
  return (source, options) => Quick.parse(source, options);
}

/** A module as a function. */
export interface ModuleFunction {
  readonly code: string;
  /** What it imports from, without `import()`. */
  readonly imports: readonly string[];
  /** Characters before the source's first, on its first line. */
  readonly prefix: number;
}

/** @throws FargoError `limit` for a source that no parser here should see */
export function requireShort(source: string): void {
  if (source.length <= SOURCE_MAX) return;
  throw new FargoError('limit', `a source of ${source.length} characters; ${SOURCE_MAX} are allowed`);
}

/** @throws SyntaxError with the place in the source; FargoError `limit` */
export function asFunction(acorn: Parser, source: string): ModuleFunction {
  requireShort(source);
  let program: Program;
  try {
    program = parserOf(acorn)(source, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SyntaxError('the source is nested too deeply', { cause: error });
  }
  const edits: Edit[] = [];
  const imports: string[] = [];
  const specifiers = new Set<string>();
  const exports: string[] = [];
  const give = (name: string, expression: string): void =>
    void exports.push(`[${JSON.stringify(name)}, () => ${expression}]`);
  const blank = (start: number, end: number): void =>
    void edits.push({ start, end, text: source.slice(start, end).replace(/[^\n\r\u2028\u2029]/g, ' ') });
  for (const node of program.body) {
    if (node.type === 'ImportDeclaration') {
      const from = JSON.stringify(node.source.value);
      specifiers.add(String(node.source.value));
      for (const each of node.specifiers) {
        const name =
          each.type === 'ImportSpecifier'
            ? nameOf(each.imported)
            : each.type === 'ImportDefaultSpecifier'
              ? 'default'
              : '*';
        imports.push(`const ${each.local.name} = ${IMPORT}(${from}, ${JSON.stringify(name)});`);
      }
      if (node.specifiers.length === 0) imports.push(`${IMPORT}(${from}, '*');`);
      blank(node.start, node.end);
    } else if (node.type === 'ExportNamedDeclaration') {
      if (node.declaration) {
        for (const name of declared(node.declaration)) give(name, name);
        blank(node.start, node.declaration.start);
      } else {
        const from = node.source && JSON.stringify(node.source.value);
        if (node.source) specifiers.add(String(node.source.value));
        for (const { local, exported } of node.specifiers) {
          const name = nameOf(local);
          give(nameOf(exported), from ? `${IMPORT}(${from}, ${JSON.stringify(name)})` : name);
        }
        blank(node.start, node.end);
      }
    } else if (node.type === 'ExportDefaultDeclaration') {
      const { declaration } = node;
      const named = (declaration as { readonly id?: Identifier | null }).id;
      const declares = declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration';
      // Up to there, not to the declaration: `export default (5)` has a parenthesis between.
      const end = node.start + EXPORT_DEFAULT.exec(source.slice(node.start, declaration.start))![0].length;
      if (declares && named) {
        blank(node.start, end);
        give('default', named.name);
      } else {
        const lines = source.slice(node.start, end).replace(/[^\n\r\u2028\u2029]/g, '');
        edits.push({ start: node.start, end, text: `${lines}const ${DEFAULT} = ` });
        edits.push({ start: node.end, end: node.end, text: ';' });
        give('default', DEFAULT);
      }
    } else if (node.type === 'ExportAllDeclaration' && node.exported) {
      specifiers.add(String(node.source.value));
      give(nameOf(node.exported), `${IMPORT}(${JSON.stringify(node.source.value)}, '*')`);
      blank(node.start, node.end);
    } else if (node.type === 'ExportAllDeclaration') {
      const line = source.slice(0, node.start).split('\n').length;
      throw new SyntaxError(`export * from is not known in a sandbox (line ${line})`);
    }
  }
  rewriteWithin(program, source, edits);
  const body = edited(source.replace(/^#!/, '//'), edits);
  const begin = `(async function (${IMPORT}, ${LATER}, ${META}) {"use strict";${imports.join('')}`;
  return {
    code: `${begin}${body}\n;return [${exports.join(', ')}];})`,
    imports: [...specifiers],
    prefix: begin.length,
  };
}

/**
 * `import()` and `import.meta`, wherever they stand; and `a<!--b`, which begins a comment where no module is evaluated
 * (ECMA-262, B.1.1).
 */
function rewriteWithin(program: Program, source: string, edits: Edit[]): void {
  const waiting: unknown[] = [program];
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (Array.isArray(node)) {
      for (const each of node) waiting.push(each);
      continue;
    }
    if (!isNode(node)) continue;
    if (node.type === 'ImportExpression') {
      edits.push({ start: node.start, end: node.start + 'import'.length, text: LATER });
    } else if (node.type === 'MetaProperty' && (node as unknown as { meta: Identifier }).meta.name === 'import') {
      edits.push({ start: node.start, end: node.end, text: META });
    } else if (node.type === 'BinaryExpression') {
      const { start } = (node as unknown as { right: Node }).right;
      if (source.startsWith('<!--', start - 1)) edits.push({ start, end: start, text: ' ' });
    }
    for (const each of Object.values(node)) {
      if (typeof each === 'object' && each !== null) waiting.push(each);
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof (value as { readonly type?: unknown } | null)?.type === 'string';
}

function edited(source: string, edits: readonly Edit[]): string {
  let text = '';
  let at = 0;
  for (const { start, end, text: instead } of edits.toSorted((a, b) => a.start - b.start)) {
    text += source.slice(at, start) + instead;
    at = end;
  }
  return text + source.slice(at);
}

function nameOf(name: Identifier | { readonly type: 'Literal'; readonly value?: unknown }): string {
  return name.type === 'Identifier' ? name.name : String(name.value);
}

function declared(node: Node): string[] {
  const { id, declarations } = node as { id?: Identifier | null; declarations?: readonly { readonly id: Pattern }[] };
  return declarations === undefined ? (id ? [id.name] : []) : declarations.flatMap((each) => bound(each.id));
}

/** Names that a pattern binds. */
function bound(pattern: Pattern): string[] {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern.name];
    case 'ObjectPattern':
      return pattern.properties.flatMap((each) => bound(each.type === 'RestElement' ? each.argument : each.value));
    case 'ArrayPattern':
      return pattern.elements.flatMap((each) => (each === null ? [] : bound(each)));
    case 'RestElement':
      return bound(pattern.argument);
    case 'AssignmentPattern':
      return bound(pattern.left);
    default:
      return [];
  }
}
