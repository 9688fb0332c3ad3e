/**
 * The slow twin of a machine: it copies everything, always, and knows nothing of pages. `guest.wat` as plain arrays.
 */

import type { TrapKind } from '../../src/machine/outcome.ts';

export const WASM_PAGE = 65_536;
export const PAGES_MAX = 6;
const FUNCTIONS_MAX = 20;
const THINGS_MAX = 12;

/** A call of one export, and how the guest ends after it: see `$end` in guest.wat. */
export interface Op {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly end: number;
  /** What the host does within the call, where `end` is {@link SCRIPT}. */
  readonly script: readonly (Op | HostWrite)[];
}

/** A write of a host function through the door it was given. */
export interface HostWrite {
  readonly at: number;
  readonly bytes: Uint8Array;
}

export const SCRIPT = 10;
export const EXIT_CODE = 7;

export type ModelOutcome =
  | { readonly kind: 'return'; readonly value: unknown }
  | { readonly kind: 'trap'; readonly trap: readonly TrapKind[] }
  | { readonly kind: 'exit' };

class ModelTrap extends Error {
  readonly kinds: readonly TrapKind[];
  constructor(...kinds: TrapKind[]) {
    super(kinds.join());
    this.kinds = kinds;
  }
}

class ModelExit extends Error {}

const SEGMENT = new TextEncoder().encode('a passive segment, as long as it takes to straddle');
/** The passive element segment, by number of function. */
const ELEMENTS = [3, 0, 1, 2];

export class Model {
  memory = new Uint8Array(2 * WASM_PAGE);
  globals: { i: number; l: bigint; s: number; d: number; hidden: bigint; vector: bigint } = {
    i: 1,
    l: 2n,
    s: 3,
    d: 4,
    hidden: 5n,
    vector: 6n,
  };
  vectorHigh = 7n;
  functions: number[] = [0, 1, 2, 0, 0, 0];
  things: unknown[] = [null, null, null, null];
  keptFunction = 0;
  keptThing: unknown = null;
  dataDropped = false;
  elementsDropped = false;
  device = 0;
  pagesMax = PAGES_MAX;

  /** As the guest boots. */
  static booted(): Model {
    const model = new Model();
    model.memory.set(new TextEncoder().encode('across a boundary'), 4090);
    model.memory.set(new TextEncoder().encode('in the second page of 64 KiB'), 70_000);
    return model;
  }

  copy(): Model {
    const copy = new Model();
    copy.become(this);
    copy.pagesMax = this.pagesMax;
    return copy;
  }

  /** Takes over everything but the limits. */
  become(other: Model): void {
    this.memory = other.memory.slice();
    this.globals = { ...other.globals };
    this.vectorHigh = other.vectorHigh;
    this.functions = [...other.functions];
    this.things = [...other.things];
    this.keptFunction = other.keptFunction;
    this.keptThing = other.keptThing;
    this.dataDropped = other.dataDropped;
    this.elementsDropped = other.elementsDropped;
    this.device = other.device;
  }

  get pages(): number {
    return this.memory.length / WASM_PAGE;
  }

  /** Runs an op with its effects up to where it ends: a trap leaves what was done before it. */
  run(op: Op): ModelOutcome {
    try {
      return { kind: 'return', value: this.#nested(op) };
    } catch (error) {
      if (error instanceof ModelTrap) return { kind: 'trap', trap: error.kinds };
      if (error instanceof ModelExit) return { kind: 'exit' };
      throw error;
    }
  }

  /** A write of the host, which is refused as a whole where it does not fit. */
  write({ at, bytes }: HostWrite): boolean {
    if (at + bytes.length > this.memory.length) return false;
    this.memory.set(bytes, at);
    return true;
  }

  #nested(op: Op): unknown {
    const value = this.#act(op);
    this.#end(op);
    return value;
  }

