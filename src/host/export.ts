/**
 * Files of machines and snapshots taken out: what differs between two, as a list or as a layer, and whole trees as tars.
 */

import { disposable } from '../base/dispose.ts';
import { FargoError } from '../base/errors.ts';
import { differencesOf, readFileAt, type FileChange, type WasiState } from '../devices/index.ts';
import { joinChunks, treeItems, writeTar } from '../image/index.ts';
import type { Machine } from '../machine/machine.ts';
import { Snapshot } from '../machine/snapshot.ts';

/**
 * What `child` has other than `parent`, by path, in order: see {@link FileChange}. The work is proportional to what
 * differs. Any two machines or snapshots of one host can be compared, a machine with what it became later too.
 *
 * @throws FargoError `unsupported` without WASI, `machine-busy`, `disposed`, `io` where a layer beneath can't be read,
 *   `limit` for a path of more than 4 KiB, `bad-argument` for machines of two hosts
 */
export function diffFiles(child: Machine | Snapshot, parent: Machine | Snapshot): FileChange[] {
  const { runtime } = sameHost(child, parent);
  const { items } = differencesOf(wasiStateOf(child).files, wasiStateOf(parent).files, runtime);
  return items.map(({ path, kind, type, bytes }) => ({ path, kind, type, bytes }));
}

export interface ExportOptions {
  /**
   * Only what differs from this, as an upper layer of a container image has it: what was removed as whiteouts
   * (`.wh.NAME`). Laid over the parent's tree, with `stackLayers` or a container tool, it gives the child's.
   */
  readonly since?: Machine | Snapshot;
}

/**
 * The files of a machine or snapshot as a tar, as they are at this moment, layers beneath included; devices and disks are
 * left out. The same files give the same bytes.
 *
 * @throws FargoError as {@link diffFiles}, and while it is read `io`; with `since` also `unsupported` for a file that is
 *   named like a whiteout
 *
 * ```ts
 * await writeFile('difference.tar', exportTar(child, { since: parent }));
 * ```
 */
export function exportTar(source: Machine | Snapshot, options: ExportOptions = {}): TarStream {
  const { since } = options;
  if (since !== undefined) sameHost(source, since);
  const held = new Snapshot(source, source.settle());
  try {
    const { files } = wasiStateOf(held);
    const before = since === undefined ? undefined : wasiStateOf(since).files;
    const differences = differencesOf(files, before, held.runtime);
    const read: Parameters<typeof treeItems>[1] = (file, offset, into) => {
      held.settle();
      readFileAt(files, held.runtime, file, { offset, into });
    };
    const items = treeItems(differences, read, { whiteouts: since !== undefined });
    return new TarStream(held, chunksOf(held, writeTar(items)));
  } catch (error) {
    held.dispose();
    throw error;
  }
}

/**
 * A tar as it is being read: chunks in order, once. It holds the state that it is of, until it is read to the end or
 * disposed.
 */
export class TarStream implements Iterable<Uint8Array<ArrayBuffer>>, Disposable {
  static {
    disposable(this);
  }

  readonly #held: Snapshot;
  readonly #chunks: Generator<Uint8Array<ArrayBuffer>>;

  /** @internal */
  constructor(held: Snapshot, chunks: Generator<Uint8Array<ArrayBuffer>>) {
    this.#held = held;
    this.#chunks = chunks;
  }

  [Symbol.iterator](): Iterator<Uint8Array<ArrayBuffer>> {
    const chunks = this.#chunks;
    return {
      next: () => chunks.next(),
      // A generator that has not begun ends without its `finally`.
      return: () => {
        this.dispose();
        return chunks.return(undefined);
      },
    };
  }

  /** All of it, in memory. */
  bytes(): Uint8Array<ArrayBuffer> {
    return joinChunks(this);
  }

  /** Lets the state go. Again: nothing happens. */
  dispose(): void {
    this.#held.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** The chunks, and then the end of the state's holding, also when the taker stops. */
function* chunksOf(held: Snapshot, chunks: Generator<Uint8Array<ArrayBuffer>>): Generator<Uint8Array<ArrayBuffer>> {
  try {
    yield* chunks;
  } finally {
    held.dispose();
  }
}

function sameHost<T extends Machine | Snapshot>(child: T, parent: Machine | Snapshot): T {
  if (child.runtime === parent.runtime) return child;
  throw new FargoError('bad-argument', 'the two machines are of different hosts: their files can not be compared');
}

function wasiStateOf(source: Machine | Snapshot): WasiState {
  const { devices } = source.settle();
  const position = source.program.devices.findIndex((factory) => factory.name === 'wasi');
  if (position < 0) throw new FargoError('unsupported', 'the guest has no files: its image was built without WASI');
  return devices[position] as WasiState;
}
