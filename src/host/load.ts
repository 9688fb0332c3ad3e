/**
 * Loading: from a file to a snapshot of this host. The file is verified and read whole before anything is built; modules
 * are validated and instrumented here, as if they had been given to `Host.build`; what the state says is checked against
 * them. If anything is wrong nothing is left behind (I8).
 *
 * ```
 *   file ─[verify]─> config, layers ─[validate, instrument, link]─> program ─[first core]─> sizes at birth ─┐
 *                                        (or that of a parent or image)                                     ▼
 *                                               snapshot <─[identity: new]─ state <─[pages, tables, devices checked]
 * ```
 */

import { FargoError } from '../base/errors.ts';
import { Fields } from '../base/fields.ts';
import { PAGES_PER_WASM_PAGE, type ByteCount } from '../base/units.ts';
import { wasiOfSaved, type WasiOptions } from '../devices/index.ts';
import { SNAPSHOT_BYTES } from '../image/snapshot/limits.ts';
import { MediaType } from '../image/snapshot/media-types.ts';
import { readLayout, type OpenedLayout } from '../image/snapshot/read-layout.ts';
import { instrument } from '../instrument/instrument.ts';
import { GUEST_WASM_PAGES_MAX } from '../instrument/layout.ts';
import { checkSizes } from '../machine/boot.ts';
import type { DeviceFactory, SavedDevice } from '../machine/device.ts';
import { LINEAGE_LENGTH, loadedIdentity } from '../machine/identity.ts';
import {
  checkLimits,
  DEFAULT_BUDGET,
  DEFAULT_CALL_DEPTH,
  DEFAULT_OUTPUT_BYTES,
  DEFAULT_TABLE_ENTRIES,
  type MachineLimits,
} from '../machine/limits.ts';
import type { Machine, OutputSink, TrapPolicy } from '../machine/machine.ts';
import { Program, type Unit } from '../machine/program.ts';
import type { Runtime } from '../machine/runtime.ts';
import { Snapshot } from '../machine/snapshot.ts';
import { State } from '../machine/state.ts';
import type { PageMapRoot } from '../memory/page-map.ts';
import { loadPages, readSavedPages } from '../memory/saved-pages.ts';
import { hooksOf, type Image } from './image.ts';
import type { Imports } from './imports.ts';
import { providerModule } from './provider.ts';
import { FORMAT_VERSION } from './save.ts';
import { readRegisters } from './saved-registers.ts';
import { loadTables } from './saved-tables.ts';
import { readUnits, resolveLinks, saveUnits, type SavedUnit } from './saved-units.ts';
import { modulesOf, rememberSource } from './sources.ts';
import { canonicalJson } from '../image/snapshot/documents.ts';

/** Options of `Host.load`. */
export interface LoadOptions {
  /** Functions of the host, as when the guest was built. Memories, tables and values are in the file. */
  readonly imports?: Imports;
  /**
   * Ports for WASI (`clock`, `entropy`, a port as `stdin`), and what is to be other than where the machine was saved: `args`,
   * `env`, `terminal`, `limits`, `pausedBySnapshot`, `clockResolutionNs`. Files are the machine's own.
   */
  readonly wasi?: WasiOptions;
  /** Further devices, by name. */
  readonly devices?: readonly DeviceFactory[];
  /**
   * An image of the same module, built here: nothing is compiled again, and cores are shared. Its imports and options count.
   */
  readonly image?: Image;
  /** The snapshot that the file is the difference to. Its program and options count, as those of an image. */
  readonly parent?: Snapshot;
  /** Limits of children. Default: those of the file, as far as they are not above the defaults. */
  readonly limits?: MachineLimits;
  /** What happens to what a trapped call has written. Default: as the file says. */
  readonly onTrap?: TrapPolicy;
  /** Where committed output of children goes. Default: it waits for `takeOutput`. */
  readonly onOutput?: OutputSink;
  /** Told when a child's call has effects that are final, or undone. */
  readonly onCommit?: (machine: Machine) => void;
  readonly onRollback?: (machine: Machine) => void;
  /** Of the file, and of what is inflated of it, at most. Default 2 GiB. */
  readonly maxBytes?: ByteCount;
}

const UNITS = 1000;
const NAME_LENGTH = 100_000;
const DIGEST_LENGTH = 71;
const COUNT: readonly [number, number] = [0, 0xffff_ffff];
const NO_LIMITS: MachineLimits = {};

