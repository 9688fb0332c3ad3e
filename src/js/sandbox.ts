/**
 * A source of JavaScript as a sandbox: loaded and warmed once, forked for each request.
 *
 * ```
 *   engine ──fork──> load ──> warm ──snapshot──> Sandbox ──fork──> SandboxMachine ──call──> value
 * ```
 *
 * Loading and warming happen in a machine: what the source does at its top is limited as any call is, and nothing of it runs in
 * this process.
 */

import { disposable } from '../base/dispose.ts';
import { FargoError } from '../base/errors.ts';
import { ComponentMachine } from '../component/component-machine.ts';
import type { ComponentSnapshot } from '../component/component-snapshot.ts';
import { DEFAULT_BUDGET, type MachineLimits } from '../machine/limits.ts';
import type { Machine, OutputSink } from '../machine/machine.ts';
import type { OutputChunk } from '../machine/outcome.ts';
import type { SaveOptions } from '../machine/snapshot.ts';
import type { Usage } from '../machine/usage.ts';
import type { Engine, SandboxImports, Scope } from './engine.ts';
import type { EngineExports } from './engine-world.ts';
import { described, type PlaceInSource } from './guest-error.ts';
import { placeIn, readNotes, type PlaceNotes } from './places.ts';
import { fromText, toText } from './values.ts';

/** What a source exports, where its type is not given: any functions. */
// oxlint-disable-next-line typescript/no-explicit-any -- only the source knows
export type AnyFunctions = Record<string, (...args: any[]) => any>;
/** Names of what a source exports. */
export type FunctionName<Functions> = Extract<keyof Functions, string>;
/** What a function takes. */
export type FunctionArgs<F> = F extends (...args: infer Args) => unknown ? Args : never;
/** What a call of it gives: where that is a promise, what the promise gives. */
export type FunctionResult<F> = F extends (...args: never[]) => infer Result ? Awaited<Result> : never;

/** A call: the export's name, then its arguments. */
export type SandboxCall<Functions = AnyFunctions> = {
  [Name in FunctionName<Functions>]: readonly [name: Name, ...args: FunctionArgs<Functions[Name]>];
}[FunctionName<Functions>];

