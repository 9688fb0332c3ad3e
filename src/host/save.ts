/**
 * Saving: a snapshot as a file. All that belongs to it is gathered at once, so that nothing changes meanwhile; digests and
 * the layout come after. The format is drawn in docs/snapshot-format.md.
 */

import { FargoError } from '../base/errors.ts';
import { toHex } from '../base/bytes.ts';
import type { Json } from '../base/fields.ts';
import type { ByteCount } from '../base/units.ts';
import { requireJson } from '../image/snapshot/documents.ts';
import { JSON_DEPTH, SNAPSHOT_BYTES } from '../image/snapshot/limits.ts';
import { MediaType } from '../image/snapshot/media-types.ts';
import { LayoutWriter } from '../image/snapshot/write-layout.ts';
import type { SavedPart } from '../machine/device.ts';
import { lineageText } from '../machine/identity.ts';
import type { MachineLimits } from '../machine/limits.ts';
import type { Program } from '../machine/program.ts';
import type { SavedForm, SaveOptions, Snapshot } from '../machine/snapshot.ts';
import type { State } from '../machine/state.ts';
import { EMPTY_MAP } from '../memory/page-map.ts';
import { PagesWriter, savePages } from '../memory/saved-pages.ts';
import { componentOf } from './component-sources.ts';
import { registerTypes } from './saved-registers.ts';
import { saveTables } from './saved-tables.ts';
import { saveUnits } from './saved-units.ts';
import { sourceDigest } from './source-digests.ts';
import { sourceOf } from './sources.ts';

/** Versions of the config: of a machine of modules, and of a component's, which has a field more. Readers refuse others. */
export const FORMAT_VERSION = 1;
export const COMPONENT_FORMAT_VERSION = 2;

/** How deep the data of a device may be nested: what is read may be as deep as that, with what stands around it here. */
const DEVICE_DEPTH: number = JSON_DEPTH - 4;

/** What is saved of a state beside its modules, as bytes. */
interface Gathered {
  /** By position; undefined where there is nothing to be said. */
  readonly memories: readonly (Uint8Array<ArrayBuffer> | undefined)[];
  readonly tables: Uint8Array<ArrayBuffer> | undefined;
  readonly devices: readonly SavedPart<unknown>[];
}

/** The file. As `Snapshot.save`. */
export async function saveSnapshot(snapshot: Snapshot, options: SaveOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { program, names, limits, onTrap, identity } = snapshot;
  const maxBytes = options.maxBytes ?? SNAPSHOT_BYTES;
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) {
    throw new FargoError('bad-argument', `maxBytes is ${maxBytes}; a whole number from 0 is expected`);
  }
  const state = snapshot.settle();
  const beneath = options.parent === undefined ? undefined : parentOf(snapshot, state, options.parent);
  // Layers and devices of an embedder are asked, and may dispose what is being saved.
  const held = beneath === undefined ? [state] : [state, beneath.state];
  for (const each of held) each.hold();
  let gathered: Gathered;
  try {
    gathered = gather(snapshot, state, { maxBytes, beneath });
  } finally {
    for (const each of held) each.drop(snapshot.runtime.maps);
  }
  const { wasmPages, registers } = state;

  const writer = new LayoutWriter({ compress: options.compress ?? false, maxBytes });
  const units = await saveUnits(program);
  const component = componentOf(program);
  if (component !== undefined && beneath === undefined) {
    await writer.add(MediaType.module, component.bytes, component.digest);
  }
  // The modules of a component are made of it again.
  for (const { compiled } of component === undefined ? program.units.slice(beneath?.units ?? 0) : []) {
    const source = sourceOf(compiled);
    if (source.kind === 'module') await writer.add(MediaType.module, source.bytes, await sourceDigest(source));
  }
  const add = async (type: string, bytes: Uint8Array | undefined): Promise<Json> =>
    bytes === undefined ? null : writer.add(type, bytes);
  const memories: Json[] = [];
  for (const [position, bytes] of gathered.memories.entries()) {
    memories.push({ wasmPages: wasmPages[position]!, pages: await add(MediaType.memory, bytes) });
  }
  const tables = await add(MediaType.tables, gathered.tables);
  const devices: Json[] = [];
  for (const [index, { saved }] of gathered.devices.entries()) {
    const blobs = Object.create(null) as Record<string, Json>;
    for (const [name, bytes] of Object.entries(saved.blobs)) blobs[name] = await add(MediaType.device, bytes);
    devices.push({ name: program.devices[index]!.name, state: saved.state, blobs });
  }
  const { bytes, digest } = await writer.finish({
    ...(component === undefined
      ? { formatVersion: FORMAT_VERSION }
      : {
          formatVersion: COMPONENT_FORMAT_VERSION,
          component: { module: component.digest, glue: component.glue, budget: component.budget },
        }),
    parent: beneath?.saved.digest ?? null,
    program: { units, main: program.main, names: Object.fromEntries(names) },
    machine: { generation: identity.generation, lineage: lineageText(identity), onTrap, limits: saveLimits(limits) },
    state: {
      memories,
      registers: registers.map((words, unit) => ({
        types: registerTypes(program.units[unit]!.meta),
        bytes: toHex(new Uint8Array(words.buffer, words.byteOffset, words.byteLength)),
      })),
      tables,
      devices,
    },
  });
  snapshot.saved = { digest, devices: gathered.devices.map(({ whole }) => whole) };
  return bytes;
}

