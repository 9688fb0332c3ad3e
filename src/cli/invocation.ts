/**
 * From an expression to a call: arguments by the export's type, strings through the guest's own allocator.
 *
 * | type | argument |
 * |---|---|
 * | i32 | a whole number from -2^31 to 2^32 - 1, or a string: the address of its UTF-8 bytes and a NUL, freed after the call |
 * | i64 | a whole number from -2^63 to 2^64 - 1 |
 * | f32, f64 | any number |
 * | v128 | a whole number from 0 to 2^128 - 1 |
 * | funcref, externref | null |
 */

import { FargoError } from '../base/errors.ts';
import type { ExportMeta, ModuleMeta } from '../instrument/meta.ts';
import type { MemoryDoor } from '../machine/device.ts';
import type { Outcome } from '../machine/outcome.ts';
import { ValType, type FuncType, type ValTypeCode } from '../wasm/module.ts';
import { formatArgument, type Argument, type Expression } from './expression.ts';
import { formatFuncType, formatType } from './format.ts';

/** What can be called: a machine, or a plain instance that it is compared with. */
export interface Target {
  tryCall(name: string, ...args: readonly unknown[]): Outcome<unknown>;
  readonly memory: Pick<MemoryDoor, 'write'>;
}

/** What the command line may call of a guest. */
export interface GuestCalls {
  /** Checks an expression against the exports. @throws FargoError `no-export`, `bad-argument` */
  bind(expression: Expression): Invocation;
  /** What is run of a command; undefined for a guest that is none. */
  readonly command: string | undefined;
  /** Under which name a command has it. */
  readonly commandName: string;
  /** Functions that can be called. */
  readonly functions: readonly string[];
}

/** What a function of a component gave, in the ways in which it is shown. */
export interface Result {
  readonly text: string;
  readonly json: unknown;
  /** Whether it is the error of a `result`. */
  readonly isError: boolean;
}

/** The calls of a core module. */
export function callsOfModule(meta: ModuleMeta): GuestCalls {
  const functions = meta.exports.filter((each) => each.kind === 'func').map((each) => each.name);
  return {
    bind: (expression) => bindExpression(expression, meta),
    command: functions.find((name) => name === '_start'),
    commandName: '_start',
    functions,
  };
}

/** A call that was checked against the export's type. */
export interface Invocation {
  readonly expression: Expression;
  /** Of the export. */
  readonly name: string;
  /** Arguments that it takes. */
  readonly arity: number;
  /** How the call ended; a trap or exit of the allocator ends it too. @throws FargoError `limit`: no room for a string */
  run(target: Target): Outcome<unknown>;
}

/** Checks an expression against a module's exports. @throws FargoError `no-export`, `bad-argument` */
export function bindExpression(expression: Expression, meta: ModuleMeta): Invocation {
  const { name, args } = expression;
  const type = functionOf(meta, name);
  if (args.length !== type.params.length) {
    const taken = type.params.length === 1 ? '1 argument' : `${type.params.length} arguments`;
    throw new FargoError('bad-argument', `${name}${formatFuncType(type)} takes ${taken}; ${args.length} given`);
  }
  const values = args.map((argument, index) =>
    valueOf(argument, type.params[index]!, `argument ${index + 1} of ${name}`),
  );
  const texts: { index: number; bytes: Uint8Array }[] = [];
  args.forEach((argument, index) => {
    if (argument.kind === 'text') texts.push({ index, bytes: new TextEncoder().encode(`${argument.value}\0`) });
  });
  const arity = args.length;
  if (texts.length === 0) return { expression, name, arity, run: (target) => target.tryCall(name, ...values) };
  requireAllocator(meta);
  return { expression, name, arity, run: (target) => runWithTexts(target, { name, values, texts }) };
}

/** The type of an exported function. @throws FargoError `no-export` that lists what there is */
function functionOf(meta: ModuleMeta, name: string): FuncType {
  const found = meta.exports.find((each) => each.name === name);
  if (found?.kind === 'func') return found.type;
  const functions = meta.exports.filter((each): each is ExportMeta & { kind: 'func' } => each.kind === 'func');
  const listed = functions.slice(0, 12).map((each) => `${each.name}${formatFuncType(each.type)}`);
  if (functions.length > listed.length) listed.push(`and ${functions.length - listed.length} more`);
  const there = functions.length === 0 ? 'it exports no function' : `there are ${listed.join(', ')}`;
  const what =
    found === undefined ? `no export ${JSON.stringify(name)}` : `the export ${JSON.stringify(name)} is a ${found.kind}`;
  throw new FargoError('no-export', `${what}; ${there}`);
}

