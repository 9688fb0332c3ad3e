/**
 * Values of the component model on the command line: from an argument by its type to what jco's glue takes, and back to text and
 * to JSON. Text is WebAssembly's value encoding (WAVE); arguments may be written as JSON, too.
 *
 * | type | argument |
 * |---|---|
 * | bool | `true`, `false` |
 * | integers, floats | a number in the range of the type |
 * | char, string | `"x"` |
 * | list, tuple | `[1, 2]`; a tuple also `(1, 2)`; `list<u8>` also a string, in UTF-8 |
 * | record | `{x: 1, "y": 2}`; options may be left out |
 * | variant | `case(1)`, `case`, `{tag: "case", val: 1}` |
 * | enum | `name`, `"name"` |
 * | flags | `{a, b}`, `[a, b]`, `{a: true}` |
 * | option | `some(1)`, `none`, `null`, and the value itself |
 * | result | `ok(1)`, `err("x")`, `ok`, `err`, `{tag: "ok", val: 1}` |
 */

import { FargoError } from '../base/errors.ts';
import { camelCase } from '../component/export-names.ts';
import { typeText, type WitType } from '../component/wit-types.ts';
import { formatArgument, formatFloat, formatText, type Argument, type Field } from './expression.ts';

type Record_ = Readonly<Record<string, unknown>>;
type TypeOf<Kind extends WitType['kind']> = Extract<WitType, { readonly kind: Kind }>;

const INTEGERS: Readonly<Record<string, readonly [bits: bigint, signed: boolean]>> = {
  s8: [8n, true],
  u8: [8n, false],
  s16: [16n, true],
  u16: [16n, false],
  s32: [32n, true],
  u32: [32n, false],
  s64: [64n, true],
  u64: [64n, false],
};

/** What glue takes for an argument of a type. @param what for messages. @throws FargoError `bad-argument` */
export function toValue(argument: Argument, type: WitType, what: string): unknown {
  const refuse = (): never => {
    throw new FargoError('bad-argument', `${what} is ${shown(argument)}; ${typeText(type)} takes ${allowed(type)}`);
  };
  switch (type.kind) {
    case 'bool':
      return argument.kind === 'word' && ['true', 'false'].includes(argument.value)
        ? argument.value === 'true'
        : refuse();
    case 'f32':
    case 'f64':
      return argument.kind === 'integer' || argument.kind === 'float' ? Number(argument.value) : refuse();
    case 'char':
      return argument.kind === 'text' && [...argument.value].length === 1 ? argument.value : refuse();
    case 'string':
      return argument.kind === 'text' ? argument.value : refuse();
    case 'list':
      return listValue(argument, type, what) ?? refuse();
    case 'tuple':
      if (argument.kind !== 'list' && argument.kind !== 'tuple') return refuse();
      if (argument.items.length !== type.items.length) return refuse();
      return argument.items.map((each, at) => toValue(each, type.items[at]!, `${what}[${at}]`));
    case 'record':
      return argument.kind === 'record' ? recordValue(argument.fields, type, what) : refuse();
    case 'variant':
      return variantValue(argument, type.cases, what) ?? refuse();
    case 'enum': {
      const name = nameIn(argument);
      return name !== undefined && type.names.includes(name) ? name : refuse();
    }
    case 'flags':
      return flagsValue(argument, type) ?? refuse();
    case 'option':
      return optionValue(argument, type, what);
    case 'result':
      return variantValue(argument, resultCases(type), what) ?? refuse();
    case 'own':
    case 'borrow':
      throw new FargoError('unsupported', `${what} is a resource, ${typeText(type)}: none can be written here`);
    default:
      return integerValue(argument, type.kind) ?? refuse();
  }
}

function shown(argument: Argument): string {
  const text = formatArgument(argument);
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}

function allowed(type: WitType): string {
  const integer = INTEGERS[type.kind];
  if (integer !== undefined) {
    const [bits, signed] = integer;
    const [from, below] = signed ? [`-2^${bits - 1n}`, `2^${bits - 1n}`] : ['0', `2^${bits}`];
    return `a whole number from ${from} to ${below} - 1`;
  }
  switch (type.kind) {
    case 'bool':
      return 'true or false';
    case 'f32':
    case 'f64':
      return 'a number';
    case 'char':
      return 'a string of one character';
    case 'string':
      return 'a "string"';
    case 'list':
      return type.length === undefined ? '[a list]' : `[a list] of ${type.length}`;
    case 'tuple':
      return `[a list] of ${type.items.length}`;
    case 'record':
      return `{${type.fields.map(({ name }) => `${name}: …`).join(', ')}}`;
    case 'variant':
      return oneOf(type.cases.map((each) => caseText(each)));
    case 'enum':
      return oneOf(type.names);
    case 'flags':
      return `{${type.names.join(', ')}}, or some of them`;
    case 'result':
      return oneOf(resultCases(type).map((each) => caseText(each)));
    default:
      return 'something else';
  }
}