interface Beneath {
  readonly state: State;
  readonly saved: SavedForm;
  /** Units that the receiver has. */
  readonly units: number;
}

/** What the receiver of a difference has. */
function parentOf(snapshot: Snapshot, { wasmPages }: State, parent: Snapshot): Beneath {
  if (parent.runtime !== snapshot.runtime) throw new FargoError('bad-argument', 'the parent is of another host');
  const units = parent.program.units.length;
  if (!isExtension(snapshot.program, parent.program)) {
    throw new FargoError('bad-argument', 'the parent is of another image: what is saved does not descend from it');
  }
  if (parent.saved === undefined) {
    throw new FargoError('bad-argument', 'the parent was neither saved nor loaded, so no one else can have it');
  }
  const state = parent.settle();
  if (state.wasmPages.some((pages, position) => pages > wasmPages[position]!)) {
    throw new FargoError('bad-argument', 'a memory of the parent is larger: what is saved does not descend from it');
  }
  return { state, saved: parent.saved, units };
}

/** Whether `program` is `earlier`, or that with more units. */
function isExtension(program: Program, earlier: Program): boolean {
  return program.devices === earlier.devices && earlier.units.every((unit, index) => unit === program.units[index]);
}

function gather(
  { runtime, program }: Snapshot,
  state: State,
  { maxBytes, beneath }: { readonly maxBytes: ByteCount; readonly beneath: Beneath | undefined },
): Gathered {
  const tables = saveTables(program, state.tables, maxBytes);
  const memories = state.roots.map((root, position) => {
    const writer = new PagesWriter(runtime.pool, maxBytes);
    savePages(runtime, writer, { key: 0, root, beneath: beneath?.state.roots[position] ?? EMPTY_MAP });
    return writer.finish();
  });
  const devices = program.devices.map((factory, index) => {
    if (factory.save === undefined || factory.load === undefined) {
      throw new FargoError('unsupported', `the device "${factory.name}" can't be saved`);
    }
    const part = factory.save(state.devices[index], {
      storage: runtime,
      maxBytes,
      beneath: beneath?.saved.devices[index],
    });
    requireJson(`the state of the device "${factory.name}"`, part.saved.state, DEVICE_DEPTH);
    return part;
  });
  return { memories, tables, devices };
}

function saveLimits({ memoryPages, tableEntries, budget, callDepth, outputBytes }: MachineLimits): Json {
  return {
    memoryPages: memoryPages ?? null,
    tableEntries: tableEntries ?? null,
    budget: budget === undefined ? null : String(budget),
    callDepth: callDepth ?? null,
    outputBytes: outputBytes ?? null,
  };
}
