/**
 * A world of WIT from what a source exports: types of TypeScript become types of WIT where there are any; everything else is
 * `json`, a string that the component's wrapper reads and writes.
 *
 * ```
 *   string, boolean, number, bigint      string, bool, f64, s64        interface P { x: number }    record p { x: f64 }
 *   T[], Uint8Array, [A, B]              list<t>, list<u8>, tuple      'a' | 'b', by a name         enum
 *   T | undefined, T | null, x?: T       option<t>                     void, Promise<T>             nothing, t
 * ```
 *
 * Every function returns a `result`: what it throws is the error, as text.
 */

import { FargoError } from '../../base/errors.ts';
import type { Syntax } from './bundle.ts';

/** What the wrapper does with values that a type of WIT can't say. */
export interface FunctionShape {
  /** As the source has it, and as componentize-js expects it. */
  readonly name: string;
  readonly exportedAs: string;
  readonly params: readonly Passing[];
  /** Whether the last parameter is `...rest`. */
  readonly hasRest: boolean;
  readonly result: Passing;
}

/** `json`: text, which is read and written; `jsons`: a list of those; `plain`: as it comes. */
export type Passing = 'plain' | 'json' | 'jsons';

export interface InferredWorld {
  readonly wit: string;
  readonly functions: readonly FunctionShape[];
}

const KEYWORDS: ReadonlySet<string> = new Set(
  `use type func u8 u16 u32 u64 s8 s16 s32 s64 f32 f64 char bool string record resource own borrow flags variant enum option
  result tuple list future stream export import world interface package include as from static constructor with async
  error-context map`.split(/\s+/),
);
const VIEWS: Readonly<Record<string, string>> = {
  Uint8Array: 'u8',
  Int8Array: 's8',
  Uint16Array: 'u16',
  Int16Array: 's16',
  Uint32Array: 'u32',
  Int32Array: 's32',
  BigUint64Array: 'u64',
  BigInt64Array: 's64',
  Float32Array: 'f32',
  Float64Array: 'f64',
};
const PRIMITIVES: Readonly<Record<string, string>> = {
  TSStringKeyword: 'string',
  TSBooleanKeyword: 'bool',
  TSNumberKeyword: 'f64',
  TSBigIntKeyword: 's64',
};
const NOTHING: readonly string[] = ['TSVoidKeyword', 'TSUndefinedKeyword', 'TSNeverKeyword'];
const JSON_TYPE = 'json';
/** Types within types. Threat: aliases that lead in circles. */
const DEPTH_MAX = 32;

/**
 * The world of the functions that a module declares and exports.
 *
 * @param statements of the module @param exported names of all that it exports
 * @throws FargoError `bad-argument` for exports without a name in WIT, or of which nothing is known
 */
export function inferWorld(statements: readonly Syntax[], exported: readonly string[], name: string): InferredWorld {
  const declared = new Map(statements.flatMap(functionsIn));
  const types = new Types(statements);
  const functions: FunctionShape[] = [];
  const lines: string[] = [];
  for (const each of exported) {
    const declaration = declared.get(each);
    if (declaration === undefined) {
      throw new FargoError(
        'bad-argument',
        `${name} exports ${each}, which is not declared there as a function: leave it out, or give the world as WIT`,
      );
    }
    const { shape, signature } = functionOf(types, each, declaration);
    functions.push(shape);
    lines.push(`  export ${escaped(kebab(each))}: func${signature};`);
  }
  if (functions.length === 0) throw new FargoError('bad-argument', `${name} exports no function`);
  const world = [...types.definitions.values(), ...lines];
  if (world.some((line) => /\bjson\b/.test(line))) world.unshift('  /// A value as JSON.\n  type json = string;');
  return { wit: `package fargo:app;\n\nworld app {\n${world.join('\n')}\n}\n`, functions };
}

