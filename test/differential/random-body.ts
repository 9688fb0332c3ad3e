/**
 * Random function bodies, valid by construction: typed expression trees with statements between, so that operands lie
 * beneath blocks, loops and calls.
 *
 * - Nothing runs forever: fuel is counted at every entry and every round of a loop. So no call exhausts the stack either.
 * - What makes a NaN is followed by code that gives it the canonical bits: which bits it has is not specified (4.3.3).
 * - Operands that may trap are mostly tamed: where every call traps early, little is tested.
 */

import { opcodeKey } from '../../src/wasm/opcodes.ts';
import type { Random } from '../instrument/random-code.ts';
import { BodyCode } from './body-code.ts';
import { COMPUTATIONS, lanesOf, READS, WRITES, type Access, type Operation } from './operations.ts';
import { NUMBER_TYPES, typeCode, type Shape, type Signature, type Type } from './types.ts';

const PAGE = 4096;
const WASM_PAGE = 65_536;
const ADDRESS_LOCALS = 3;
const OFFSETS = [0, 0, 0, 0, 1, 2, 4, 8, 12, 16, 24, 32, 40, 48, 60, 63, 64, 65, 100, 128, 4080, 4090, 4095, 4096];
const WILD_OFFSETS = [
  0xffff_ffff,
  0xfff0_0000,
  0xffef_ffff,
  0x7fff_ffff,
  0x10_0000,
  0xf_ffff,
  WASM_PAGE,
  8 * WASM_PAGE,
];
const WILD_NUMBERS = [-1, -4, -16, -0x8000_0000, 0x7fff_ffff, -0x10_0000, 0x10_0000, 0x20_0000, -PAGE, -WASM_PAGE];

const PLAIN_STORES = WRITES.filter(({ atomic, immediate }) => !atomic && immediate === 'memarg');

interface Label {
  readonly types: readonly Type[];
  /** Whether this is a handler, where `rethrow` may name it. */
  caught: boolean;
  /** Whether this is the part of a `try` that it guards. */
  readonly isTry?: boolean;
}

/**
 * Whether an exception may be delegated to any block: `(func (block (try (do) (delegate 0))))`. JavaScriptCore wants a
 * `try` or the function.
 */
const DELEGATES_ANYWHERE = WebAssembly.validate(
  Uint8Array.of(
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0],
    ...[10, 11, 1, 9, 0, 0x02, 0x40, 0x06, 0x40, 0x18, 0, 0x0b, 0x0b],
  ),
);

/** The code entry of function `index` (locals and instructions, without its size). */
export function randomBody(random: Random, shape: Shape, options: { index: number; size: number }): Uint8Array {
  return new Body(random, shape, options).bytes();
}

class Body {
  readonly #random: Random;
  readonly #shape: Shape;
  readonly #signature: Signature;
  readonly #out: BodyCode;
  readonly #addresses: number[] = [];
  /** Locals that count rounds. */
  readonly #counters = new Set<number>();
  readonly #labels: Label[];
  /** Instructions that may still be added, about. */
  #left: number;

  constructor(random: Random, shape: Shape, { index, size }: { index: number; size: number }) {
    this.#random = random;
    this.#shape = shape;
    this.#signature = shape.functions[index]!;
    this.#out = new BodyCode(random, this.#signature.params);
    this.#labels = [{ types: this.#signature.results, caught: false }];
    this.#left = 10 + 20 * size;
  }

  bytes(): Uint8Array {
    const { results } = this.#signature;
    this.#enter();
    this.#statements(4);
    for (const type of results) this.#expression(type, 3);
    this.#out.op('end');
    return this.#out.finish();
  }

