/**
 * Glue as a device: one evaluation a core, over the core's instances; what it remembers is the machine's.
 *
 * Invariants: a guest runs under glue that holds its machine's state. Glue through which an error has passed is never used
 * again: it is evaluated anew before the next call.
 */

import { FargoError } from '../base/errors.ts';
import type { Core } from '../machine/core.ts';
import type {
  Device,
  DeviceFactory,
  GuestContext,
  HostFunctions,
  SavedDevice,
  SavedPart,
  SavingOptions,
} from '../machine/device.ts';
import type { Identity } from '../machine/identity.ts';
import { ExitError, TrapError } from '../machine/outcome.ts';
import { run } from '../machine/run.ts';
import { directImports } from './direct-imports.ts';
import {
  evaluateGlue,
  type AnyFunction,
  type CompiledGlue,
  type CoreExports,
  type CoreImports,
  type CoreModule,
  type Glue,
  type Members,
} from './glue.ts';
import { captureState, NEW_GLUE, requireForkable, restoreState, type GlueState } from './glue-state.ts';
import { GlueMeter, GuestMemory } from './guest-views.ts';
import { hasHandles, loadGlue, saveGlue } from './saved-glue.ts';
import { importOf, type Trampoline, type Wiring } from './wiring.ts';

/** What functions of the host may ask for about the machine that calls them. */
export interface ComponentCaller {
  readonly identity: Identity;
  /** Ends the guest as WASI's `exit` does: never returns. The call commits. */
  exit(code: number): never;
  /** Hands output to the machine's console. */
  output(stream: 'stdout' | 'stderr', bytes: Uint8Array): void;
}

/** Where the imports of one core's glue work. */
export interface ImportPlace {
  readonly caller: ComponentCaller;
  /** Of the host call that is running. */
  readonly context: () => GuestContext;
  /** Of the core, in the order of its program. */
  readonly devices: readonly Device[];
}

/** Makes what a component imports, once for each core. */
export type ImportsMaker = (place: ImportPlace) => Members;

export interface GlueParts {
  readonly compiled: CompiledGlue;
  readonly wiring: Wiring;
  readonly imports: ImportsMaker;
  /** Lists of captured objects that the glue has. */
  readonly captures: number;
  /** A class of the embedder's whose objects are numbers to the guest, unless the numbers in files are believed. */
  readonly mistrusted: string | undefined;
}

export class GlueFactory implements DeviceFactory<GlueState> {
  readonly name = 'component';
  readonly initial: GlueState = NEW_GLUE;
  readonly #parts: GlueParts;

  constructor(parts: GlueParts) {
    this.#parts = parts;
  }

