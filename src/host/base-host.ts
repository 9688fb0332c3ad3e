/**
 * The host: owns the frame pool, the cores and the machines, and wires the parts together. Everything concrete meets here,
 * but for what not every program needs (WASI, text, saving, loading): that comes as {@link HostParts}, here already or later.
 *
 * One host is one trust domain for timing and for bugs of the engine: see SECURITY.md.
 */

import { disposable } from '../base/dispose.ts';
import { FargoError } from '../base/errors.ts';
import type { ByteCount } from '../base/units.ts';
import type { WasiOptions } from '../devices/index.ts';
import { instrument } from '../instrument/instrument.ts';
import type { Instrumented, ModuleMeta } from '../instrument/meta.ts';
import { link } from '../machine/boot.ts';
import type { DeviceFactory, SavedDevice } from '../machine/device.ts';
import { Machine } from '../machine/machine.ts';
import type { Outcome } from '../machine/outcome.ts';
import { Program, type Unit } from '../machine/program.ts';
import { Runtime, type RuntimeOptions } from '../machine/runtime.ts';
import { Snapshot, type Saver } from '../machine/snapshot.ts';
import { MACHINE_BYTES } from '../machine/usage.ts';
import type { AuditReport } from '../memory/audit.ts';
import { NODE_BYTES } from '../memory/page-map.ts';
import { PAGE_BYTES } from '../base/units.ts';
import { hasMagic, isComponent } from '../wasm/reader.ts';
import { compile, compileNow } from './compile.ts';
import { hooksOf, Image } from './image.ts';
import { linkImports, PROVIDER, type Imports, type Linked, type NamedUnits } from './imports.ts';
import type { LoadOptions } from './load.ts';
import type { ComponentBuilder } from './load-component.ts';
import type { ComponentCache, PreparedComponent } from './prepared.ts';
import { providerModule } from './provider.ts';
import { rememberSource, type UnitSource } from './sources.ts';

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
  /** Of a component: what `prepareComponent` made of it before, trusted as the program that gives it. Then jco is not needed. */
  readonly prepared?: PreparedComponent;
  /** Of a component: where what is made of it is kept from run to run. Default: in this process, for the most recent ones. */
  readonly cache?: ComponentCache;
  /**
   * Of a component that is given classes of numbered resources: whether snapshots that are loaded with the image are believed
   * in which numbers the guest holds of them. Default false.
   */
  readonly trustHandles?: boolean;
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

/** Makes the device of WASI. */
export type WasiMaker = (options: WasiOptions) => DeviceFactory;

/** Loads a snapshot; `build` builds the component in it. */
export type SnapshotLoader = (
  runtime: Runtime,
  bytes: Uint8Array,
  options: LoadOptions,
  build: ComponentBuilder,
) => Promise<Snapshot>;

/** What a host is given: the parts that a program may never need. */
export interface HostParts {
  /** Undefined until {@link loadWasi}, where it is not here from the start. */
  readonly wasi: WasiMaker | undefined;
  loadWasi(): Promise<void>;
  /** From the text format to a binary module. */
  parse(text: string): Promise<Uint8Array>;
  readonly save: Saver;
  readonly load: SnapshotLoader;
  /** Builds a component. `wasi`: what a file says of that device of a saved machine of it. */
  readonly component: (host: BaseHost, bytes: Uint8Array, options: BuildOptions, wasi?: SavedDevice) => Promise<Image>;
}

/** What all hosts do. */
export abstract class BaseHost {
  static {
    disposable(this);
  }

  readonly #runtime: Runtime;
  readonly #parts: HostParts;

  /** @internal */
  constructor(options: RuntimeOptions, parts: HostParts) {
    this.#runtime = new Runtime(options);
    this.#runtime.saver = parts.save;
    this.#parts = parts;
  }