/** Text that a guest wrote to its console. */
export interface ConsoleText {
  /** `console.log`, `info` and `debug`... write to stdout or stderr as the engine has it. */
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

export interface SandboxOptions<Functions = AnyFunctions> {
  /** Calls that are made once, in order, before the template is taken. */
  readonly warm?: readonly SandboxCall<Functions>[];
  /** Functions of the host that the source may import: `import { get } from 'db'` is `{ db: { get } }`. Default none. */
  readonly imports?: SandboxImports;
  /**
   * Of every child. Default: 256 MiB of memory; the work of one call 10,000,000,000 instructions of the engine, some seconds.
   * To load and to warm the source has no less work than that, which is some instructions for each character. See `MachineLimits`.
   */
  readonly limits?: MachineLimits;
  /** Milliseconds that one call may sleep, as timers do: they stop the whole host. Default 1000. */
  readonly sleepMs?: number;
  /**
   * Random numbers while the source loads and is warmed: `'refuse'` (default) throws in the guest, since all children would
   * have the same; `'allow'` takes that. A child has its own in either case.
   */
  readonly templateEntropy?: 'refuse' | 'allow';
  /** Where console output goes, of the template too. Default: it waits for `takeOutput`. */
  readonly onOutput?: (text: ConsoleText) => void;
  /** Of the source, in stacks. Default `app.js`. */
  readonly name?: string;
}

/** A source that an engine can evaluate: see `node/modules.ts`. */
export interface LoadableSource {
  /** The module as a function. */
  readonly code: string;
  readonly notes: PlaceNotes;
}

/** 256 MiB. */
const MEMORY_PAGES = 4096;
const SLEEP_MS = 1000;
const REFUSAL =
  'draws entropy while the template is made, and every child would have the same: draw it in a call, or allow it by templateEntropy';

/** Characters of the names of exports in a message. */
const KNOWN_MAX = 500;

/** What all machines of a sandbox have. */
interface Shared {
  readonly engine: Engine;
  readonly scope: Scope;
  readonly functions: ReadonlySet<string>;
  readonly limits: MachineLimits;
  readonly place: PlaceInSource;
  readonly name: string;
  /** Where it is not the template's own. */
  readonly onOutput?: OutputSink;
}

type Vm = ComponentMachine<EngineExports>;

/**
 * Loads and warms a source in an engine.
 *
 *
 * @throws GuestError for what the source throws, SyntaxError among them; TrapError; FargoError `bad-argument`, `no-export`
 */
export function createSandbox<Functions = AnyFunctions>(
  engine: Engine,
  { code, notes }: LoadableSource,
  options: SandboxOptions<Functions> = {},
): Sandbox<Functions> {
  const { warm = [], imports = {}, templateEntropy = 'refuse', onOutput, name = 'app.js' } = options;
  const scope: Scope = { imports, entropyRefusal: undefined, sleepNs: sleepNsOf(options.sleepMs ?? SLEEP_MS) };
  const making: Scope = { ...scope, entropyRefusal: templateEntropy === 'refuse' ? REFUSAL : undefined };
  const place = placeIn(notes);
  const sink = onOutput && sinkFor(onOutput);
  const limits = { memoryPages: MEMORY_PAGES, ...options.limits };
  const { budget, ...others } = limits;
  const [made] = engine.base.fork(1, {
    limits: budget === undefined || budget < DEFAULT_BUDGET ? others : limits,
    ...(sink && { onOutput: sink }),
  });
  const vm = made!;
  try {
    const given = Object.entries(imports).map(([specifier, each]) => [specifier, Object.keys(each)]);
    const { guest } = vm.exports;
    const functions = new Set(
      engine.run(making, () =>
        attempt(name, place, () => {
          guest.refuseEntropy(making.entropyRefusal);
          return guest.load(placeName(name), code, toText(given), toText(notes));
        }),
      ),
    );
    const template = new SandboxMachine<Functions>(vm, { engine, scope: making, functions, limits, place, name });
    for (const [each, ...args] of warm) template.call(each, ...(args as FunctionArgs<Functions[typeof each]>));
    engine.run(scope, () => guest.refuseEntropy(undefined));
    return new Sandbox<Functions>(vm.snapshot(), {
      engine,
      scope,
      functions,
      limits,
      place,
      name,
    });
  } finally {
    vm.dispose();
  }
}

/** A sandbox that was saved, as an engine has it: its template. @throws FargoError `invalid-image`, `bad-argument` */
export function savedSandbox<Functions = AnyFunctions>(
  engine: Engine,
  options: Omit<SandboxOptions, 'warm' | 'templateEntropy' | 'name'>,
): Sandbox<Functions> {
  const { imports = {}, onOutput } = options;
  const scope: Scope = { imports, entropyRefusal: undefined, sleepNs: sleepNsOf(options.sleepMs ?? SLEEP_MS) };
  const limits = { memoryPages: MEMORY_PAGES, ...options.limits };
  let probe: Vm | undefined;
  try {
    [probe] = engine.base.fork(1, { limits });
    const { functions, notes: read } = engine.run(scope, () => describedBy(probe!));
    return new Sandbox<Functions>(engine.base, {
      engine,
      scope,
      functions: new Set(functions),
      limits,
      place: placeIn(read),
      name: read.name,
      ...(onOutput && { onOutput: sinkFor(onOutput) }),
    });
  } catch (error) {
    engine.base.dispose();
    throw error;
  } finally {
    probe?.dispose();
  }
}

/** What an engine's guest says of what is loaded, which may be anything. @throws FargoError `invalid-image` */
function describedBy({ exports }: Vm): { readonly functions: readonly string[]; readonly notes: PlaceNotes } {
  const { describe, call } = (exports as Partial<EngineExports>).guest ?? {};
  const { functions, notes } = (typeof call === 'function' && describe?.()) || {};
  const names = Array.isArray(functions) ? (functions as readonly unknown[]) : [undefined];
  if (typeof notes !== 'string' || notes === '' || !names.every((each) => typeof each === 'string')) {
    return { functions: [], notes: readNotes(undefined) };
  }
  return { functions: names, notes: readNotes(fromText(notes)) };
}

/** A template: a source that is loaded and warm. Its children are forks of it. */
export class Sandbox<Functions = AnyFunctions> {
  static {
    disposable(this);
  }

  readonly #snapshot: ComponentSnapshot<EngineExports>;
  readonly #shared: Shared;

  /** @internal */
  constructor(snapshot: ComponentSnapshot<EngineExports>, shared: Shared) {
    this.#snapshot = snapshot;
    this.#shared = shared;
  }

  /** The snapshot below. */
  get snapshot(): ComponentSnapshot {
    return this.#snapshot;
  }