  #act({ name, args }: Op): unknown {
    const [a, b, c] = args as [number, number, number];
    switch (name) {
      case 'nothing':
        return undefined;
      case 'store8':
        return this.#store(a, args[1] as bigint, 1);
      case 'store16':
        return this.#store(a, args[1] as bigint, 2);
      case 'store32':
        return this.#store(a, args[1] as bigint, 4);
      case 'store64':
        return this.#store(a, args[1] as bigint, 8);
      case 'store128':
        return this.#store(a, args[1] as bigint, 16);
      case 'group':
        this.#store(a + 24, args[1] as bigint, 8);
        this.#store(a + 1, args[1] as bigint, 1);
        this.#store(a + 40, args[1] as bigint, 16);
        return this.#store(a + 12, args[1] as bigint, 8);
      case 'fill':
        this.#inMemory(a, c);
        this.memory.fill(b, a, a + c);
        return undefined;
      case 'copy':
        this.#inMemory(b, c);
        this.#inMemory(a, c);
        this.memory.copyWithin(a, b, b + c);
        return undefined;
      case 'init': {
        const segment = this.dataDropped ? new Uint8Array(0) : SEGMENT;
        if (b + c > segment.length) throw new ModelTrap('out-of-bounds-memory');
        this.#inMemory(a, c);
        this.memory.set(segment.subarray(b, b + c), a);
        return undefined;
      }
      case 'dropData':
        this.dataDropped = true;
        return undefined;
      case 'grow': {
        const old = this.pages;
        // A child may be allowed less than it has: it grows by nothing then.
        if (a > 0 && old + a > this.pagesMax) return -1;
        const larger = new Uint8Array((old + a) * WASM_PAGE);
        larger.set(this.memory);
        this.memory = larger;
        return old;
      }
      case 'setGlobals': {
        const value = args[0] as bigint;
        this.globals = {
          i: Number(BigInt.asIntN(32, value)),
          l: value,
          s: Math.fround(Number(value)),
          d: Number(value),
          hidden: ~value,
          vector: value,
        };
        this.vectorHigh = value;
        return undefined;
      }
      default:
        return this.#actOnTables(name, args);
    }
  }

  #actOnTables(name: string, args: readonly unknown[]): unknown {
    const [a, b, c] = args as [number, number, number];
    const { functions, things } = this;
    switch (name) {
      case 'setFunction':
        inTable(functions, a, 1);
        functions[a] = b;
        return undefined;
      case 'growFunctions':
        return grow(functions, { count: a, value: b, max: FUNCTIONS_MAX });
      case 'fillFunctions':
        inTable(functions, a, c);
        functions.fill(b, a, a + c);
        return undefined;
      case 'copyFunctions':
        inTable(functions, b, c);
        inTable(functions, a, c);
        functions.copyWithin(a, b, b + c);
        return undefined;
      case 'initFunctions': {
        inTable(this.elementsDropped ? [] : ELEMENTS, b, c);
        inTable(functions, a, c);
        functions.splice(a, c, ...ELEMENTS.slice(b, b + c));
        return undefined;
      }
      case 'dropElements':
        this.elementsDropped = true;
        return undefined;
      case 'keepFunction':
        this.keptFunction = a;
        return undefined;
      case 'setThing':
        inTable(things, a, 1);
        things[a] = args[1];
        return undefined;
      case 'growThings':
        return grow(things, { count: a, value: args[1], max: THINGS_MAX });
      case 'keepThing':
        this.keptThing = args[0];
        return undefined;
      case 'deviceAdd':
        this.device = (this.device + a) | 0;
        return undefined;
      default:
        throw new Error(`the model does not know "${name}"`);
    }
  }

  #end({ end, script }: Op): void {
    switch (end) {
      case 0:
        return;
      case 1:
        throw new ModelTrap('unreachable');
      case 4:
        throw new ModelTrap('divide-by-zero');
      case 5:
        throw new ModelExit();
      case 6:
        throw new ModelTrap('host-error');
      case 8:
        throw new ModelTrap('stack-exhausted', 'depth-exceeded');
      case 9:
        throw new ModelTrap('out-of-bounds-table');
      case SCRIPT:
        for (const each of script) {
          if ('name' in each) this.#nested(each);
          else if (!this.write(each)) throw new ModelTrap('host-error');
        }
        return;
      default:
        throw new ModelTrap('out-of-bounds-memory');
    }
  }

  #inMemory(at: number, length: number): void {
    if (at + length > this.memory.length) throw new ModelTrap('out-of-bounds-memory');
  }

  #store(at: number, value: bigint, width: number): undefined {
    this.#inMemory(at, width);
    for (let i = 0; i < width; i++) {
      this.memory[at + i] = Number(BigInt.asUintN(8, BigInt.asUintN(64, value) >> BigInt((i % 8) * 8)));
    }
    return undefined;
  }
}

function inTable(table: readonly unknown[], at: number, count: number): void {
  if (at + count > table.length) throw new ModelTrap('out-of-bounds-table');
}

function grow(table: unknown[], { count, value, max }: { count: number; value: unknown; max: number }): number {
  const old = table.length;
  if (old + count > max) return -1;
  for (let i = 0; i < count; i++) table.push(value);
  return old;
}
