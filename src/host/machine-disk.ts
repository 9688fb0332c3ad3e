/**
 * A disk of a machine, taken out: as a whole, and what the machine changed over the image beneath.
 *
 * ```
 *   machine ──diskOf──> held state ──read──> own blocks over the image        -> writeRaw, writeQcow2
 *                                  ──changedBlocks──> own blocks alone        -> writeQcow2Overlay over that image
 * ```
 */

import { disposable } from '../base/dispose.ts';
import { FargoError } from '../base/errors.ts';
import { PAGE_BYTES, type ByteCount } from '../base/units.ts';
import { dataRangesOf, findFile, ownBlocks, readFileAt } from '../devices/index.ts';
import type { BlockImage, DataRange, FoundFile, WasiState } from '../devices/index.ts';
import type { DiskBlock } from '../image/index.ts';
import type { Machine } from '../machine/machine.ts';
import { Snapshot } from '../machine/snapshot.ts';

/**
 * The disk or file at `path` of a machine or snapshot, as it is at this moment; the machine may go on. The caller disposes
 * what it gets (or `using`).
 *
 * @throws FargoError `unsupported` without WASI, `file-error` where nothing is or no file, `machine-busy`, `disposed`
 *
 * ```ts
 * using disk = diskOf(child, '/dev/vda');
 * const { sizeBytes } = disk;
 * writeQcow2Overlay(sink, { sizeBytes, blocks: disk.changedBlocks(), backing: base, backingName: 'base.raw', backingFormat: 'raw' });
 * ```
 */
export function diskOf(source: Machine | Snapshot, path: string): MachineDisk {
  const position = source.program.devices.findIndex((factory) => factory.name === 'wasi');
  if (position < 0) throw new FargoError('unsupported', 'the guest has no files: its image was built without WASI');
  const held = new Snapshot(source, source.settle());
  try {
    return new MachineDisk(held, held.state.devices[position] as WasiState, path);
  } catch (error) {
    held.dispose();
    throw error;
  }
}

/** A disk at one moment. It holds that moment until it is disposed. */
export class MachineDisk implements BlockImage, Disposable {
  static {
    disposable(this);
  }

  readonly sizeBytes: ByteCount;
  readonly #held: Snapshot;
  readonly #files: WasiState['files'];
  readonly #file: FoundFile;
  #data: readonly DataRange[] | undefined = undefined;

  /** @internal */
  constructor(held: Snapshot, wasi: WasiState, path: string) {
    this.#held = held;
    this.#files = wasi.files;
    this.#file = findFile(wasi.files, held.runtime, path);
    this.sizeBytes = this.#file.inode.sizeBytes;
  }

  /**
   * Fills `into` from byte `offset`, from the image beneath where the machine has nothing of its own.
   *
   * @throws FargoError `bad-argument` outside the disk, `io` where the image can't be read, `disposed`
   */
  read(offset: number, into: Uint8Array): void {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + into.length > this.sizeBytes) {
      throw new FargoError('bad-argument', `${into.length} bytes at ${offset} of a disk of ${this.sizeBytes} bytes`);
    }
    this.#held.settle();
    readFileAt(this.#files, this.#held.runtime, this.#file, { offset, into });
  }

  /**
   * First byte at or after `offset` that may be other than zero, or undefined if only zeros follow: the machine's own blocks,
   * and what the image beneath stores, where it tells.
   *
   * @throws FargoError `io` where the image can't be read, `disposed`
   */
  nextData(offset: number): number | undefined {
    this.#held.settle();
    const data = (this.#data ??= dataRangesOf(this.#files, this.#held.runtime, this.#file));
    let [low, high] = [0, data.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (data[middle]!.end > offset) high = middle;
      else low = middle + 1;
    }
    return low < data.length ? Math.max(offset, data[low]!.start) : undefined;
  }

  /**
   * The blocks that the machine, or those it descends from, wrote since the disk was given to it: ascending, each with
   * bytes of its own. The number of blocks decides the work, not the size of the disk.
   */
  *changedBlocks(): Generator<DiskBlock> {
    this.#held.settle();
    for (const block of ownBlocks(this.#files, this.#held.runtime, this.#file.number)) {
      const offset = block * PAGE_BYTES;
      const bytes = new Uint8Array(Math.min(PAGE_BYTES, this.sizeBytes - offset));
      this.read(offset, bytes);
      yield [offset, bytes];
    }
  }

  /** Lets the moment go. Again: nothing happens. */
  dispose(): void {
    this.#held.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
