/**
 * The modules of one script and the machines they run in.
 *
 * A script is one store (specification 4.2.3). Where its modules share something, by `register` or by the memory and table
 * of `spectest`, all of them are linked into one machine. Otherwise each has a machine of its own, which can't be told
 * from one store and tests the plain way from bytes to machine.
 *
 * Each step is done in the way that was asked for: see ways.ts.
 */

import { FargoError } from '../../src/base/errors.ts';
import { Host } from '../../src/component/host.ts';
import type { Image } from '../../src/host/image.ts';
import type { Imports } from '../../src/host/imports.ts';
import type { Machine } from '../../src/machine/machine.ts';
import type { Outcome } from '../../src/machine/outcome.ts';
import { wasmFromText } from '../../src/wasm/text.ts';
import { plain, type Step, type Way } from './ways.ts';

export interface StoreOptions {
  readonly way: Way;
  /** Build with the budget pass, with more of it than any script uses. */
  readonly budget: boolean;
}

/** A machine that goes on from step to step; in a fork mode by way of its children. */
interface Line {
  machine: Machine;
  readonly image: Image;
}

/** A module of a script: the line on which it runs, and its position among the modules there. */
export interface Place {
  readonly line: Line;
  readonly unit: number;
}

/** How a module ended up: an instance, a guest that ended first, or an error of this library. */
export type Instantiated =
  | { readonly kind: 'instance'; readonly place: Place }
  | { readonly kind: 'ended'; readonly outcome: Exclude<Outcome<unknown>, { kind: 'return' }> }
  | { readonly kind: 'refused'; readonly error: FargoError };

const print = (): void => undefined;

/** What the suite expects of its host module, memory and table apart. */
const SPECTEST: Imports = {
  spectest: {
    print,
    print_i32: print,
    print_i64: print,
    print_f32: print,
    print_f64: print,
    print_i32_f32: print,
    print_f64_f64: print,
    global_i32: 666,
    global_i64: 666n,
    global_f32: 666.6,
    global_f64: 666.6,
  },
};

/** All of it, as a module that others in a machine import from. */
const SPECTEST_TEXT = `(module
  (func (export "print") (import "spectest" "print"))
  (func (export "print_i32") (import "spectest" "print_i32") (param i32))
  (func (export "print_i64") (import "spectest" "print_i64") (param i64))
  (func (export "print_f32") (import "spectest" "print_f32") (param f32))
  (func (export "print_f64") (import "spectest" "print_f64") (param f64))
  (func (export "print_i32_f32") (import "spectest" "print_i32_f32") (param i32 f32))
  (func (export "print_f64_f64") (import "spectest" "print_f64_f64") (param f64 f64))
  (global (export "global_i32") i32 (i32.const 666))
  (global (export "global_i64") i64 (i64.const 666))
  (global (export "global_f32") f32 (f32.const 666.6))
  (global (export "global_f64") f64 (f64.const 666.6))
  (table (export "table") 10 20 funcref)
  (memory (export "memory") 1 2))`;

/** Names under which a store keeps modules. The first is no name that a script can give. */
const CURRENT = '';
const AUDIT_EVERY = 64;

export class Store {
  readonly host: Host;
  readonly #options: StoreOptions;
  readonly #shared: Line | undefined;
  readonly #lines = new Set<Line>();
  readonly #places = new Map<string, Place>();
  #steps = 0;

  private constructor(options: StoreOptions, spectest: Uint8Array | undefined) {
    // One idle core: a machine and its child take turns on it, so that each step is a world switch.
    this.host = new Host(options.way === plain ? {} : { idleCores: 1 });
    this.#options = options;
    if (spectest !== undefined) {
      const image = this.#build(spectest);
      const line = { machine: image.bootSync(BOOT), image };
      this.host.name(line.machine, 'spectest');
      this.#lines.add(line);
      this.#shared = line;
    }
  }

  /** @param shared whether all modules of the script go into one machine */
  static async create(shared: boolean, options: StoreOptions): Promise<Store> {
    return new Store(options, shared ? await wasmFromText(SPECTEST_TEXT) : undefined);
  }

  /** Instantiates a module; it becomes the current one. */
  module(bytes: Uint8Array, name: string | undefined): Instantiated {
    this.#places.delete(CURRENT);
    const result = this.instantiate(bytes);
    if (result.kind !== 'instance') return result;
    this.#places.set(CURRENT, result.place);
    if (name !== undefined) this.#places.set(name, result.place);
    this.#disposeUnreachable();
    return result;
  }

