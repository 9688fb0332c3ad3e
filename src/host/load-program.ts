/**
 * The program of a saved snapshot: units that are here already (of a parent or image) as they are, the others instrumented,
 * compiled and linked anew, with every check that building and linking have.
 */

import { FargoError } from '../base/errors.ts';
import type { Fields } from '../base/fields.ts';
import { wasiOfSaved, type WasiOptions } from '../devices/index.ts';
import { canonicalJson } from '../image/snapshot/documents.ts';
import { MediaType } from '../image/snapshot/media-types.ts';
import { instrument } from '../instrument/instrument.ts';
import { GUEST_WASM_PAGES_MAX } from '../instrument/layout.ts';
import { checkSizes, requireTableEntries } from '../machine/boot.ts';
import type { DeviceFactory, SavedDevice } from '../machine/device.ts';
import { DEFAULT_TABLE_ENTRIES, type MachineLimits } from '../machine/limits.ts';
import { Program, type Unit } from '../machine/program.ts';
import type { Runtime } from '../machine/runtime.ts';
import { compile } from './compile.ts';
import type { Imports } from './imports.ts';
import { providerModule } from './provider.ts';
import { invalid, type SavedFile } from './saved-file.ts';
import { readUnits, resolveLinks, saveUnits, type SavedUnit } from './saved-units.ts';
import { rememberSource } from './sources.ts';

/** What the embedder gives for a program. */
interface ProgramOptions {
  readonly imports?: Imports;
  readonly wasi?: WasiOptions;
  readonly devices?: readonly DeviceFactory[];
}

export interface ProgramContext {
  readonly runtime: Runtime;
  readonly options: ProgramOptions;
  /** How large memories and tables may be. */
  readonly sizes: MachineLimits;
  readonly shared: Program | undefined;
  readonly devices: readonly (SavedDevice & { readonly name: string })[];
}

export interface LoadedProgram {
  readonly program: Program;
  readonly names: ReadonlyMap<string, number>;
}

/** The program of the units that the file names: as many as possible of a program that is here, the rest built anew. */
export async function loadProgram(file: SavedFile, fields: Fields, context: ProgramContext): Promise<LoadedProgram> {
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
        if (unit.source.kind === 'module') file.passModule(unit.source.digest);
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
      const compiled = await compile(bytes);
      rememberSource(compiled, source);
      return { compiled, meta };
    }
    const bytes = takeModule(file, source.digest, position);
    const instrumented = instrument(bytes, { budget: source.budget, exactCalls });
    const compiled = await compile(instrumented.bytes);
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
  let hasWasi = false;
  const made = devices.map((saved) => {
    const at = given.findIndex(({ name }) => name === saved.name);
    if (at >= 0) return given.splice(at, 1)[0]!;
    if (saved.name === WASI_NAME) {
      // Each has files of its own, which the same layers could fill a thousand times over.
      if (hasWasi) throw invalid('config.state.devices has WASI twice');
      hasWasi = true;
      return wasiOfSaved(saved, options.wasi ?? {}) as DeviceFactory;
    }
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
      if (kind === 'tableEntries') {
        requireTableEntries(
          sizesAtLink[kind].reduce((sum, size) => sum + size, 0),
          limits,
        );
      }
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
export function highest(
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
