/**
 * Segments: what instantiation did once is taken out, and dropping becomes a flag.
 *
 * ```
 * (data (i32.const 8) "hi")   →  passive; boot: if out of bounds trap; mark; memory.init; flag := 1
 * (elem (i32.const 0) $f)     →  passive; elements: table.init
 * data.drop 0, elem.drop 0    →  global.set $flag 1
 * memory.init, table.init     →  see the flag: a dropped segment is an empty one
 * ```
 *
 * A flag is a register like any other mutable global, so which segments are dropped belongs to the machine, not to the
 * core: no instruction ever drops a real segment. Only segments that code names by `memory.init` or `table.init` have a
 * flag that matters; others cost an unused global at most.
 */

import { ValType } from '../wasm/module.ts';
import { writeS32At, writeU32At } from '../wasm/leb.ts';
import type { ConstExpr } from '../wasm/module.ts';
import { opcodeKey } from '../wasm/opcodes.ts';
import type { ByteWriter } from '../wasm/writer.ts';
import { knownDataDroppedFlag } from './dropped-flags.ts';
import { checkRange, markRange } from './bulk.ts';
import { VOID } from './emit.ts';
import type { Assembler } from './emit.ts';
import { GUEST_AT } from './layout.ts';
import { addressValue } from './plan.ts';
import type { MemoryPlan, Plan } from './plan.ts';

const CALL = opcodeKey('call');
const I32_CONST = opcodeKey('i32.const');
const MEMORY_INIT = [0xfc, 0x08] as const;

const NO_TYPE = { params: [], results: [] };

/**
 * Appends the function that does what instantiation did to memories, then calls the start function (specification
 * 4.5.4). Undefined when there is nothing to do. To be called after the code: it sets the flags that code asked for.
 */
export function addBoot(plan: Plan): string | undefined {
  const { module, additions } = plan;
  if (module.start === undefined && !module.data.some(({ mode }) => mode === 'active')) return undefined;
  const prepare: (number | undefined)[] = plan.memories.map(() => undefined);
  for (const { mode, memory } of module.data) {
    if (mode === 'active') prepare[memory] ??= prepareHelper(plan, plan.memories[memory]!);
  }
  const boot = additions.func('fargo:boot', NO_TYPE, (code) => {
    const mayDrop = additions.registers.length > 0;
    // There can be tens of thousands.
    for (let segment = 0; segment < module.data.length; segment++) {
      const { offset, memory, contents } = module.data[segment]!;
      if (offset === undefined) continue;
      code.code.copy(module.bytes, offset.start, offset.end);
      writeActiveData(code.code, segment, memory, contents.end - contents.start, prepare[memory]!);
      const flag = mayDrop ? knownDataDroppedFlag(plan, segment) : undefined;
      if (flag !== undefined) code.op('i32.const', 1).op('global.set', flag);
    }
    if (module.start !== undefined) code.op('call', module.start);
  });
  return additions.exportAs('boot', 'func', boot);
}

/** `i32.const bytes; call $prepare; i32.const 0; i32.const bytes; memory.init`. */
function writeActiveData(out: ByteWriter, segment: number, memory: number, bytes: number, prepare: number): void {
  out.reserve(40);
  const { buffer } = out;
  let at = out.length;
  buffer[at++] = I32_CONST;
  at = writeS32At(buffer, at, bytes);
  buffer[at++] = CALL;
  at = writeU32At(buffer, at, prepare);
  buffer[at++] = I32_CONST;
  buffer[at++] = 0;
  buffer[at++] = I32_CONST;
  at = writeS32At(buffer, at, bytes);
  buffer[at++] = MEMORY_INIT[0];
  buffer[at++] = MEMORY_INIT[1];
  at = writeU32At(buffer, at, segment);
  out.length = writeU32At(buffer, at, memory);
}

/** Index of a function that checks and marks the range of an active segment and returns its shifted address. */
function prepareHelper(plan: Plan, memory: MemoryPlan): number {
  const { address, index } = memory;
  const value = addressValue(address);
  const type = { params: [value, ValType.i32], results: [value] };
  return plan.additions.sharedFunc(`fargo:prepare${index}`, type, (code) => {
    const to = { local: 0, type: address };
    const length = { local: 1, type: 'i32' as const };
    checkRange(code, memory, to, length);
    code.text(`local.get ${length.local} if ${VOID}`);
    markRange(code, memory, to, length);
    code.text(`end local.get ${to.local} ${address}.const ${GUEST_AT} ${address}.add`);
  });
}

/** Appends the function that puts active element segments into their tables, in order. Undefined when there is none. */
export function addElements(plan: Plan): string | undefined {
  const { module, additions } = plan;
  if (!module.elements.some(({ mode }) => mode === 'active')) return undefined;
  const elements = additions.func('fargo:elements', NO_TYPE, (code) => {
    for (const [index, { mode, table, offset, items }] of module.elements.entries()) {
      if (mode !== 'active') continue;
      const count = items.kind === 'functions' ? items.indices.length : items.expressions.length;
      pushConstant(plan, code, offset);
      code.op('i32.const', 0).op('i32.const', count).op('table.init', index, table);
    }
  });
  return additions.exportAs('elements', 'func', elements);
}

function pushConstant(plan: Plan, code: Assembler, expression: ConstExpr | undefined): void {
  if (expression !== undefined) code.raw(plan.module.bytes, expression.start, expression.end);
}
