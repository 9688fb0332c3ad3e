/**
 * The door to a machine's files, for the program around it: `filesOf(machine).write('/etc/motd', 'hello')`.
 *
 * Each method is a transaction of its own between calls; in a host function that the guest calls it is part of that
 * call, and sees and changes what the guest does. A snapshot's files can be looked at.
 */

import { FargoError } from '../base/errors.ts';
import { Files, FilesView, spaceOfState, type WasiDevice, type WasiState } from '../devices/index.ts';
import type { Machine } from '../machine/machine.ts';
import { Snapshot } from '../machine/snapshot.ts';

type Methods<T> = { [K in keyof T as T[K] extends (...args: never[]) => unknown ? K : never]: T[K] };

/**
 * Looks at the files of a snapshot.
 *
 * @interface
 */
export type SnapshotFiles = Methods<FilesView>;
/**
 * Looks at the files of a machine and changes them.
 *
 * @interface
 */
export type MachineFiles = Methods<Files>;

const VIEW_METHODS = ['stat', 'read', 'readText', 'dataRanges', 'list', 'readLink', 'usage'] as const;
const METHODS = [
  ...VIEW_METHODS,
  'write',
  'mkdir',
  'remove',
  'rename',
  'symlink',
  'link',
  'setSize',
  'setTimes',
] as const;

/**
 * The files of a machine or snapshot, by path. The door is valid as long as what it leads into.
 *
 * @throws FargoError `unsupported` for a guest without WASI. The methods throw `file-error`, `bad-argument`, `limit`,
 *   `disposed`
 */
export function filesOf(machine: Machine): MachineFiles;
export function filesOf(snapshot: Snapshot): SnapshotFiles;
export function filesOf(source: Machine | Snapshot): MachineFiles | SnapshotFiles {
  const position = source.program.devices.findIndex((factory) => factory.name === 'wasi');
  if (position < 0) throw new FargoError('unsupported', 'the guest has no files: its image was built without WASI');
  if (source instanceof Snapshot) {
    return doorOf<FilesView>(VIEW_METHODS, (work) => {
      source.runtime.requireStack();
      const space = spaceOfState(source.state.devices[position] as WasiState, source.runtime);
      try {
        return work(new FilesView(space));
      } finally {
        space.files.dispose();
      }
    });
  }
  return doorOf<Files>(METHODS, (work) => {
    let result: unknown;
    source.change((core) => {
      result = work(new Files((core.devices[position] as WasiDevice).space));
    });
    return result;
  });
}

/** An object with the methods `names`, each of which runs within `run`. */
function doorOf<T extends object>(
  names: readonly (keyof Methods<T> & keyof T)[],
  run: (work: (target: T) => unknown) => unknown,
): Methods<T> {
  const door: Partial<Record<keyof T, unknown>> = {};
  for (const name of names) {
    door[name] = (...args: unknown[]) =>
      run((target) => (target[name] as (...args: unknown[]) => unknown).apply(target, args));
  }
  return Object.freeze(door) as unknown as Methods<T>;
}
