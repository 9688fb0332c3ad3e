/** The state of a saved snapshot: memories, registers, tables and devices, checked against the program that it is for. */

import { FargoError } from '../base/errors.ts';
import type { Fields } from '../base/fields.ts';
import { PAGES_PER_WASM_PAGE } from '../base/units.ts';
import { MediaType } from '../image/snapshot/media-types.ts';
import type { SavedDevice } from '../machine/device.ts';
import type { MachineLimits } from '../machine/limits.ts';
import type { Program } from '../machine/program.ts';
import type { Runtime } from '../machine/runtime.ts';
import type { Snapshot } from '../machine/snapshot.ts';
import { State } from '../machine/state.ts';
import type { PageMapRoot } from '../memory/page-map.ts';
import { loadPages, readSavedPages, type SavedMap } from '../memory/saved-pages.ts';
import { highest } from './load-program.ts';
import { DIGEST_LENGTH, invalid, type SavedFile } from './saved-file.ts';
import { readRegisters } from './saved-registers.ts';
import { loadTables } from './saved-tables.ts';

/** Units, memories, devices of a program. Threat: time. */
const UNITS = 1000;
const NAME_LENGTH = 100_000;

/** What the file says of devices, which check it themselves when they are loaded. */
export function readDevices(file: SavedFile, state: Fields): (SavedDevice & { readonly name: string })[] {
  return state.objects('devices', UNITS, (fields) => {
    const blobs = Object.create(null) as Record<string, Uint8Array>;
    const given = fields.object('blobs');
    for (const name of given.names) {
      blobs[name] = file.layer(given.text(name, DIGEST_LENGTH), MediaType.device, `${given.path}.${name}`);
    }
    return { name: fields.text('name', NAME_LENGTH), path: `${fields.path}.state`, state: fields.any('state'), blobs };
  });
}

/** What a difference is laid over. */
export interface Beneath {
  readonly snapshot: Snapshot;
  /** States of its devices, as the file's sender had them. */
  readonly devices: readonly unknown[];
}

export interface StateContext {
  readonly runtime: Runtime;
  readonly program: Program;
  readonly sizes: MachineLimits;
  readonly devices: readonly SavedDevice[];
  readonly beneath: Beneath | undefined;
}

/** The state, held once. Everything synchronous: no guest and no one else runs meanwhile. */
export function loadState(file: SavedFile, fields: Fields, context: StateContext): State {
  const { runtime, program, sizes, devices, beneath } = context;
  if (program.birth === undefined) runtime.cores.create(program);
  const birth = program.birth!;
  const registers = fields.objects('registers', UNITS, (each, unit) => {
    const meta = program.units[unit]?.meta;
    if (meta === undefined) throw invalid(`${each.path} is of no unit`);
    return readRegisters(each, meta);
  });
  if (registers.length !== program.units.length) throw fields.wrong('registers', `${program.units.length} of them`);
  const tables = loadTables(program, file.optionalLayer(fields, 'tables', MediaType.tables), sizes);
  const known = new Map<Uint8Array, SavedMap>();
  const memories = fields.objects('memories', UNITS, (each, position) => {
    const least = birth.wasmPages[position];
    if (least === undefined) throw invalid(`${each.path} is of no memory`);
    const { unit, index } = program.memories[position]!;
    const { type } = program.units[unit]!.meta.memories[index]!;
    const wasmPages = each.number('wasmPages', [least, highest('wasmPages', type.max, { min: least, limits: sizes })]);
    const blob = file.optionalLayer(each, 'pages', MediaType.memory);
    const pages = wasmPages * PAGES_PER_WASM_PAGE;
    const what = `the pages of memory ${position}`;
    let saved = blob && known.get(blob);
    if (blob !== undefined && (saved === undefined || endOf(saved) > pages)) {
      saved = readSavedPages(what, blob, (key) => (key === 0 ? pages : undefined))[0]!;
      known.set(blob, saved);
    }
    return { wasmPages, saved };
  });
  if (memories.length !== program.memories.length) throw fields.wrong('memories', `${program.memories.length} of them`);
  fields.end();

  const roots: PageMapRoot[] = [];
  const states: unknown[] = [];
  const belowOf = (position: number): PageMapRoot => beneath?.snapshot.state.roots[position] ?? 0;
  try {
    memories.forEach(({ saved, wasmPages }, position) => {
      const below = belowOf(position);
      if ((beneath?.snapshot.state.wasmPages[position] ?? 0) > wasmPages) {
        throw invalid(`config.state.memories[${position}] is smaller than that of the parent: memories never shrink`);
      }
      // A layer may be that of a thousand memories: it is laid out once.
      const twin = memories.findIndex((each, at) => each.saved === saved && belowOf(at) === below);
      const same = saved === undefined ? below : roots[twin];
      if (same !== undefined) runtime.maps.retain(same);
      roots.push(same ?? loadPages(runtime, below, saved!));
    });
    program.devices.forEach((factory, index) => {
      if (factory.load === undefined) {
        throw new FargoError('unsupported', `the device "${factory.name}" can't be loaded`);
      }
      states.push(factory.load(devices[index]!, { storage: runtime, beneath: beneath?.devices[index] }));
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

/** Pages from here on are not in it. */
function endOf({ stored, cleared }: SavedMap): number {
  return Math.max(stored.at(-1) ?? -1, cleared.at(-1) ?? -1) + 1;
}