  /**
   * Instruments, compiles and links a guest. A copy of the bytes is kept with the image, for snapshots that are saved. A
   * component gives a `ComponentImage`.
   *
   * @throws FargoError `invalid-module`, `unsupported`, `link`, `missing-dependency` (text or a component without jco),
   *   `disposed`
   */
  async build(source: ModuleSource, options: BuildOptions = {}): Promise<Image> {
    const bytes = await moduleBytes(source, this.#parts);
    if (isComponent(bytes)) return this.#component(bytes, options);
    const kept = sourceFrom(bytes, options);
    const instrumented = this.#instrument(kept.bytes, options);
    const compiling = compile(instrumented.bytes);
    if (this.#parts.wasi === undefined && usesWasi(instrumented.meta, options)) {
      await Promise.all([compiling, this.#parts.loadWasi()]);
    }
    const compiled = await compiling;
    rememberSource(compiled, kept);
    return this.#image(instrumented, compiled, options);
  }

  /**
   * As {@link build} for a binary module, at once.
   *
   * @throws FargoError as that, and `missing-dependency` for a guest of WASI on a page that has not loaded it
   */
  buildSync(source: Uint8Array, options: BuildOptions = {}): Image {
    const instrumented = this.#instrument(source, options);
    const compiled = compileNow(instrumented.bytes);
    rememberSource(compiled, sourceFrom(source, options));
    return this.#image(instrumented, compiled, options);
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
    if (program.kind !== undefined) {
      throw new FargoError(
        'unsupported',
        `machine ${machine.id} is that of a component: no module can be linked to it`,
      );
    }
    const named = new Map([...machine.names].map(([name, unit]) => [name, { unit, meta: program.units[unit]!.meta }]));
    const { links, provided } = this.#links(instrumented.meta, options, named, program.devices);
    const compiled = compileNow(instrumented.bytes);
    rememberSource(compiled, sourceFrom(source, options));
    const added: Unit = {
      compiled,
      meta: instrumented.meta,
      links: placed(links, program.units.length),
      sizesAtLink: undefined,
    };
    const outcome = link(machine, provided.length > 0 ? [providerUnit(provided, options), added] : [added]);
    if (options.name !== undefined && outcome.kind === 'return') this.name(machine, options.name);
    return outcome;
  }

  /**
   * A snapshot from a file that {@link Snapshot.save} gave, in this process or any other. Its modules are validated and
   * instrumented here, all that it says is checked, and if anything is wrong nothing of it is left. The caller disposes it.
   *
   * ```ts
   * const warm = await host.load(await readFile('warm.fargo'), { imports: { env: { log } } });
   * const child = warm.fork();
   * ```
   *
   * @throws FargoError `invalid-image` for a file that is damaged or no snapshot, `unsupported`, `limit` beyond a cap,
   *   `link` where imports are missing, `bad-argument` where the parent of a difference is missing or another, `disposed`;
   *   `missing-dependency` for a component without jco, unless `prepared`, `cache`, `image` or `parent` has what that makes
   */
  load(bytes: Uint8Array, options: LoadOptions = {}): Promise<Snapshot> {
    const build: ComponentBuilder = (component, given, saved) => this.#parts.component(this, component, given, saved);
    return this.#parts.load(this.#runtime, bytes, options, build);
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

  /** @internal For images that are put together elsewhere. @throws FargoError `disposed` */
  requireRuntime(): Runtime {
    if (this.#runtime.disposed) throw new FargoError('disposed', 'the host was disposed');
    return this.#runtime;
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

  #component(bytes: Uint8Array, options: BuildOptions): Promise<Image> {
    if ((options.devices ?? []).length === 0) return this.#parts.component(this, bytes, options);
    throw new FargoError('unsupported', 'a component has no imports that a device could serve: give `imports`');
  }

  #instrument(bytes: Uint8Array, options: BuildOptions): Instrumented {
    this.requireRuntime();
    if (!(bytes instanceof Uint8Array)) {
      throw new FargoError('bad-argument', `a module is a Uint8Array; ${typeof bytes} was given`);
    }
    return instrument(bytes, { budget: options.budget ?? false, exactCalls: options.exactCalls ?? false });
  }

  #wasi(options: WasiOptions): DeviceFactory {
    const { wasi } = this.#parts;
    if (wasi === undefined) {
      throw new FargoError('missing-dependency', 'WASI has not been loaded: `build` loads it, `buildSync` cannot');
    }
    return wasi(options);
  }

  #links(meta: ModuleMeta, options: BuildOptions, units: NamedUnits, devices: readonly DeviceFactory[]): Linked {
    return linkImports(meta, { imports: options.imports ?? {}, units, devices, storage: this.#runtime });
  }

  #image(instrumented: Instrumented, compiled: WebAssembly.Module, options: BuildOptions): Image {
    const { meta } = instrumented;
    const devices = [...(options.devices ?? []), ...(usesWasi(meta, options) ? [this.#wasi(options.wasi ?? {})] : [])];
    const { links, provided } = this.#links(meta, options, new Map(), devices);
    const before = provided.length > 0 ? [providerUnit(provided, options)] : [];
    const unit: Unit = { compiled, meta, links: placed(links, 0), sizesAtLink: undefined };
    return new Image({
      runtime: this.#runtime,
      program: new Program([...before, unit], devices, before.length),
      name: options.name,
      hooks: hooksOf(options),
    });
  }
}

function usesWasi(meta: ModuleMeta, options: BuildOptions): boolean {
  return options.wasi !== undefined || meta.imports.some((one) => one.module === 'wasi_snapshot_preview1');
}

/** What a module is made of, with a copy of its bytes. */
function sourceFrom(bytes: Uint8Array, options: BuildOptions): UnitSource & { readonly kind: 'module' } {
  const { budget = false, exactCalls = false } = options;
  return { kind: 'module', bytes: new Uint8Array(bytes), budget, exactCalls };
}

function providerUnit(provided: Linked['provided'], options: BuildOptions): Unit {
  const exactCalls = options.exactCalls ?? false;
  const instrumented = instrument(providerModule(provided), { exactCalls });
  const compiled = compileNow(instrumented.bytes);
  rememberSource(compiled, { kind: 'provider', items: provided, exactCalls });
  return {
    compiled,
    meta: instrumented.meta,
    links: [],
    sizesAtLink: undefined,
  };
}

/** Gives links to the provider its position. */
function placed(links: Linked['links'], provider: number): Linked['links'] {
  return links.map((link) => (link.from === 'unit' && link.unit === PROVIDER ? { ...link, unit: provider } : link));
}

async function moduleBytes(source: ModuleSource, parts: HostParts): Promise<Uint8Array> {
  if (typeof source === 'string') return parts.parse(source);
  const bytes = source instanceof ArrayBuffer ? new Uint8Array(source) : source;
  if (!(bytes instanceof Uint8Array)) {
    throw new FargoError(
      'bad-argument',
      `a module is a Uint8Array, an ArrayBuffer or text; ${typeof source} was given`,
    );
  }
  return hasMagic(bytes) ? bytes : parts.parse(new TextDecoder().decode(bytes));
}