  /** Instantiates a module without making it the current one. */
  instantiate(bytes: Uint8Array): Instantiated {
    try {
      return this.#shared === undefined ? this.#boot(bytes) : this.#link(this.#shared, bytes);
    } catch (error) {
      if (error instanceof FargoError) return { kind: 'refused', error };
      throw error;
    }
  }

  /** Where a module runs. Default: the current one. */
  place(name: string | undefined): Place {
    const place = this.#places.get(name ?? CURRENT);
    if (place === undefined) throw new Error(`there is no module ${name ?? 'that is the current one'}`);
    return place;
  }

  /** Lets modules that come later import from a module. */
  register(as: string, name: string | undefined): void {
    const { line, unit } = this.place(name);
    this.host.name(line.machine, as, unit);
  }

  /** Does a step on a line. @throws Error that says what the way of doing it found wrong */
  step<T>(line: Line, step: Step<T>): T {
    const turn = this.#steps++;
    const { result, machine } = this.#options.way(line.machine, step, turn);
    line.machine = machine;
    if (turn % AUDIT_EVERY === 0) this.#audit();
    return result;
  }

  /** Ends everything and proves that nothing is left. */
  dispose(): void {
    this.#audit();
    for (const line of this.#lines) disposeLine(line);
    this.#audit();
    this.host.dispose();
    const { machines, snapshots, cores, frameBytes, mapBytes } = this.host.usage();
    if (machines + snapshots + cores + frameBytes + mapBytes === 0) return;
    throw new Error(
      `left at the end: ${machines} machines, ${snapshots} snapshots, ${cores} cores, ${frameBytes} bytes of frames, ${mapBytes} of maps`,
    );
  }

  #build(bytes: Uint8Array): Image {
    return this.host.buildSync(bytes, { imports: SPECTEST, exactCalls: true, budget: this.#options.budget });
  }

  #boot(bytes: Uint8Array): Instantiated {
    const image = this.#build(bytes);
    const { machine, outcome } = image.tryBoot(BOOT);
    const line = { machine, image };
    if (outcome.kind !== 'return') {
      disposeLine(line);
      return { kind: 'ended', outcome };
    }
    this.#lines.add(line);
    // A fork of what has just booted equals it.
    this.step(line, { run: () => undefined, same: () => true, trapped: () => false, nests: true });
    return { kind: 'instance', place: { line, unit: line.machine.units - 1 } };
  }

  #link(line: Line, bytes: Uint8Array): Instantiated {
    const options = { exactCalls: true, budget: this.#options.budget };
    const outcome = this.step(line, {
      run: (machine): Outcome<unknown> | FargoError => {
        try {
          return this.host.link(machine, bytes, options);
        } catch (error) {
          if (error instanceof FargoError) return error;
          throw error;
        }
      },
      same: sameEnding,
      trapped: (ending) => ending instanceof FargoError || ending.kind === 'trap',
      nests: false,
    });
    if (outcome instanceof FargoError) return { kind: 'refused', error: outcome };
    if (outcome.kind !== 'return') return { kind: 'ended', outcome };
    return { kind: 'instance', place: { line, unit: line.machine.units - 1 } };
  }

  /** Machines of modules that no name leads to any more. */
  #disposeUnreachable(): void {
    const reachable = new Set([...this.#places.values()].map(({ line }) => line));
    for (const line of this.#lines) {
      if (line === this.#shared || reachable.has(line)) continue;
      disposeLine(line);
      this.#lines.delete(line);
    }
  }

  #audit(): void {
    const { faults } = this.host.audit();
    if (faults.length > 0) throw new Error(`the audit found: ${faults.join('; ')}`);
  }
}

/** The suite asks for what trapped calls have written. */
const BOOT = { onTrap: 'keep', limits: { budget: 1n << 60n } } as const;

function disposeLine({ machine, image }: Line): void {
  machine.dispose();
  image.dispose();
}

function sameEnding(a: Outcome<unknown> | FargoError, b: Outcome<unknown> | FargoError): boolean {
  if (a instanceof FargoError || b instanceof FargoError) {
    return a instanceof FargoError && b instanceof FargoError && a.code === b.code;
  }
  return a.kind === b.kind && (a.kind !== 'trap' || b.kind !== 'trap' || a.trap.kind === b.trap.kind);
}