/** Config and layers of a file; layers are taken one by one, and all must be. */
class SavedFile {
  readonly config: Fields;
  readonly digest: string;
  readonly #layers: OpenedLayout['layers'];
  readonly #taken = new Set<string>();

  constructor({ config, digest, layers }: OpenedLayout) {
    this.config = new Fields(config, 'config');
    this.digest = digest;
    this.#layers = layers;
  }

  /** The bytes of a layer of the type that is expected. */
  layer(digest: string, mediaType: string, path: string): Uint8Array<ArrayBuffer> {
    const found = this.#layers.get(digest);
    if (found?.mediaType !== mediaType) {
      const what = found === undefined ? 'no layer' : `a layer of type "${found.mediaType}"`;
      throw invalid(`${path} names ${digest.slice(0, DIGEST_LENGTH)}, ${what}; a "${mediaType}" is expected`);
    }
    this.#taken.add(digest);
    return found.bytes;
  }

  /** The layer that a field names, or undefined where it is null. */
  optionalLayer(fields: Fields, name: string, mediaType: string): Uint8Array<ArrayBuffer> | undefined {
    const digest = fields.optional(name, (of, field) => of.text(field, DIGEST_LENGTH));
    return digest === undefined ? undefined : this.layer(digest, mediaType, `${fields.path}.${name}`);
  }

  /** A layer is of no use here, if it is there at all. */
  pass(digest: string): void {
    this.#taken.add(digest);
  }