  /** Counts fuel, and gives the locals that addresses start from their values. */
  #enter(): void {
    const { params, results } = this.#signature;
    this.#burn();
    this.#out.op('if', -0x40);
    for (const type of results) this.#out.zero(type);
    this.#out.op('return').op('end');
    for (let i = 0; i < ADDRESS_LOCALS; i++) {
      const local = this.#out.local('i32');
      this.#addresses.push(local);
      const from = params.indexOf('i32', i);
      if (from >= 0) this.#out.op('local.get', from).op('i32.const', this.#addressMask()).op('i32.and');
      else this.#out.op('i32.const', this.#random.below(this.#addressMask() + 1));
      this.#out.op('local.set', local);
    }
    for (const type of NUMBER_TYPES) {
      if (!this.#random.chance(60)) continue;
      this.#leaf(type);
      this.#out.op('local.set', this.#out.local(type));
    }
  }

  /** One unit of fuel less; leaves whether there was none. */
  #burn(): void {
    const { fuel } = this.#shape;
    this.#out.op('global.get', fuel).op('i32.const', 1).op('i32.sub').op('global.set', fuel);
    this.#out.op('global.get', fuel).op('i32.const', 0).op('i32.le_s');
  }

  // Statements: leave nothing.

  #statements(depth: number): void {
    const count = 1 + this.#random.below(5);
    for (let i = 0; i < count; i++) this.#statement(depth);
  }

  #statement(depth: number): void {
    const random = this.#random;
    if (this.#left-- <= 0) return;
    const roll = random.below(100);
    if (roll < 24 || depth <= 0) this.#write(depth);
    else if (roll < 30) this.#cluster();
    else if (roll < 36) this.#bulk(depth);
    else if (roll < 45) this.#setVariable(depth);
    else if (roll < 50) this.#advance();
    else if (roll < 55) this.#if([], depth);
    else if (roll < 60) this.#loop([], depth);
    else if (roll < 63) this.#block([], depth);
    else if (roll < 67) this.#try([], depth);
    else if (roll < 75) this.#branch(depth);
    else if (roll < 82) this.#callAny(depth);
    else if (roll < 90) this.#table(depth);
    else if (roll < 93) this.#operandsBelow(depth);
    else if (roll < 95) this.#throw(depth);
    else if (roll < 96) this.#if([], depth, () => this.#tailCall());
    else if (roll < 97) this.#leaveRarely();
    else if (roll < 98) this.#out.op('atomic.fence');
    else {
      this.#expression(random.pick(this.#shape.globals).type, depth - 1);
      this.#out.op('drop');
    }
  }

  #write(depth: number): void {
    this.#access(this.#random.pick(WRITES), depth);
  }

  /** Stores off one local, near each other: those that may share marks. */
  #cluster(): void {
    const random = this.#random;
    const local = random.pick(this.#addresses);
    if (random.chance(50)) this.#out.op('i32.const', this.#edge()).op('local.set', local);
    const reach = random.pick([40, 80, 200]);
    for (let i = 2 + random.below(4); i > 0; i--) {
      const store = random.pick(PLAIN_STORES);
      this.#out.op('local.get', local);
      this.#out.constant(store.pops[0]!);
      this.#out.code.opcode(store.key);
      this.#out.code.u32(0);
      this.#out.code.u32(random.below(reach));
    }
  }

  #setVariable(depth: number): void {
    const random = this.#random;
    const globals = this.#shape.globals.flatMap(({ mutable }, i) => (mutable && i !== this.#shape.fuel ? [i] : []));
    if (random.chance(40) && globals.length > 0) {
      const global = random.pick(globals);
      this.#expression(this.#shape.globals[global]!.type, depth - 1);
      this.#out.op('global.set', global);
      return;
    }
    const local = random.below(this.#out.locals.length);
    if (this.#addresses.includes(local)) {
      if (random.chance(50)) this.#out.op('i32.const', this.#edge());
      else this.#maskedAddress(depth - 1);
    } else if (this.#counters.has(local)) return;
    else this.#expression(this.#out.locals[local]!, depth - 1);
    this.#out.op('local.set', local);
  }

  #advance(): void {
    const local = this.#random.pick(this.#addresses);
    const step = this.#random.pick([1, 8, 64, PAGE, PAGE, 2 * PAGE, -8, -PAGE]);
    this.#out.op('local.get', local).op('i32.const', step).op('i32.add').op('local.set', local);
  }

  #bulk(depth: number): void {
    const random = this.#random;
    const { dataSegments } = this.#shape;
    const which = random.below(10);
    if (which < 4) {
      this.#address(depth - 1);
      this.#expression('i32', depth - 2);
      this.#length();
      this.#out.op('memory.fill', 0);
    } else if (which < 7) {
      this.#address(depth - 1);
      this.#address(depth - 1);
      this.#length();
      this.#out.op('memory.copy', 0, 0);
    } else if (which < 9 && dataSegments > 0) {
      this.#address(depth - 1);
      this.#out
        .op('i32.const', random.below(this.#wild() ? 100 : 3))
        .op('i32.const', random.below(this.#wild() ? 100 : 4));
      this.#out.op('memory.init', random.below(dataSegments), 0);
    } else if (which === 9 && dataSegments > 0 && random.chance(30)) {
      this.#out.op('data.drop', random.below(dataSegments));
    } else {
      this.#grow();
      this.#out.op('drop');
    }
  }

  #table(depth: number): void {
    const random = this.#random;
    const table = random.chance(70) ? 0 : 1;
    const type = table === 0 ? 'funcref' : 'externref';
    const segments = this.#shape.elementSegments.flatMap((each, i) => (each === type ? [i] : []));
    const which = random.below(8);
    if (which < 3) {
      this.#tableIndex(table);
      this.#expression(type, depth - 1);
      this.#out.op('table.set', table);
    } else if (which < 4) {
      this.#tableIndex(table);
      this.#expression(type, depth - 1);
      this.#out.op('i32.const', random.below(3)).op('table.fill', table);
    } else if (which < 5) {
      this.#tableIndex(table);
      this.#tableIndex(table);
      this.#out.op('i32.const', random.below(3)).op('table.copy', table, table);
    } else if (which < 6 && segments.length > 0) {
      this.#tableIndex(table);
      this.#out.op('i32.const', random.below(2)).op('i32.const', random.below(this.#wild() ? 9 : 2));
      this.#out.op('table.init', random.pick(segments), table);
    } else if (which < 7 && segments.length > 0 && random.chance(20)) {
      this.#out.op('elem.drop', random.pick(segments));
    } else {
      this.#growTable(table);
      this.#out.op('drop');
    }
  }

  #branch(depth: number): void {
    const random = this.#random;
    const { label, types } = this.#target();
    const roll = random.below(20);
    if (roll < 10) {
      for (const type of types) this.#expression(type, depth - 2);
      this.#condition();
      this.#out.op('br_if', label);
      for (let i = 0; i < types.length; i++) this.#out.op('drop');
    } else if (roll < 18) {
      this.#if([], depth, () => this.#jump(depth - 1));
    } else if (roll === 18 && depth < 3) {
      // What follows in this block is dead, and still must be valid.
      this.#jump(depth - 1);
    } else {
      this.#if([], depth, () => {
        for (const type of this.#signature.results) this.#expression(type, depth - 2);
        this.#out.op('return');
      });
    }
  }

  #jump(depth: number): void {
    const random = this.#random;
    const { label, types } = this.#target();
    for (const type of types) this.#expression(type, depth - 1);
    if (random.chance(50)) {
      this.#out.op('br', label);
      return;
    }
    const same = this.#labels.flatMap((each, i) =>
      each.types.join() === types.join() ? [this.#labels.length - 1 - i] : [],
    );
    this.#expression('i32', 1);
    this.#out.op('i32.const', 3).op('i32.and');
    this.#out.code.opcode(opcodeKey('br_table'));
    this.#out.code.vector(
      Array.from({ length: random.below(4) }, () => random.pick(same)),
      (each) => this.#out.code.u32(each),
    );
    this.#out.code.u32(label);
  }

  #target(): { label: number; types: readonly Type[] } {
    const label = this.#random.below(this.#labels.length);
    return { label, types: this.#labels[this.#labels.length - 1 - label]!.types };
  }

  #callAny(depth: number): void {
    const { functions, importedFunctions } = this.#shape;
    const random = this.#random;
    const callee = random.chance(50) ? random.below(importedFunctions) : random.below(functions.length);
    this.#call(callee, depth);
    for (let i = functions[callee]!.results.length; i > 0; i--) this.#out.op('drop');
  }

  /** A block that takes operands and gives several values; all that is beneath stays. */
  #operandsBelow(depth: number): void {
    const random = this.#random;
    const params = Array.from({ length: random.below(3) }, () => random.pick(NUMBER_TYPES));
    const results = Array.from({ length: random.below(3) }, () => random.pick(NUMBER_TYPES));
    for (const type of params) this.#expression(type, depth - 1);
    this.#out.op('block', this.#shape.types.index(params, results));
    this.#labels.push({ types: results, caught: false });
    for (const type of params.toReversed()) this.#out.op('local.set', this.#anyLocal(type));
    this.#statements(depth - 1);
    for (const type of results) this.#expression(type, depth - 1);
    this.#labels.pop();
    this.#out.op('end');
    this.#write(depth - 1);
    for (const type of results.toReversed()) this.#out.op('local.set', this.#anyLocal(type));
  }

  #throw(depth: number): void {
    const random = this.#random;
    this.#if([], depth, () => {
      const caught = this.#labels.flatMap(({ caught: is }, i) => (is ? [this.#labels.length - 1 - i] : []));
      if (caught.length > 0 && random.chance(50)) {
        this.#out.op('rethrow', random.pick(caught));
        return;
      }
      const tag = random.below(this.#shape.tags.length);
      for (const type of this.#shape.tags[tag]!) this.#expression(type, depth - 2);
      this.#out.op('throw', tag);
    });
  }

  #tailCall(): void {
    const { functions, importedFunctions } = this.#shape;
    const same = functions.flatMap(({ results }, i) =>
      i >= importedFunctions && results.join() === this.#signature.results.join() ? [i] : [],
    );
    const callee = this.#random.pick(same);
    const { params, results } = functions[callee]!;
    for (const type of params) this.#expression(type, 1);
    if (this.#wild()) {
      this.#tableIndex(0);
      this.#out.op('return_call_indirect', this.#shape.types.index(params, results), 0);
    } else this.#out.op('return_call', callee);
  }

  #leaveRarely(): void {
    if (!this.#wild(20)) return;
    this.#if([], 1, () => this.#out.op('unreachable'));
  }

  // Control: leave values of `types`.

  #block(types: readonly Type[], depth: number): void {
    this.#out.op('block', this.#blockType(types));
    this.#inside(types, depth);
    this.#out.op('end');
  }

  #if(types: readonly Type[], depth: number, then?: () => void): void {
    this.#condition();
    this.#out.op('if', this.#blockType(types));
    if (then === undefined) this.#inside(types, depth);
    else {
      this.#labels.push({ types, caught: false });
      then();
      this.#labels.pop();
    }
    if (then === undefined && (types.length > 0 || this.#random.chance(50))) {
      this.#out.op('else');
      this.#inside(types, depth);
    }
    this.#out.op('end');
  }

  /** Some rounds, values of `types` go round with them. */
  #loop(types: readonly Type[], depth: number): void {
    const counter = this.#out.local('i32');
    this.#counters.add(counter);
    this.#out.op('i32.const', 1 + this.#random.below(4)).op('local.set', counter);
    for (const type of types) this.#expression(type, depth - 1);
    const type = types.length === 0 ? -0x40 : this.#shape.types.index(types, types);
    this.#out.op('block', type);
    this.#labels.push({ types, caught: false });
    this.#out.op('loop', type);
    this.#labels.push({ types, caught: false });
    this.#burn();
    this.#out.op('br_if', 1);
    this.#statements(depth - 1);
    if (this.#random.chance(50)) this.#advance();
    if (this.#random.chance(50)) {
      for (let i = 0; i < types.length; i++) this.#out.op('drop');
      for (const each of types) this.#expression(each, depth - 1);
    }
    this.#out.op('local.get', counter).op('i32.const', 1).op('i32.sub').op('local.tee', counter).op('br_if', 0);
    this.#labels.pop();
    this.#out.op('end');
    this.#labels.pop();
    this.#out.op('end');
  }

  #try(types: readonly Type[], depth: number): void {
    const random = this.#random;
    this.#out.op('try', this.#blockType(types));
    this.#inside(types, depth, { isTry: true });
    const how = random.below(8);
    if (how === 0) {
      this.#out.op('delegate', this.#delegateTo(random.below(this.#labels.length)));
      return;
    }
    if (how < 5) {
      const tag = random.below(this.#shape.tags.length);
      this.#out.op('catch', tag);
      for (const type of this.#shape.tags[tag]!.toReversed()) this.#out.op('local.set', this.#anyLocal(type));
      this.#inside(types, depth, { caught: true });
    }
    if (how > 3) {
      this.#out.op('catch_all');
      this.#inside(types, depth, { caught: true });
    }
    this.#out.op('end');
  }

  /** A label as it was drawn, or the next one outside of it that the engine allows: it means the same. */
  #delegateTo(label: number): number {
    const at = (distance: number): Label => this.#labels[this.#labels.length - 1 - distance]!;
    if (DELEGATES_ANYWHERE) return label;
    let to = label;
    while (at(to).isTry !== true && to < this.#labels.length - 1) to++;
    return to;
  }

  #inside(types: readonly Type[], depth: number, { caught = false, isTry = false } = {}): void {
    this.#labels.push({ types, caught, isTry });
    this.#statements(depth - 1);
    for (const type of types) this.#expression(type, depth - 1);
    this.#labels.pop();
  }

  #blockType(types: readonly Type[]): number {
    if (types.length === 0) return -0x40;
    if (types.length > 1 || this.#random.chance(30)) return this.#shape.types.index([], types);
    return typeCode(types[0]!) - 0x80;
  }

  // Expressions: leave one value.

  #expression(type: Type, depth: number): void {
    const random = this.#random;
    if (type === 'funcref' || type === 'externref') {
      this.#reference(type, depth);
      return;
    }
    if (this.#left-- <= 0 || depth <= 0) {
      this.#leaf(type);
      return;
    }
    const roll = random.below(100);
    if (roll < 38) this.#compute(type, depth);
    else if (roll < 56) this.#access(random.pick(READS.get(type)!), depth);
    else if (roll < 64) this.#leaf(type);
    else if (roll < 69) this.#block([type], depth);
    else if (roll < 73) this.#if([type], depth);
    else if (roll < 76) this.#loop([type], depth);
    else if (roll < 79) this.#try([type], depth);
    else if (roll < 86) this.#callFor(type, depth);
    else if (roll < 90) this.#select(type, depth);
    else if (roll < 95) {
      this.#expression(type, depth - 1);
      this.#out.op('local.tee', this.#anyLocal(type));
    } else if (type === 'i32') this.#measure(depth);
    else this.#compute(type, depth);
  }

  #leaf(type: Type): void {
    const random = this.#random;
    const globals = this.#shape.globals.flatMap((each, i) => (each.type === type && i !== this.#shape.fuel ? [i] : []));
    const roll = random.below(10);
    if (roll < 2 && globals.length > 0) this.#out.op('global.get', random.pick(globals));
    else if (roll < 6) this.#out.op('local.get', this.#anyLocal(type));
    else this.#out.constant(type);
  }

  #compute(type: Type, depth: number): void {
    const operation = this.#random.pick(COMPUTATIONS.get(type)!);
    const last = operation.pops.length - 1;
    operation.pops.forEach((pop, i) => {
      this.#expression(pop, depth - 1);
      if (i !== last || operation.traps === undefined || this.#wild(4)) return;
      if (operation.traps === 'divisor') this.#out.op(`${pop}.const`, 1).op(`${pop}.or`);
      else this.#out.tameFloat(pop as 'f32' | 'f64');
    });
    this.#out.code.opcode(operation.key);
    this.#lanes(operation);
    if (operation.floats !== undefined) this.#out.canonical(operation.floats);
  }

  #lanes(operation: Operation): void {
    if (operation.immediate === 'lane' || operation.immediate === 'memargLane') {
      this.#out.code.u8(this.#random.below(lanesOf(operation.name)));
    } else if (operation.immediate === 'shuffle') {
      for (let i = 0; i < 16; i++) this.#out.code.u8(this.#random.below(32));
    }
  }

  #access(access: Access, depth: number): void {
    const random = this.#random;
    this.#address(depth - 1);
    const natural = Math.log2(access.bytes);
    const wildOffset = this.#wild() && random.chance(40);
    let offset = wildOffset ? random.pick(WILD_OFFSETS) : random.pick(OFFSETS);
    if (access.atomic && !this.#wild()) {
      this.#out.op('i32.const', -access.bytes).op('i32.and');
      if (!wildOffset) offset -= offset % access.bytes;
    }
    for (const type of access.pops) this.#expression(type, depth - 1);
    this.#out.code.opcode(access.key);
    this.#out.code.u32(access.atomic ? natural : random.below(natural + 1));
    this.#out.code.u32(offset);
    this.#lanes(access);
  }

  #callFor(type: Type, depth: number): void {
    const { functions } = this.#shape;
    const fitting = functions.flatMap(({ results }, i) => (results.length === 1 && results[0] === type ? [i] : []));
    if (fitting.length === 0) this.#leaf(type);
    else this.#call(this.#random.pick(fitting), depth);
  }

  /** Directly, or through the table: then it traps where another function stands, or none. */
  #call(callee: number, depth: number): void {
    const { params, results } = this.#shape.functions[callee]!;
    for (const type of params) this.#expression(type, depth - 2);
    if (this.#random.chance(5) || this.#wild()) {
      this.#tableIndex(0);
      this.#out.op('call_indirect', this.#shape.types.index(params, results), 0);
    } else this.#out.op('call', callee);
  }

  #select(type: Type, depth: number): void {
    this.#expression(type, depth - 1);
    this.#expression(type, depth - 1);
    this.#condition();
    if (this.#random.chance(50)) {
      this.#out.op('select');
      return;
    }
    this.#out.code.opcode(opcodeKey('select_t'));
    this.#out.code.vector([type], (each) => this.#out.code.u8(typeCode(each)));
  }

  /** What memory and tables say of themselves. */
  #measure(depth: number): void {
    const random = this.#random;
    const roll = random.below(6);
    if (roll === 0) this.#out.op('memory.size', 0);
    else if (roll === 1) this.#grow();
    else if (roll === 2) this.#out.op('table.size', random.below(2));
    else if (roll === 3) this.#growTable(random.below(2) as 0 | 1);
    else {
      this.#expression(random.pick(['funcref', 'externref']), depth - 1);
      this.#out.op('ref.is_null');
    }
  }

  #grow(): void {
    const random = this.#random;
    this.#out
      .op('i32.const', random.chance(80) ? random.below(2) : random.pick([2, 65_537, -1, -65_536]))
      .op('memory.grow', 0);
  }

  #growTable(table: 0 | 1): void {
    const random = this.#random;
    this.#expression(table === 0 ? 'funcref' : 'externref', 1);
    this.#out.op('i32.const', random.chance(90) ? random.below(3) : -1).op('table.grow', table);
  }

  #reference(type: 'funcref' | 'externref', depth: number): void {
    const random = this.#random;
    const { functions, globals } = this.#shape;
    const table = type === 'funcref' ? 0 : 1;
    const variables = globals.flatMap((each, i) => (each.type === type ? [i] : []));
    const roll = random.below(10);
    if (roll < 2) this.#out.zero(type);
    else if (roll < 4 && variables.length > 0) this.#out.op('global.get', random.pick(variables));
    else if (roll < 6) {
      this.#tableIndex(table);
      this.#out.op('table.get', table);
    } else if (roll < 7 && depth > 1) this.#block([type], depth - 1);
    else if (roll < 8) this.#out.op('local.get', this.#anyLocal(type));
    else if (type === 'funcref') this.#out.op('ref.func', random.below(functions.length));
    else {
      const makers = functions.flatMap(({ results }, i) => (results.length === 1 && results[0] === type ? [i] : []));
      this.#call(random.pick(makers), depth);
    }
  }

  // Operands.

  /** An i32 that is an address, mostly within the memory. */
  #address(depth: number): void {
    const random = this.#random;
    if (this.#wild()) {
      if (random.chance(50)) this.#out.op('i32.const', random.pick(WILD_NUMBERS));
      else this.#expression('i32', depth);
      return;
    }
    const roll = random.below(100);
    if (roll < 55) this.#out.op('local.get', random.pick(this.#addresses));
    else if (roll < 75) this.#out.op('i32.const', this.#edge());
    else if (roll < 85) {
      const local = random.pick(this.#addresses);
      this.#out
        .op('local.get', local)
        .op('i32.const', random.pick([1, 8, 16, 64, 4095, PAGE]))
        .op('i32.add');
      if (random.chance(30)) this.#out.op('local.tee', local);
    } else {
      this.#maskedAddress(depth - 1);
      if (random.chance(40)) this.#out.op('local.tee', random.pick(this.#addresses));
    }
  }

  #maskedAddress(depth: number): void {
    this.#expression('i32', depth);
    this.#out.op('i32.const', this.#addressMask()).op('i32.and');
  }

  #addressMask(): number {
    return Math.max(1, this.#shape.memoryPages) * 0x8000 - 1;
  }

  /** Close to the edge of a page or, seldom, of the memory. */
  #edge(): number {
    const random = this.#random;
    const end = this.#shape.memoryPages * WASM_PAGE;
    if (random.chance(10)) return Math.max(0, end - random.pick(this.#wild() ? [0, 1, 2, 3, 7] : [8, 16, 17, 64]));
    return Math.max(0, random.below(Math.max(1, end / PAGE / 2)) * PAGE + random.below(36) - 18);
  }

  #length(): void {
    const random = this.#random;
    if (this.#wild()) this.#expression('i32', 1);
    else this.#out.op('i32.const', random.pick([0, 1, 3, 16, 63, 64, 65, 200, 1000, PAGE - 1, PAGE, PAGE + 70, 9000]));
  }

  #tableIndex(table: 0 | 1): void {
    const random = this.#random;
    if (this.#wild()) this.#expression('i32', 1);
    else this.#out.op('i32.const', random.below(Math.max(1, this.#shape.tableEntries[table] - 2)));
  }

  #condition(): void {
    this.#expression('i32', 1);
    if (this.#random.chance(70)) this.#out.op('i32.const', 1 << this.#random.below(3)).op('i32.and');
  }

  #wild(factor = 1): boolean {
    return this.#random.below(1000) < 10 * factor * this.#shape.wildPercent;
  }

  // Locals and bytes.

  /** A local of the type that code may write: not one that counts rounds. */
  #anyLocal(type: Type): number {
    const fitting = this.#out.locals.flatMap((each, i) =>
      each === type && !this.#counters.has(i) && !this.#addresses.includes(i) ? [i] : [],
    );
    return fitting.length === 0 ? this.#out.local(type) : this.#random.pick(fitting);
  }
}