function oneOf(names: readonly string[]): string {
  return names.length > 12 ? `one of ${names.slice(0, 12).join(', ')}…` : `one of ${names.join(', ')}`;
}

function caseText({ name, type }: Case): string {
  return type === undefined ? name : `${name}(…)`;
}

function integerValue(argument: Argument, kind: string): number | bigint | undefined {
  if (argument.kind !== 'integer') return undefined;
  const [bits, signed] = INTEGERS[kind]!;
  const { value } = argument;
  const fits = signed ? BigInt.asIntN(Number(bits), value) === value : BigInt.asUintN(Number(bits), value) === value;
  if (!fits) return undefined;
  return bits === 64n ? value : Number(value);
}

function listValue(argument: Argument, { item, length }: TypeOf<'list'>, what: string): unknown {
  if (argument.kind === 'text' && item.kind === 'u8' && length === undefined) {
    return new TextEncoder().encode(argument.value);
  }
  if (argument.kind !== 'list' || (length !== undefined && argument.items.length !== length)) return undefined;
  return argument.items.map((each, at) => toValue(each, item, `${what}[${at}]`));
}

function recordValue(given: readonly Field[], { fields }: TypeOf<'record'>, what: string): Record_ {
  const known = new Map(fields.map((field) => [field.name, field]));
  const values = new Map<string, Argument>();
  for (const { name, value } of given) {
    const field = known.get(name) ?? fields.find((each) => camelCase(each.name) === name);
    if (field === undefined || value === undefined || values.has(field.name)) {
      const why =
        field === undefined ? 'there is none such' : value === undefined ? 'it has no value' : 'it is there twice';
      throw new FargoError(
        'bad-argument',
        `${what} has a field ${name}, and ${why}; the fields are ${fields.map((each) => each.name).join(', ')}`,
      );
    }
    values.set(field.name, value);
  }
  return Object.fromEntries(
    fields.map(({ name, type }) => {
      const value = values.get(name) ?? (type.kind === 'option' ? ({ kind: 'null' } as const) : undefined);
      if (value === undefined) throw new FargoError('bad-argument', `${what} has no field ${name}: ${typeText(type)}`);
      return [camelCase(name), toValue(value, type, `${what}.${name}`)];
    }),
  );
}

interface Case {
  readonly name: string;
  readonly type: WitType | undefined;
}

function resultCases({ ok, error }: TypeOf<'result'>): Case[] {
  return [
    { name: 'ok', type: ok },
    { name: 'err', type: error },
  ];
}

/** `{ tag, val }`, or undefined where no case is named as its type wants. */
function variantValue(argument: Argument, cases: readonly Case[], what: string): Record_ | undefined {
  const given = caseIn(argument);
  const found = given && cases.find((each) => each.name === given.name);
  if (found === undefined || (found.type === undefined) !== (given!.value === undefined)) return undefined;
  if (found.type === undefined) return { tag: found.name };
  return { tag: found.name, val: toValue(given!.value!, found.type, `${what}.${found.name}`) };
}

/** The case that an argument names: `some`, `some(1)`, `{tag: "some", val: 1}`. */
function caseIn(argument: Argument): { readonly name: string; readonly value: Argument | undefined } | undefined {
  if (argument.kind === 'case') return argument;
  const bare = nameIn(argument);
  if (bare !== undefined) return { name: bare, value: undefined };
  if (argument.kind !== 'record') return undefined;
  const tag = argument.fields.find((each) => each.name === 'tag')?.value;
  const name = tag === undefined ? undefined : nameIn(tag);
  if (name === undefined || argument.fields.some((each) => each.name !== 'tag' && each.name !== 'val'))
    return undefined;
  return { name, value: argument.fields.find((each) => each.name === 'val')?.value };
}

function nameIn(argument: Argument): string | undefined {
  return argument.kind === 'word' || argument.kind === 'text' ? argument.value : undefined;
}

function flagsValue(argument: Argument, { names }: TypeOf<'flags'>): Record_ | undefined {
  const set = new Map<string, boolean>();
  if (argument.kind === 'list') {
    for (const each of argument.items) set.set(nameIn(each) ?? '', true);
  } else if (argument.kind === 'record') {
    for (const { name, value } of argument.fields) {
      const word = value === undefined ? 'true' : nameIn(value);
      if (word !== 'true' && word !== 'false') return undefined;
      set.set(name, word === 'true');
    }
  } else return undefined;
  if ([...set.keys()].some((name) => !names.includes(name))) return undefined;
  return Object.fromEntries(names.map((name) => [camelCase(name), set.get(name) === true]));
}

