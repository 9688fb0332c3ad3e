/**
 * The host: owns the frame pool, the cores and the machines, and wires the parts together. Everything concrete meets here.
 *
 * One host is one trust domain for timing and for bugs of the engine: see SECURITY.md.
 */

import { FargoError } from '../base/errors.ts';
import type { ByteCount } from '../base/units.ts';
import { wasi, type WasiOptions } from '../devices/index.ts';
import { instrument } from '../instrument/instrument.ts';
import type { Instrumented, ModuleMeta } from '../instrument/meta.ts';
import { link } from '../machine/boot.ts';
import type { DeviceFactory } from '../machine/device.ts';
import { Machine, type CommitHooks } from '../machine/machine.ts';
import type { Outcome } from '../machine/outcome.ts';
import { Program, type Unit } from '../machine/program.ts';
import { Runtime, type RuntimeOptions } from '../machine/runtime.ts';
import { Snapshot } from '../machine/snapshot.ts';
import { MACHINE_BYTES } from '../machine/usage.ts';
import type { AuditReport } from '../memory/audit.ts';
import { NODE_BYTES } from '../memory/page-map.ts';
import { PAGE_BYTES } from '../base/units.ts';
import { isBinary, wasmFromText } from '../wasm/text.ts';
import { Image } from './image.ts';
import { linkImports, PROVIDER, type Imports, type Linked, type NamedUnits } from './imports.ts';
import { providerModule } from './provider.ts';

/** A guest: a binary module, or its text (`.wat`), as bytes or as a string. */
export type ModuleSource = Uint8Array | ArrayBuffer | string;

export interface BuildOptions {
  /** The embedder's own imports. */
  readonly imports?: Imports;
  /** WASI preview 1 for guests that import it. Default: no arguments, no environment, no files; output is kept. */
  readonly wasi?: WasiOptions;
  /** Further devices. */
  readonly devices?: readonly DeviceFactory[];
  /** Limit work and call depth: see `MachineLimits.budget`. Default false. */
  readonly budget?: boolean;
  /** Make every export callable bit by bit (`Machine.tryCallBits`). Default false. */
  readonly exactCalls?: boolean;
  /** For messages and lists. */
  readonly name?: string;
  /** Told when a call's effects are final, or undone. */
  readonly onCommit?: (machine: Machine) => void;
  readonly onRollback?: (machine: Machine) => void;
}

/** What all machines of a host use together. */
export interface HostUsage {
  readonly machines: number;
  readonly snapshots: number;
  readonly cores: number;
  /** Frames in use, in bytes; each counted once, however many share it. */
  readonly frameBytes: ByteCount;
  /** Page map nodes in use. */
  readonly mapBytes: ByteCount;
  /** Frames, maps and the objects of machines. */
  readonly totalBytes: ByteCount;
  /** What the pool has from the engine, used or not. */
  readonly heldBytes: ByteCount;
}

export class Host {
  readonly #runtime: Runtime;

  constructor(options: RuntimeOptions = {}) {
    this.#runtime = new Runtime(options);
  }

  /** A host. @throws FargoError `bad-argument` */
  static async create(options: RuntimeOptions = {}): Promise<Host> {
    return new Host(options);
  }

  /**
   * Instruments, compiles and links a guest. The bytes are not kept.
   *
   * @throws FargoError `invalid-module`, `unsupported`, `link`, `missing-dependency` (text without the parser), `disposed`
   */
  async build(source: ModuleSource, options: BuildOptions = {}): Promise<Image> {
    const instrumented = this.#instrument(await moduleBytes(source), options);
    return this.#image(instrumented, await WebAssembly.compile(instrumented.bytes), options);
  }

  /** As {@link build} for a binary module, at once. */
  buildSync(source: Uint8Array, options: BuildOptions = {}): Image {
    const instrumented = this.#instrument(source, options);
    return this.#image(instrumented, new WebAssembly.Module(instrumented.bytes), options);
  }

  /**
   * Adds a module to a machine: it may import what modules that were named before export, and shares their memories,
   * tables and globals. It becomes the module that `call` means.
   *
   * @param options `name`: others may import from it under this name
   * @returns how its instantiation ended; unless it returned, the machine is as before (or as it was left, if its policy is
   *   to keep)
   * @throws FargoError `link`, `unsupported`, `invalid-module`, `machine-busy`
   */
  link(machine: Machine, source: Uint8Array, options: BuildOptions = {}): Outcome<unknown> {
    machine.settle();
    const instrumented = this.#instrument(source, options);
    const { program } = machine;
    const named = new Map([...machine.names].map(([name, unit]) => [name, { unit, meta: program.units[unit]!.meta }]));
    const { links, provided } = this.#links(instrumented.meta, options, named, program.devices);
    const added: Unit = {
      compiled: new WebAssembly.Module(instrumented.bytes),
      meta: instrumented.meta,
      links: placed(links, program.units.length),
      sizesAtLink: undefined,
    };
    const outcome = link(machine, provided.length > 0 ? [providerUnit(provided, options), added] : [added]);
    if (options.name !== undefined && outcome.kind === 'return') this.name(machine, options.name);
    return outcome;
  }