/** Functions of a statement, by the names that they are exported under. */
function functionsIn(statement: Syntax): [name: string, declaration: Syntax][] {
  if (statement.type === 'ExportDefaultDeclaration') {
    const { declaration } = statement as unknown as { readonly declaration: Syntax };
    return isFunction(declaration) ? [['default', declaration]] : [];
  }
  const declaration =
    statement.type === 'ExportNamedDeclaration' ? (statement['declaration'] as Syntax | null) : statement;
  if (!declaration) return [];
  if (isFunction(declaration)) {
    const { id } = declaration as unknown as { readonly id: { readonly name: string } };
    return [[id.name, declaration]];
  }
  if (declaration.type !== 'VariableDeclaration') return [];
  const { declarations } = declaration as unknown as {
    readonly declarations: readonly { readonly id: Syntax; readonly init: Syntax | null }[];
  };
  return declarations.flatMap(({ id, init }) =>
    id.type === 'Identifier' && init !== null && isFunction(init)
      ? [[id['name'] as string, init] as [string, Syntax]]
      : [],
  );
}

function isFunction({ type }: Syntax): boolean {
  return type === 'FunctionDeclaration' || type === 'FunctionExpression' || type === 'ArrowFunctionExpression';
}

function functionOf(types: Types, name: string, declaration: Syntax): { shape: FunctionShape; signature: string } {
  const { params, returnType, typeParameters } = declaration as unknown as {
    readonly params: readonly Syntax[];
    readonly returnType: Syntax | null;
    readonly typeParameters: Syntax | null;
  };
  const isGeneric = typeParameters !== null && typeParameters !== undefined;
  const names = new Set<string>();
  const passings: Passing[] = [];
  const texts = params.map((param, index) => {
    const { target, isOptional, isRest } = parameter(param);
    const annotated = annotationOf(target) ?? annotationOf(param);
    const wanted = target.type === 'Identifier' ? kebab(target['name'] as string) : undefined;
    const called = wanted !== undefined && isWord(wanted) && !names.has(wanted) ? wanted : `arg${index}`;
    names.add(called);
    const known = annotated !== undefined && !isGeneric ? types.text(annotated, `${kebab(name)}-${called}`) : undefined;
    const restOfJson = isRest && (known === undefined || !known.startsWith('list<'));
    const type = restOfJson ? `list<${JSON_TYPE}>` : (known ?? JSON_TYPE);
    passings.push(restOfJson ? 'jsons' : known === undefined ? 'json' : 'plain');
    return `${escaped(called)}: ${isOptional && !type.startsWith('option<') ? `option<${type}>` : type}`;
  });
  const returned = returnType && !isGeneric ? awaited(annotationOf(declaration, 'returnType')!) : undefined;
  const isNothing = returned !== undefined && NOTHING.includes(returned.type);
  const known = returned === undefined || isNothing ? undefined : types.text(returned, `${kebab(name)}-result`);
  const result = isNothing ? '_' : (known ?? JSON_TYPE);
  return {
    shape: {
      name,
      exportedAs: camel(kebab(name)),
      params: passings,
      hasRest: params.at(-1)?.type === 'RestElement',
      result: isNothing || known !== undefined ? 'plain' : 'json',
    },
    signature: `(${texts.join(', ')}) -> result<${result}, string>`,
  };
}

function parameter(param: Syntax): { target: Syntax; isOptional: boolean; isRest: boolean } {
  if (param.type === 'AssignmentPattern') return { target: param['left'] as Syntax, isOptional: true, isRest: false };
  if (param.type === 'RestElement') return { target: param['argument'] as Syntax, isOptional: false, isRest: true };
  return { target: param, isOptional: param['optional'] === true, isRest: false };
}

function annotationOf(node: Syntax, member: string = 'typeAnnotation'): Syntax | undefined {
  const annotation = node[member] as { readonly typeAnnotation?: Syntax } | null | undefined;
  return annotation?.typeAnnotation;
}