  /** Names of the functions that the source exports. */
  get functions(): readonly string[] {
    return [...this.#shared.functions];
  }

  /** A child, or many. The caller disposes them. @throws FargoError as `Snapshot.fork` */
  fork(): SandboxMachine<Functions>;
  fork(count: number): SandboxMachine<Functions>[];
  fork(count?: number): SandboxMachine<Functions> | SandboxMachine<Functions>[] {
    const child = (vm: Vm): SandboxMachine<Functions> => new SandboxMachine<Functions>(vm, this.#shared);
    const { limits, onOutput } = this.#shared;
    const children = this.#snapshot.fork(count ?? 1, { limits, ...(onOutput && { onOutput }) }).map(child);
    return count === undefined ? children[0]! : children;
  }

  /** One call in a child of its own, which is disposed after. @throws as {@link SandboxMachine.call} */
  run<Name extends FunctionName<Functions>>(
    name: Name,
    ...args: FunctionArgs<Functions[Name]>
  ): FunctionResult<Functions[Name]> {
    const child = this.fork();
    try {
      return child.call(name, ...args);
    } finally {
      child.dispose();
    }
  }

  /**
   * The template as a file, for `loadSandbox`: with the engine, so that nothing has to be built there.
   *
   * @throws FargoError as `Snapshot.save`
   */
  save(options: Pick<SaveOptions, 'compress'> = {}): Promise<Uint8Array> {
    return this.#snapshot.save(options);
  }

  /**
   * A machine that descends from this template and was forked by other means, such as a fixture's child.
   *
   * @throws FargoError `bad-argument` for any other machine
   */
  adopt(vm: Machine): SandboxMachine<Functions> {
    const { program, identity } = this.#snapshot;
    if (!(vm instanceof ComponentMachine) || vm.program !== program || !vm.lineage.includes(identity.id)) {
      throw new FargoError('bad-argument', `machine ${vm.id} does not descend from this template`);
    }
    return new SandboxMachine<Functions>(vm as Vm, this.#shared);
  }

  /** Children live on. */
  dispose(): void {
    this.#snapshot.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A machine with a source: its module's state, its own random numbers and clock. */
export class SandboxMachine<Functions = AnyFunctions> {
  static {
    disposable(this);
  }

  readonly #vm: Vm;
  readonly #shared: Shared;

  /** @internal */
  constructor(vm: Vm, shared: Shared) {
    this.#vm = vm;
    this.#shared = shared;
  }

  /** The machine below. */
  get vm(): ComponentMachine {
    return this.#vm;
  }

  /**
   * Calls an export. Values cross as copies: what JSON has, and `undefined`, bigints, dates, bytes, Map, Set, errors. A promise
   * is waited for: the call returns what it gives.
   *
   * What the source throws leaves its state as it is then, as in any JavaScript; a limit or a trap undoes the whole call.
   *
   * @throws GuestError for what the source throws; TrapError when a limit is reached; FargoError `no-export`, `limit`,
   *   `bad-argument`; ValueError for an argument that can't cross
   */
  call<Name extends FunctionName<Functions>>(
    name: Name,
    ...args: FunctionArgs<Functions[Name]>
  ): FunctionResult<Functions[Name]> {
    const { engine, scope, functions, place, name: source } = this.#shared;
    if (!functions.has(name)) {
      const known = [...functions].join(', ').slice(0, KNOWN_MAX) || 'none';
      throw new FargoError('no-export', `${source} exports no function ${String(name)}; it exports ${known}`);
    }
    const given = toText(args);
    const { guest } = this.#vm.exports;
    const text = engine.run(scope, () => attempt(`${source}: ${name}()`, place, () => guest.call(name, given)));
    return fromText(text) as FunctionResult<Functions[Name]>;
  }

  /** A child of this machine, as it is now. @throws FargoError as `Machine.fork` */
  fork(): SandboxMachine<Functions>;
  fork(count: number): SandboxMachine<Functions>[];
  fork(count?: number): SandboxMachine<Functions> | SandboxMachine<Functions>[] {
    const child = (vm: Vm): SandboxMachine<Functions> => new SandboxMachine<Functions>(vm, this.#shared);
    return count === undefined ? child(this.#vm.fork()) : this.#vm.fork(count).map(child);
  }

  /** This instant as a template. The caller disposes it. */
  snapshot(): Sandbox<Functions> {
    return new Sandbox<Functions>(this.#vm.snapshot(), this.#shared);
  }

  /** Goes back to what it was when it was forked. */
  reset(): void {
    this.#vm.reset();
  }

  /** What was written to the console and has gone nowhere else. */
  takeOutput(): ConsoleText[] {
    return this.#vm.takeOutput().map(consoleReader());
  }

  usage(): Usage {
    return this.#vm.usage();
  }

  dispose(): void {
    this.#vm.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function attempt<T>(what: string, place: PlaceInSource, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw described(error, what, place);
  }
}

/** Reads output of one machine, which comes in pieces that end anywhere, within a character too. */
function consoleReader(): (chunk: OutputChunk) => ConsoleText {
  const [stdout, stderr] = [
    new TextDecoder('utf-8', { ignoreBOM: true }),
    new TextDecoder('utf-8', { ignoreBOM: true }),
  ];
  const decoders = { stdout, stderr };
  return ({ stream, bytes }) => ({ stream, text: decoders[stream].decode(bytes, { stream: true }) });
}

function sinkFor(onOutput: (text: ConsoleText) => void): OutputSink {
  const readers = new WeakMap<Machine, ReturnType<typeof consoleReader>>();
  return (chunk, machine) => {
    const known = readers.get(machine);
    const read = known ?? consoleReader();
    if (known === undefined) readers.set(machine, read);
    onOutput(read(chunk));
  };
}

/** For the engine's comment that names the source: one word. */
function placeName(name: string): string {
  return name.replaceAll(/[^\w./@-]/g, '_');
}

function sleepNsOf(ms: number): bigint {
  if (!(ms >= 0 && ms <= 3_600_000)) {
    throw new FargoError('bad-argument', `sleepMs is ${ms}; 0 to 3600000 are allowed`);
  }
  return BigInt(Math.floor(ms * 1e6));
}