  /** Names a module of a machine, so that modules linked later may import from it. Default: the newest one. */
  name(machine: Machine, name: string, unit: number = machine.program.main): void {
    if (!(unit in machine.program.units)) {
      throw new FargoError('bad-argument', `module ${unit} was named; there are ${machine.program.units.length}`);
    }
    machine.names = new Map([...machine.names, [name, unit]]);
  }

  /** Machines alive, newest first. */
  *machines(): Generator<Machine> {
    for (const holder of this.#runtime.living()) if (holder instanceof Machine) yield holder;
  }

  /** What everything uses together. */
  usage(): HostUsage {
    const { pool, maps, cores } = this.#runtime;
    let machines = 0;
    let snapshots = 0;
    for (const holder of this.#runtime.living()) {
      if (holder instanceof Machine) machines++;
      else if (holder instanceof Snapshot) snapshots++;
    }
    const frameBytes = pool.usedFrames * PAGE_BYTES;
    const mapBytes = maps.usedNodes * NODE_BYTES;
    return {
      machines,
      snapshots,
      cores: [...cores.all()].length,
      frameBytes,
      mapBytes,
      totalBytes: frameBytes + mapBytes + machines * MACHINE_BYTES,
      heldBytes: pool.heldBytes + maps.heldBytes,
    };
  }

  /** Cores created since the start. */
  get coresCreated(): number {
    return this.#runtime.cores.created;
  }

  /** Proves that every reference is accounted for (invariant I5). Slow. `faults` is empty when all is well. */
  audit(): AuditReport {
    return this.#runtime.audit();
  }

  /** Disposes every machine, snapshot and core. @throws FargoError `machine-busy` */
  dispose(): void {
    this.#runtime.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #instrument(bytes: Uint8Array, options: BuildOptions): Instrumented {
    if (this.#runtime.disposed) throw new FargoError('disposed', 'the host was disposed');
    if (!(bytes instanceof Uint8Array)) {
      throw new FargoError('bad-argument', `a module is a Uint8Array; ${typeof bytes} was given`);
    }
    return instrument(bytes, { budget: options.budget ?? false, exactCalls: options.exactCalls ?? false });
  }

  #links(meta: ModuleMeta, options: BuildOptions, units: NamedUnits, devices: readonly DeviceFactory[]): Linked {
    return linkImports(meta, { imports: options.imports ?? {}, units, devices, storage: this.#runtime });
  }

  #image(instrumented: Instrumented, compiled: WebAssembly.Module, options: BuildOptions): Image {
    const { meta } = instrumented;
    const usesWasi = options.wasi !== undefined || meta.imports.some((one) => one.module === 'wasi_snapshot_preview1');
    const devices = [...(options.devices ?? []), ...(usesWasi ? [wasi(options.wasi ?? {})] : [])];
    const { links, provided } = this.#links(meta, options, new Map(), devices);
    const before = provided.length > 0 ? [providerUnit(provided, options)] : [];
    const unit: Unit = { compiled, meta, links: placed(links, 0), sizesAtLink: undefined };
    const hooks: CommitHooks | undefined =
      options.onCommit === undefined && options.onRollback === undefined
        ? undefined
        : {
            ...(options.onCommit && { commit: options.onCommit }),
            ...(options.onRollback && { rollback: options.onRollback }),
          };
    return new Image({
      runtime: this.#runtime,
      program: new Program([...before, unit], devices, before.length),
      name: options.name,
      hooks,
    });
  }
}

function providerUnit(provided: Linked['provided'], options: BuildOptions): Unit {
  const instrumented = instrument(providerModule(provided), { exactCalls: options.exactCalls ?? false });
  return {
    compiled: new WebAssembly.Module(instrumented.bytes),
    meta: instrumented.meta,
    links: [],
    sizesAtLink: undefined,
  };
}

/** Gives links to the provider its position. */
function placed(links: Linked['links'], provider: number): Linked['links'] {
  return links.map((link) => (link.from === 'unit' && link.unit === PROVIDER ? { ...link, unit: provider } : link));
}

async function moduleBytes(source: ModuleSource): Promise<Uint8Array> {
  if (typeof source === 'string') return wasmFromText(source);
  const bytes = source instanceof ArrayBuffer ? new Uint8Array(source) : source;
  if (!(bytes instanceof Uint8Array)) {
    throw new FargoError(
      'bad-argument',
      `a module is a Uint8Array, an ArrayBuffer or text; ${typeof source} was given`,
    );
  }
  return isBinary(bytes) ? bytes : wasmFromText(new TextDecoder().decode(bytes));
}