/** `Promise<T>` as `T`. */
function awaited(type: Syntax): Syntax {
  return (type.type === 'TSTypeReference' && referred(type) === 'Promise' ? argumentsOf(type)[0] : undefined) ?? type;
}

function referred(reference: Syntax): string | undefined {
  const { typeName } = reference as unknown as { readonly typeName: Syntax };
  return typeName.type === 'Identifier' ? (typeName['name'] as string) : undefined;
}

function argumentsOf(reference: Syntax): readonly Syntax[] {
  return (reference['typeArguments'] as { readonly params?: readonly Syntax[] } | null)?.params ?? [];
}

/** Types of a module, as WIT has them. */
class Types {
  /** Lines of the world, by the name that they define. */
  readonly definitions: Map<string, string> = new Map();
  readonly #declared = new Map<string, Syntax>();
  /** What stands for a declared type; undefined: nothing of WIT does. */
  readonly #known = new Map<string, string | undefined>();
  #depth = 0;

  constructor(statements: readonly Syntax[]) {
    for (const statement of statements) {
      const declaration = (statement['declaration'] as Syntax | null | undefined) ?? statement;
      if (declaration.type !== 'TSInterfaceDeclaration' && declaration.type !== 'TSTypeAliasDeclaration') continue;
      const { name } = declaration['id'] as { readonly name: string };
      // What is declared twice is merged: left to JSON.
      this.#declared.set(name, this.#declared.has(name) ? { type: 'merged' } : declaration);
    }
  }

  /** @param name for a type that needs one and has none; undefined where WIT has no such type */
  text(type: Syntax, name: string): string | undefined {
    if (this.#depth >= DEPTH_MAX) return undefined;
    this.#depth++;
    try {
      return this.#text(type, name);
    } finally {
      this.#depth--;
    }
  }

  #text(type: Syntax, name: string): string | undefined {
    if (Object.hasOwn(PRIMITIVES, type.type)) return PRIMITIVES[type.type];
    switch (type.type) {
      case 'TSParenthesizedType':
        return this.text(type['typeAnnotation'] as Syntax, name);
      case 'TSTypeOperator':
        return type['operator'] === 'readonly' ? this.text(type['typeAnnotation'] as Syntax, name) : undefined;
      case 'TSArrayType':
        return this.#list(type['elementType'] as Syntax, name);
      case 'TSTupleType':
        return this.#tuple(type['elementTypes'] as readonly Syntax[], name);
      case 'TSUnionType':
        return this.#union(type['types'] as readonly Syntax[], name);
      case 'TSTypeLiteral':
        return this.#record(type['members'] as readonly Syntax[], name);
      case 'TSTypeReference':
        return this.#reference(type, name);
      default:
        return undefined;
    }
  }

  #reference(type: Syntax, name: string): string | undefined {
    const called = referred(type);
    if (called === undefined) return undefined;
    const given = argumentsOf(type);
    if (this.#declared.has(called)) return given.length === 0 ? this.#named(called) : undefined;
    if (Object.hasOwn(VIEWS, called)) return `list<${VIEWS[called]}>`;
    if ((called !== 'Array' && called !== 'ReadonlyArray') || given.length !== 1) return undefined;
    return this.#list(given[0]!, name);
  }

  /** A type that the module declares. */
  #named(name: string): string | undefined {
    if (this.#known.has(name)) return this.#known.get(name);
    // WIT has no type that holds itself.
    this.#known.set(name, undefined);
    const found = this.#declaration(this.#declared.get(name)!, kebab(name));
    this.#known.set(name, found);
    return found;
  }

