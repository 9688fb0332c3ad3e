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
import type { Fields } from '../base/fields.ts';
import type { ByteCount } from '../base/units.ts';
import type { WasiOptions } from '../devices/index.ts';
import { SNAPSHOT_BYTES } from '../image/snapshot/limits.ts';
import { readLayout } from '../image/snapshot/read-layout.ts';
import type { DeviceFactory } from '../machine/device.ts';
import type { ForkSource } from '../machine/fork.ts';
import { GENERATION_MAX, LINEAGE_LENGTH, loadedIdentity } from '../machine/identity.ts';
import {
  checkLimits,
  DEFAULT_BUDGET,
  DEFAULT_CALL_DEPTH,
  DEFAULT_OUTPUT_BYTES,
  DEFAULT_TABLE_ENTRIES,
  type MachineLimits,
} from '../machine/limits.ts';
import type { Machine, OutputSink, TrapPolicy } from '../machine/machine.ts';
import type { Runtime } from '../machine/runtime.ts';
import { Snapshot } from '../machine/snapshot.ts';
import { hooksOf, type Image } from './image.ts';
import type { Imports } from './imports.ts';
import { buildSaved, readComponent, requireSameComponent, type ComponentBuilder } from './load-component.ts';
import { loadProgram } from './load-program.ts';
import { loadState, readDevices, type Beneath } from './load-state.ts';
import type { ComponentCache, PreparedComponent } from './prepared.ts';
import { COMPONENT_FORMAT_VERSION, FORMAT_VERSION } from './save.ts';
import { DIGEST_LENGTH, invalid, SavedFile } from './saved-file.ts';
import { modulesOf } from './source-digests.ts';

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
  /** As for `Host.build`: what was made of the component before, so that nothing has to be made of it here. */
  readonly prepared?: PreparedComponent;
  readonly cache?: ComponentCache;
  /**
   * For components that were given classes of numbered resources: whether the file is believed in which numbers the guest
   * holds of them. Default false: then a file with any handle is refused. With `image` it is an option of `build`.
   */
  readonly trustHandles?: boolean;
  /** Of the file, and of what is inflated of it, at most. Default 2 GiB. */
  readonly maxBytes?: ByteCount;
}

const COUNT: readonly [number, number] = [0, 0xffff_ffff];
const NO_LIMITS: MachineLimits = {};

/** The snapshot in a file. As `Host.load`. */
export async function loadSnapshot(
  runtime: Runtime,
  bytes: Uint8Array,
  options: LoadOptions,
  build: ComponentBuilder,
): Promise<Snapshot> {
  const { parent, image } = checkOptions(runtime, bytes, options);
  const given = parent?.program ?? image?.program;
  const known = given === undefined ? undefined : await modulesOf(given);
  const file = new SavedFile(await readLayout(bytes, options.maxBytes ?? SNAPSHOT_BYTES, known));
  const { config } = file;
  const version = config.number('formatVersion', [FORMAT_VERSION, COMPONENT_FORMAT_VERSION]);
  const component = version === COMPONENT_FORMAT_VERSION ? readComponent(config.object('component')) : undefined;
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
  let shared = given;
  if (component !== undefined) {
    if (given === undefined) shared = await buildSaved(file, component, { options, devices, build });
    else file.passModule(component.module);
  }
  let program = shared;
  try {
    if (shared !== undefined) requireSameComponent(shared, component);
    const loaded = await loadProgram(file, programFields, { runtime, options, sizes, shared, devices });
    program = loaded.program;
    const { names } = loaded;
    if (component !== undefined && program !== shared) throw invalid('config.program has more than the component');
    if (runtime.disposed) throw new FargoError('disposed', 'the host was disposed');
    if (program.birth === undefined) await runtime.cores.createAsync(program);
    runtime.requireStack();
    if (parent?.disposed === true) throw new FargoError('disposed', 'the parent was disposed');
    const state = loadState(file, stateFields, { runtime, program, sizes, devices, beneath });
    try {
      file.end();
      const source: ForkSource = {
        runtime,
        program,
        names,
        identity: loadedIdentity(machine.generation, machine.lineage),
        limits,
        onTrap: options.onTrap ?? machine.onTrap,
        hooks: hooksOf(options) ?? parent?.hooks ?? image?.hooks,
        onOutput: options.onOutput ?? parent?.onOutput,
        settle: () => state,
      };
      const snapshot = program.kind?.snapshot(source, state) ?? new Snapshot(source, state);
      snapshot.saved = { digest: file.digest, devices: state.devices };
      return snapshot;
    } finally {
      state.drop(runtime.maps);
    }
  } catch (error) {
    if (program?.users === 0 && !program.kept && !runtime.disposed) runtime.retire(program);
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
  for (const name of ['imports', 'wasi', 'devices', 'prepared', 'cache', 'trustHandles'] as const) {
    if (options[name] === undefined || (parent ?? image) === undefined) continue;
    throw new FargoError('bad-argument', `"${name}" is that of the parent or image; it can't be given too`);
  }
  return options;
}

/** What a difference is laid over. */
function checkParent(digest: string | undefined, parent: Snapshot | undefined): Beneath | undefined {
  if (digest === undefined) return undefined;
  if (parent === undefined) {
    throw new FargoError('bad-argument', `the file is the difference to snapshot ${digest}: give that as "parent"`);
  }
  // Taken now: while the file is loaded the parent may be saved anew, with other files met.
  const { saved } = parent;
  if (saved?.digest === digest) return { snapshot: parent, devices: saved.devices };
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
    generation: fields.number('generation', [0, GENERATION_MAX]),
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