/** As jco has options: the value or undefined, but `{ tag, val }` around another option. */
function optionValue(argument: Argument, { item }: TypeOf<'option'>, what: string): unknown {
  const isNone = argument.kind === 'null' || (argument.kind === 'word' && argument.value === 'none');
  if (isNone) return item.kind === 'option' ? { tag: 'none' } : undefined;
  const isSome = argument.kind === 'case' && argument.name === 'some' && argument.value !== undefined;
  const value = toValue(isSome ? argument.value! : argument, item, what);
  return item.kind === 'option' ? { tag: 'some', val: value } : value;
}

/** A value that glue gave, as text. What is not of the type comes as JavaScript has it. */
export function valueText(value: unknown, type: WitType): string {
  switch (type.kind) {
    case 'string':
      return formatText(String(value));
    case 'char':
      return `'${formatText(String(value)).slice(1, -1).replace('\\"', '"').replace("'", "\\'")}'`;
    case 'f32':
    case 'f64':
      return Number.isInteger(value) ? String(value) : formatFloat(Number(value));
    case 'list':
      return `[${itemsOf(value)
        .map((each) => valueText(each, type.item))
        .join(', ')}]`;
    case 'tuple':
      return `(${type.items.map((each, at) => valueText(itemsOf(value)[at], each)).join(', ')})`;
    case 'record':
      return `{${type.fields.map((each) => `${each.name}: ${valueText(memberOf(value, each.name), each.type)}`).join(', ')}}`;
    case 'variant':
      return variantText(value, type.cases);
    case 'result':
      return variantText(value, resultCases(type));
    case 'option': {
      const some = someOf(value, type);
      return some === undefined ? 'none' : `some(${valueText(some.value, type.item)})`;
    }
    case 'flags':
      return `{${flagsIn(value, type).join(', ')}}`;
    case 'own':
    case 'borrow':
      return `<${typeText(type)}>`;
    default:
      return String(value);
  }
}

/** A value that glue gave, for JSON: integers of 64 bits and what JSON has no number for as text, bytes as numbers. */
export function valueJson(value: unknown, type: WitType): unknown {
  switch (type.kind) {
    case 's64':
    case 'u64':
      return String(value);
    case 'f32':
    case 'f64':
      return Number.isFinite(value) ? value : formatFloat(Number(value));
    case 'list':
      return itemsOf(value).map((each) => valueJson(each, type.item));
    case 'tuple':
      return type.items.map((each, at) => valueJson(itemsOf(value)[at], each));
    case 'record':
      return Object.fromEntries(
        type.fields.map((each) => [each.name, valueJson(memberOf(value, each.name), each.type)]),
      );
    case 'variant':
      return variantJson(value, type.cases);
    case 'result':
      return variantJson(value, resultCases(type));
    case 'option': {
      const some = someOf(value, type);
      if (some === undefined) return null;
      return type.item.kind === 'option'
        ? { some: valueJson(some.value, type.item) }
        : valueJson(some.value, type.item);
    }
    case 'flags':
      return flagsIn(value, type);
    case 'own':
    case 'borrow':
      return `<${typeText(type)}>`;
    default:
      return value;
  }
}

function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) || ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<unknown>) : [];
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record_)[camelCase(name)] : undefined;
}

function someOf(value: unknown, { item }: TypeOf<'option'>): { readonly value: unknown } | undefined {
  if (item.kind !== 'option') return value === undefined || value === null ? undefined : { value };
  return memberOf(value, 'tag') === 'some' ? { value: memberOf(value, 'val') } : undefined;
}

function flagsIn(value: unknown, { names }: TypeOf<'flags'>): string[] {
  return names.filter((name) => memberOf(value, name) === true);
}

function variantText(value: unknown, cases: readonly Case[]): string {
  const found = cases.find((each) => each.name === memberOf(value, 'tag'));
  if (found?.type === undefined) return String(memberOf(value, 'tag'));
  return `${found.name}(${valueText(memberOf(value, 'val'), found.type)})`;
}

function variantJson(value: unknown, cases: readonly Case[]): unknown {
  const tag = memberOf(value, 'tag');
  const found = cases.find((each) => each.name === tag);
  return found?.type === undefined ? { tag } : { tag, val: valueJson(memberOf(value, 'val'), found.type) };
}