  end(): void {
    for (const digest of this.#layers.keys()) {
      if (!this.#taken.has(digest)) throw invalid(`the manifest has a layer ${digest} that the config does not name`);
    }
  }
}

/** The snapshot in a file. As `Host.load`. */
export async function loadSnapshot(runtime: Runtime, bytes: Uint8Array, options: LoadOptions): Promise<Snapshot> {
  const { parent, image } = checkOptions(runtime, bytes, options);
  const shared = parent?.program ?? image?.program;
  const known = shared === undefined ? undefined : await modulesOf(shared);
  const file = new SavedFile(await readLayout(bytes, options.maxBytes ?? SNAPSHOT_BYTES, known));
  const { config } = file;
  config.number('formatVersion', [FORMAT_VERSION, FORMAT_VERSION]);
  const beneath = checkParent(
    config.optional('parent', (of, name) => of.text(name, DIGEST_LENGTH)),
    parent,
  );
  const machine = readMachine(config.object('machine'));
  const limits = checkLimits(options.limits ?? machine.limits);
  // A machine may be larger than what it is allowed to grow to, if its own limits say so.
  const sizes = options.limits ?? NO_LIMITS;
  const programFields = config.object('program');
  const stateFields = config.object('state');
  config.end();
  const devices = readDevices(file, stateFields);
  const { program, names } = await loadProgram(file, programFields, { runtime, options, sizes, shared, devices });
  try {
    if (runtime.disposed) throw new FargoError('disposed', 'the host was disposed');
    if (program.birth === undefined) await runtime.cores.createAsync(program);
    runtime.requireStack();
    if (parent?.disposed === true) throw new FargoError('disposed', 'the parent was disposed');
    const state = loadState(file, stateFields, { runtime, program, sizes, devices, beneath });
    try {
      file.end();
      const snapshot = new Snapshot(
        {
          runtime,
          program,
          names,
          identity: loadedIdentity(machine.generation, machine.lineage),
          limits,
          onTrap: options.onTrap ?? machine.onTrap,
          hooks: hooksOf(options) ?? parent?.hooks ?? image?.hooks,
          onOutput: options.onOutput ?? parent?.onOutput,
          settle: () => state,
        },
        state,
      );
      snapshot.saved = { digest: file.digest, devices: state.devices };
      return snapshot;
    } finally {
      state.drop(runtime.maps);
    }
  } catch (error) {
    if (program.users === 0 && !program.kept && !runtime.disposed) runtime.retire(program);
    if (error instanceof RangeError) {
      throw new FargoError('limit', `the engine refused what the snapshot needs: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function checkOptions(runtime: Runtime, bytes: Uint8Array, options: LoadOptions): LoadOptions {
  if (runtime.disposed) throw new FargoError('disposed', 'the host was disposed');
  if (!(bytes instanceof Uint8Array)) {
    throw new FargoError('bad-argument', `a snapshot file is a Uint8Array; ${typeof bytes} was given`);
  }
  const { parent, image, maxBytes = 0 } = options;
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) {
    throw new FargoError('bad-argument', `maxBytes is ${maxBytes}; a whole number from 0 is expected`);
  }
  if (parent !== undefined && image !== undefined) throw new FargoError('bad-argument', 'give "parent" or "image"');
  if ((parent !== undefined && parent.runtime !== runtime) || (image !== undefined && !image.isOf(runtime))) {
    throw new FargoError('bad-argument', 'the parent or image is of another host');
  }
  if (parent?.disposed === true || image?.program.kept === false) {
    throw new FargoError('disposed', 'the parent or image was disposed');
  }
  for (const name of ['imports', 'wasi', 'devices'] as const) {
    if (options[name] === undefined || (parent ?? image) === undefined) continue;
    throw new FargoError('bad-argument', `"${name}" is that of the parent or image; it can't be given too`);
  }
  return options;
}

/** What a difference is laid over. */
function checkParent(digest: string | undefined, parent: Snapshot | undefined): Snapshot | undefined {
  if (digest === undefined) return undefined;
  if (parent === undefined) {
    throw new FargoError('bad-argument', `the file is the difference to snapshot ${digest}: give that as "parent"`);
  }
  if (parent.saved?.digest === digest) return parent;
  const given = parent.saved === undefined ? 'neither saved nor loaded' : parent.saved.digest;
  throw new FargoError(
    'bad-argument',
    `the file is the difference to snapshot ${digest}; the parent given is ${given}`,
  );
}

interface SavedMachine {
  readonly generation: number;
  readonly lineage: string;
  readonly onTrap: TrapPolicy;
  /** Not above the defaults. */
  readonly limits: MachineLimits;
}

function readMachine(fields: Fields): SavedMachine {
  const limits = fields.object('limits');
  const number = (name: string, highest: number): number | undefined => {
    const found = limits.optional(name, (of, field) => of.number(field, COUNT));
    return found === undefined ? undefined : Math.min(found, highest);
  };
  const memoryPages = number('memoryPages', 0xffff_ffff);
  const tableEntries = number('tableEntries', DEFAULT_TABLE_ENTRIES);
  const callDepth = number('callDepth', DEFAULT_CALL_DEPTH);
  const outputBytes = number('outputBytes', DEFAULT_OUTPUT_BYTES);
  const budget = limits.optional('budget', (of, field) => of.bigint(field, [0n, 2n ** 63n - 1n]));
  limits.end();
  const machine: SavedMachine = {
    generation: fields.number('generation', [0, 2 ** 31 - 1]),
    lineage: fields.text('lineage', LINEAGE_LENGTH),
    onTrap: fields.word('onTrap', ['rollback', 'keep']),
    limits: {
      ...(memoryPages !== undefined && { memoryPages }),
      ...(tableEntries !== undefined && { tableEntries }),
      ...(callDepth !== undefined && { callDepth }),
      ...(outputBytes !== undefined && { outputBytes }),
      ...(budget !== undefined && { budget: budget < DEFAULT_BUDGET ? budget : DEFAULT_BUDGET }),
    },
  };
  fields.end();
  return machine;
}

function readDevices(file: SavedFile, state: Fields): (SavedDevice & { readonly name: string })[] {
  return state.objects('devices', UNITS, (fields) => {
    const blobs = Object.create(null) as Record<string, Uint8Array>;
    const given = fields.object('blobs');
    for (const name of given.names) {
      blobs[name] = file.layer(given.text(name, DIGEST_LENGTH), MediaType.device, `${given.path}.${name}`);
    }
    return { name: fields.text('name', NAME_LENGTH), path: `${fields.path}.state`, state: fields.any('state'), blobs };
  });
}

interface ProgramContext {
  readonly runtime: Runtime;
  readonly options: LoadOptions;
  /** How large memories and tables may be. */
  readonly sizes: MachineLimits;
  readonly shared: Program | undefined;
  readonly devices: readonly (SavedDevice & { readonly name: string })[];
}

interface LoadedProgram {
  readonly program: Program;
  readonly names: ReadonlyMap<string, number>;
}

/** The program of the units that the file names: as many as possible of a program that is here, the rest built anew. */
async function loadProgram(file: SavedFile, fields: Fields, context: ProgramContext): Promise<LoadedProgram> {
  const { runtime, options, sizes, shared } = context;
  const saved = readUnits(fields, 'units');
  const main = fields.number('main', [0, saved.length - 1]);
  const namesFields = fields.object('names');
  const names = new Map<string, number>();
  for (const name of namesFields.names) names.set(name, namesFields.number(name, [0, saved.length - 1]));
  fields.end();

  const factories = shared?.devices ?? makeDevices(context);
  const deviceNames = factories.map(({ name }) => name);
  if (deviceNames.join() !== context.devices.map(({ name }) => name).join()) {
    throw invalid(`config.state.devices are not those of the image: ${deviceNames.join(', ') || 'none'}`);
  }
  const probes = factories.map((factory) => factory.create(runtime));
  try {
    const units: Unit[] = await sharedUnits(saved, shared);
    const built = new Map<string, Compiled>();
    for (const [position, unit] of saved.entries()) {
      if (position < units.length) {
        if (unit.source.kind === 'module') file.pass(unit.source.digest);
        continue;
      }
      // A module that stands there a thousand times is compiled once.
      const { source } = unit;
      const key =
        source.kind === 'module' ? `${source.digest} ${source.budget} ${source.exactCalls}` : String(position);
      const compiled = built.get(key) ?? (await buildUnit(file, unit, position));
      built.set(key, compiled);
      const links = resolveLinks(unit, compiled.meta, { imports: options.imports ?? {}, devices: probes, units });
      units.push({ ...compiled, links, sizesAtLink: unit.sizesAtLink });
    }
    if (shared !== undefined && units.length === shared.units.length && main === shared.main) {
      return { program: shared, names };
    }
    const program = new Program(units, factories, main, false);
    checkSizes(program, sizes);
    checkSizesAtLink(program, sizes);
    return { program, names };
  } finally {
    for (const probe of probes) probe.dispose?.();
  }
}

/** Units of a program that is here, which must all be the first of the file. */
async function sharedUnits(saved: readonly SavedUnit[], shared: Program | undefined): Promise<Unit[]> {
  if (shared === undefined) return [];
  const known = (await saveUnits(shared)).map(canonicalJson);
  if (known.some((text, position) => saved[position]?.text !== text)) {
    throw new FargoError(
      'bad-argument',
      'the parent or image is not of the modules and imports that the file was saved with',
    );
  }
  return [...shared.units];
}

type Compiled = Pick<Unit, 'compiled' | 'meta'>;

async function buildUnit(file: SavedFile, { source }: SavedUnit, position: number): Promise<Compiled> {
  const { exactCalls } = source;
  try {
    if (source.kind === 'provider') {
      const { bytes, meta } = instrument(providerModule(source.items), { exactCalls });
      const compiled = await WebAssembly.compile(bytes);
      rememberSource(compiled, source);
      return { compiled, meta };
    }
    const bytes = takeModule(file, source.digest, position);
    const instrumented = instrument(bytes, { budget: source.budget, exactCalls });
    const compiled = await WebAssembly.compile(instrumented.bytes);
    rememberSource(compiled, { kind: 'module', bytes, budget: source.budget, exactCalls });
    return { compiled, meta: instrumented.meta };
  } catch (error) {
    if (!(error instanceof FargoError) || error.code !== 'invalid-module') throw error;
    throw new FargoError('invalid-image', `config.program.units[${position}]: ${error.message}`, { cause: error });
  }
}

function takeModule(file: SavedFile, digest: string, position: number): Uint8Array<ArrayBuffer> {
  return file.layer(digest, MediaType.module, `config.program.units[${position}].module`);
}

/** Devices of a program that is built anew. */
function makeDevices({ options, devices }: ProgramContext): DeviceFactory[] {
  const given = [...(options.devices ?? [])];
  const made = devices.map((saved) => {
    const at = given.findIndex(({ name }) => name === saved.name);
    if (at >= 0) return given.splice(at, 1)[0]!;
    if (saved.name === WASI_NAME) return wasiOfSaved(saved, options.wasi ?? {}) as DeviceFactory;
    throw new FargoError(
      'bad-argument',
      `the snapshot has a device "${saved.name.slice(0, 100)}": give it as one of "devices"`,
    );
  });
  if (given.length === 0) return made;
  throw new FargoError('bad-argument', `the snapshot has no device "${given[0]!.name}"`);
}

const WASI_NAME = 'wasi';

/**
 * Sizes at which units were linked, within what those before allow. A unit and its provider have the same: those of what was
 * there before both.
 */
function checkSizesAtLink({ units, memories, tables }: Program, limits: MachineLimits): void {
  units.forEach(({ sizesAtLink }, position) => {
    if (sizesAtLink === undefined) return;
    const before = {
      wasmPages: memories.filter(({ unit }) => unit < position),
      tableEntries: tables.filter(({ unit }) => unit < position),
    };
    for (const kind of ['wasmPages', 'tableEntries'] as const) {
      const fits =
        sizesAtLink[kind].length <= before[kind].length &&
        sizesAtLink[kind].every((size, at) => {
          const { unit, index } = before[kind][at]!;
          const { meta } = units[unit]!;
          const { type } = kind === 'wasmPages' ? meta.memories[index]! : meta.tables[index]!;
          return size <= highest(kind, type.max, { min: type.min, limits });
        });
      if (!fits) throw invalid(`config.program.units[${position}].sizesAtLink.${kind} are impossible`);
    }
  });
}

/** How large a memory or table may be. */
function highest(
  kind: 'wasmPages' | 'tableEntries',
  max: number | undefined,
  { min, limits }: { readonly min: number; readonly limits: MachineLimits },
): number {
  const allowed =
    kind === 'wasmPages'
      ? Math.min(limits.memoryPages ?? GUEST_WASM_PAGES_MAX, GUEST_WASM_PAGES_MAX)
      : (limits.tableEntries ?? DEFAULT_TABLE_ENTRIES);
  return Math.max(min, Math.min(max ?? allowed, allowed));
}

interface StateContext {
  readonly runtime: Runtime;
  readonly program: Program;
  readonly sizes: MachineLimits;
  readonly devices: readonly SavedDevice[];
  readonly beneath: Snapshot | undefined;
}

/** The state, held once. Everything synchronous: no guest and no one else runs meanwhile. */
function loadState(file: SavedFile, fields: Fields, context: StateContext): State {
  const { runtime, program, sizes, devices, beneath } = context;
  if (program.birth === undefined) runtime.cores.create(program);
  const birth = program.birth!;
  const registers = fields.objects('registers', UNITS, (each, unit) => {
    const meta = program.units[unit]?.meta;
    if (meta === undefined) throw invalid(`${each.path} is of no unit`);
    return readRegisters(each, meta);
  });
  if (registers.length !== program.units.length) throw fields.wrong('registers', `${program.units.length} of them`);
  const tables = loadTables(
    program,
    file.optionalLayer(fields, 'tables', MediaType.tables),
    sizes.tableEntries ?? DEFAULT_TABLE_ENTRIES,
  );
  const memories = fields.objects('memories', UNITS, (each, position) => {
    const least = birth.wasmPages[position];
    if (least === undefined) throw invalid(`${each.path} is of no memory`);
    const { unit, index } = program.memories[position]!;
    const { type } = program.units[unit]!.meta.memories[index]!;
    const wasmPages = each.number('wasmPages', [least, highest('wasmPages', type.max, { min: least, limits: sizes })]);
    const blob = file.optionalLayer(each, 'pages', MediaType.memory);
    const pages = wasmPages * PAGES_PER_WASM_PAGE;
    const what = `the pages of memory ${position}`;
    const maps = blob === undefined ? [] : readSavedPages(what, blob, (key) => (key === 0 ? pages : undefined));
    return { wasmPages, saved: maps[0] };
  });
  if (memories.length !== program.memories.length) throw fields.wrong('memories', `${program.memories.length} of them`);
  fields.end();

  const roots: PageMapRoot[] = [];
  const states: unknown[] = [];
  try {
    memories.forEach(({ saved, wasmPages }, position) => {
      const below = beneath?.state.roots[position] ?? 0;
      if ((beneath?.state.wasmPages[position] ?? 0) > wasmPages) {
        throw invalid(`config.state.memories[${position}] is smaller than that of the parent: memories never shrink`);
      }
      if (saved !== undefined) roots.push(loadPages(runtime, below, saved));
      else {
        runtime.maps.retain(below);
        roots.push(below);
      }
    });
    program.devices.forEach((factory, index) => {
      if (factory.load === undefined) {
        throw new FargoError('unsupported', `the device "${factory.name}" can't be loaded`);
      }
      states.push(factory.load(devices[index]!, { storage: runtime, beneath: beneath?.saved!.devices[index] }));
    });
  } catch (error) {
    for (const root of roots) runtime.maps.release(root);
    states.forEach((state, index) => runtime.maps.release(program.devices[index]!.root?.(state) ?? 0));
    throw error;
  }
  return new State(
    roots,
    memories.map(({ wasmPages }) => wasmPages),
    { registers, tables, devices: states, factories: program.devices },
  );
}

function invalid(what: string): FargoError {
  return new FargoError('invalid-image', what);
}