  #declaration(declaration: Syntax, name: string): string | undefined {
    const { typeParameters } = declaration;
    if (declaration.type === 'merged' || typeParameters) return undefined;
    if (declaration.type === 'TSTypeAliasDeclaration') return this.text(declaration['typeAnnotation'] as Syntax, name);
    if ((declaration['extends'] as readonly unknown[]).length > 0) return undefined;
    return this.#record((declaration['body'] as { readonly body: readonly Syntax[] }).body, name);
  }

  #list(type: Syntax, name: string): string | undefined {
    const item = this.text(type, `${name}-item`);
    return item === undefined ? undefined : `list<${item}>`;
  }

  #tuple(items: readonly Syntax[], name: string): string | undefined {
    const texts = items.map((item, index) => {
      const type = item.type === 'TSNamedTupleMember' ? (item['elementType'] as Syntax) : item;
      const isPlain = !['TSOptionalType', 'TSRestType'].includes(type.type) && item['optional'] !== true;
      return isPlain ? this.text(type, `${name}-${index}`) : undefined;
    });
    return texts.length === 0 || texts.includes(undefined) ? undefined : `tuple<${texts.join(', ')}>`;
  }

  #union(types: readonly Syntax[], name: string): string | undefined {
    const some = types.filter(({ type }) => type !== 'TSUndefinedKeyword' && type !== 'TSNullKeyword');
    const nothings = types.length - some.length;
    // componentize-js gives undefined for what is not there, never null; both at once can't be told apart.
    if (nothings > 1) return undefined;
    if (nothings === 1 && types.some(({ type }) => type === 'TSNullKeyword')) return undefined;
    const text = some.length === 1 ? this.text(some[0]!, name) : this.#enum(some, name);
    if (text === undefined || nothings === 0) return text;
    return text.startsWith('option<') ? undefined : `option<${text}>`;
  }

  #enum(types: readonly Syntax[], name: string): string | undefined {
    const cases = types.map((type) => {
      const literal = type.type === 'TSLiteralType' ? (type['literal'] as { readonly value?: unknown }) : undefined;
      return typeof literal?.value === 'string' ? literal.value : undefined;
    });
    if (cases.length < 2 || !cases.every((each) => each !== undefined && isWord(each))) return undefined;
    return this.#define(name, `  enum ${escaped(name)} { ${cases.map((each) => escaped(each!)).join(', ')} }`);
  }

  #record(members: readonly Syntax[], name: string): string | undefined {
    const fields: string[] = [];
    for (const member of members) {
      const key = member['key'] as Syntax | undefined;
      const field = key?.type === 'Identifier' && member['computed'] !== true ? (key['name'] as string) : undefined;
      const annotated = annotationOf(member);
      if (member.type !== 'TSPropertySignature' || field === undefined || annotated === undefined) return undefined;
      const called = kebab(field);
      // What comes back from WIT must be what the source has.
      if (!isWord(called) || camel(called) !== field) return undefined;
      const type = this.text(annotated, `${name}-${called}`);
      if (type === undefined) return undefined;
      const isOptional = member['optional'] === true && !type.startsWith('option<');
      fields.push(`${escaped(called)}: ${isOptional ? `option<${type}>` : type}`);
    }
    if (fields.length === 0) return undefined;
    return this.#define(name, `  record ${escaped(name)} { ${fields.join(', ')} }`);
  }

  /** Two different types never have one name: the later is left to JSON. */
  #define(name: string, line: string): string | undefined {
    if (!isWord(name) || name === JSON_TYPE) return undefined;
    const known = this.definitions.get(name);
    if (known !== undefined && known !== line) return undefined;
    this.definitions.set(name, line);
    return escaped(name);
  }
}

/** As WIT has names: `toText` is `to-text`. */
function kebab(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1-$2')
    .toLowerCase();
}

/** As jco and componentize-js have them. */
function camel(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function isWord(name: string): boolean {
  return /^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/.test(name);
}

function escaped(name: string): string {
  if (isWord(name)) return KEYWORDS.has(name) ? `%${name}` : name;
  throw new FargoError('bad-argument', `the export ${name} has no name in WIT: letters and digits are allowed`);
}