function valueOf(argument: Argument, type: ValTypeCode, what: string): unknown {
  const value = convert(argument, type);
  if (value !== undefined) return value;
  const given = argument.kind === 'text' ? 'a string' : formatArgument(argument);
  throw new FargoError('bad-argument', `${what} is ${given}; ${formatType(type)} takes ${ALLOWED.get(type) ?? 'null'}`);
}

const ALLOWED: ReadonlyMap<ValTypeCode, string> = new Map([
  [ValType.i32, 'a whole number from -2147483648 to 4294967295, or a string'],
  [ValType.i64, 'a whole number from -2^63 to 2^64 - 1'],
  [ValType.f32, 'a number'],
  [ValType.f64, 'a number'],
  [ValType.v128, 'a whole number from 0 to 2^128 - 1'],
]);

/** The value that the engine takes, or undefined when the type does not allow the argument. 0 stands in for a string. */
function convert(argument: Argument, type: ValTypeCode): unknown {
  const { kind } = argument;
  switch (type) {
    case ValType.i32:
      if (kind === 'text') return 0;
      return kind === 'integer' && within(argument.value, -(1n << 31n), 1n << 32n) ? Number(argument.value) : undefined;
    case ValType.i64:
      return kind === 'integer' && within(argument.value, -(1n << 63n), 1n << 64n) ? argument.value : undefined;
    case ValType.f32:
    case ValType.f64:
      return kind === 'integer' || kind === 'float' ? Number(argument.value) : undefined;
    case ValType.v128:
      return kind === 'integer' && within(argument.value, 0n, 1n << 128n) ? bytesOf128(argument.value) : undefined;
    default:
      return kind === 'null' ? null : undefined;
  }
}

function within(value: bigint, from: bigint, below: bigint): boolean {
  return value >= from && value < below;
}

function bytesOf128(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
}

function requireAllocator(meta: ModuleMeta): void {
  for (const [name, results] of [
    ['malloc', 1],
    ['free', 0],
  ] as const) {
    const found = meta.exports.find((each) => each.name === name);
    const fits =
      found?.kind === 'func' &&
      found.type.params.length === 1 &&
      found.type.params[0] === ValType.i32 &&
      found.type.results.length === results;
    if (!fits) {
      throw new FargoError(
        'no-export',
        `a string needs the guest's exports malloc(i32) -> i32 and free(i32); ${name} is missing or other`,
      );
    }
  }
}

interface TextCall {
  readonly name: string;
  readonly values: readonly unknown[];
  readonly texts: readonly { readonly index: number; readonly bytes: Uint8Array }[];
}

function runWithTexts(target: Target, { name, values, texts }: TextCall): Outcome<unknown> {
  const filled = [...values];
  for (const { index, bytes } of texts) {
    const allocated = target.tryCall('malloc', bytes.length);
    if (allocated.kind !== 'return') return allocated;
    const address = (allocated.value as number) >>> 0;
    if (address === 0) throw new FargoError('limit', `the guest's allocator has no room for ${bytes.length} bytes`);
    target.memory.write(address, bytes);
    filled[index] = address;
  }
  const outcome = target.tryCall(name, ...filled);
  if (outcome.kind !== 'return') return outcome;
  for (const { index } of texts) {
    const freed = target.tryCall('free', filled[index]);
    if (freed.kind !== 'return') return freed;
  }
  return outcome;
}

/** A result for people: `42`, `(1, 2)`, nothing for no result. */
export function formatResult(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return `(${value.map(formatResult).join(', ')})`;
  if (isResult(value)) return value.text;
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).reverse().toString('hex')}`;
  if (value === null || typeof value === 'number' || typeof value === 'bigint') return String(value);
  return typeof value === 'string' ? JSON.stringify(value) : `[${typeof value}]`;
}

/** A result for machines: numbers as such, i64 and what JSON has no number for as text. */
export function resultToJson(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (isResult(value)) return value.json;
  if (Array.isArray(value)) return value.map(resultToJson);
  return typeof value === 'number' && Number.isFinite(value) ? value : formatResult(value);
}

/** Whether a value is that of a component's function. */
export function isResult(value: unknown): value is Result {
  return typeof value === 'object' && value !== null && 'isError' in value;
}