  create(): GlueDevice {
    return new GlueDevice(this.#parts);
  }

  fork(state: GlueState): GlueState {
    requireForkable(state, 'forked');
    return state;
  }

  snapshot(state: GlueState): GlueState {
    requireForkable(state, 'kept in a snapshot');
    return state;
  }

  save(state: GlueState, options: SavingOptions<GlueState>): SavedPart<GlueState> {
    return saveGlue(state, options);
  }

  load(saved: SavedDevice): GlueState {
    const { captures, mistrusted } = this.#parts;
    const state = loadGlue(saved, captures);
    if (mistrusted === undefined || !hasHandles(state)) return state;
    throw new FargoError(
      'bad-argument',
      `the file has handles, and could have any number of a ${mistrusted}: give "trustHandles" if it comes from who may have them all`,
    );
  }
}

export class GlueDevice implements Device<GlueState> {
  readonly name = 'component';
  readonly functions: HostFunctions = {
    resolve: (_module, _name, type) => {
      const target = this.#parts.wiring.trampolines.get(type);
      return target && ((vm: GuestContext, ...args: unknown[]) => this.#intoHost(vm, target, args));
    },
  };
  /** Whether a guest was entered by the call that is running: then what fails is its doing. */
  entered = false;
  readonly #parts: GlueParts;
  readonly #trampolines: Map<Trampoline, AnyFunction> = new Map();
  readonly #meter: GlueMeter = new GlueMeter();
  #core: Core | undefined = undefined;
  #glue: Glue | undefined = undefined;
  #imports: Members = {};
  #state: GlueState = NEW_GLUE;
  #touched = false;
  #failed = false;
  #context: GuestContext | undefined = undefined;

  constructor(parts: GlueParts) {
    this.#parts = parts;
  }

  attach(core: Core): void {
    this.#core = core;
    this.#renew();
  }

  restore(state: GlueState): void {
    if (this.#failed) this.#renew();
    if (state !== this.#state || this.#touched) restoreState(this.#glue!.variables, state);
    this.#state = state;
    this.#touched = false;
  }

  commit(): GlueState {
    if (!this.#touched) return this.#state;
    this.#state = captureState(this.#glue!.variables, this.#state);
    // A call that exited has left the glue in its middle.
    if (this.#failed) {
      this.#renew();
      restoreState(this.#glue!.variables, this.#state);
    }
    this.#touched = false;
    return this.#state;
  }

  /** What the component exports, on this core. Valid within the call. */
  get exports(): Members {
    return this.#glue!.exports;
  }

  /** What the component imports, on this core. */
  get imports(): Members {
    return this.#imports;
  }

  /** Under which symbol objects of guest resources have their handle. */
  get handleSymbol(): symbol | undefined {
    return this.#glue!.variables.handleSymbol;
  }

  get registries(): Glue['variables']['registries'] {
    return this.#glue!.variables.registries;
  }

  /** Calls into the glue, as part of the transaction that is running. @throws what the glue throws */
  enter<T>(work: () => T): T {
    this.#touched = true;
    this.entered = false;
    this.#meter.begin();
    try {
      return work();
    } catch (error) {
      this.#failed = true;
      // Whoever made this a part of a larger transaction can't go on with what is half done.
      this.#core!.ending ??= { kind: 'host-error', error };
      throw error;
    }
  }

  #renew(): void {
    const core = this.#core!;
    const { compiled, wiring, imports } = this.#parts;
    this.#trampolines.clear();
    this.#failed = false;
    this.#touched = true;
    let instance = 0;
    const given = (this.#imports = imports({
      caller: this.#caller(),
      context: () => this.#running(),
      devices: core.devices,
    }));
    const glue = evaluateGlue(compiled, {
      imports: given,
      instantiate: (module, given) => ({ exports: this.#exportsOf(instance++, module, given) }),
    });
    for (const { position, name } of wiring.globals) glue.globals[position]!.lead(core.instances.globalOf(0, name));
    const direct = directImports(glue.variables, given);
    for (const [target, trampoline] of this.#trampolines) {
      const short = direct.get(trampoline);
      if (short !== undefined) this.#trampolines.set(target, short);
    }
    this.#glue = glue;
  }

  /** What the glue gets as exports of an instance; notes what it passes as imports. */
  #exportsOf(instance: number, _module: CoreModule, given: CoreImports): CoreExports {
    const core = this.#core!;
    const { program } = core;
    for (const target of this.#parts.wiring.trampolines.values()) {
      if (target.instance !== instance) continue;
      this.#trampolines.set(target, importOf(given, target.module, target.name) as AnyFunction);
    }
    const unit = instance + 1;
    const { allocators } = this.#parts.compiled.source;
    const exports = Object.create(null) as Record<string, unknown>;
    for (const one of program.units[unit]!.meta.exports) {
      if (one.kind === 'func') exports[one.name] = this.#exportedFunction(unit, one.name, !allocators.has(one.name));
      else if (one.kind === 'memory') {
        exports[one.name] = new GuestMemory(core.memories[program.memoryAt(unit, one.index)]!, this.#meter);
      } else if (one.kind === 'global') exports[one.name] = core.instances.globalOf(unit, one.name);
      else exports[one.name] = { kind: one.kind };
    }
    return exports;
  }

  #exportedFunction(unit: number, name: string, enters: boolean): AnyFunction {
    const core = this.#core!;
    const entry = core.program.entry(name, unit);
    return (...args) => {
      const { owner } = core;
      if (owner === undefined || core.busy === 0) {
        throw new FargoError('bad-argument', `the call in which ${name} could be called has ended`);
      }
      if (enters) this.entered = true;
      const outcome = run(owner, entry, args);
      // What was passed in is done; allocators are called on the way, and count on.
      if (enters) this.#meter.begin();
      if (outcome.kind === 'return') return outcome.value;
      throw outcome.kind === 'trap' ? new TrapError(outcome.trap) : new ExitError(outcome.code);
    };
  }

  #intoHost(vm: GuestContext, target: Trampoline, args: readonly unknown[]): unknown {
    const before = this.#context;
    const unitsBefore = this.#meter.begin();
    this.#context = vm;
    this.#touched = true;
    try {
      const result = this.#trampolines.get(target)!(...args);
      vm.charge(this.#meter.used);
      return result;
    } catch (error) {
      this.#failed = true;
      throw error;
    } finally {
      this.#meter.begin(unitsBefore);
      this.#context = before;
    }
  }

  #running(): GuestContext {
    if (this.#context !== undefined) return this.#context;
    throw new FargoError('bad-argument', 'no component is calling: this is for functions that one has called');
  }

  #caller(): ComponentCaller {
    const context = (): GuestContext => this.#running();
    return {
      get identity() {
        return context().identity;
      },
      exit: (code) => context().exit(code),
      output: (stream, bytes) => context().output(stream, bytes),
    };
  }
}
