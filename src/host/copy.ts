/** Files put into a machine: all of a layer, a folder of the host or a tar, as `cp -a` would. */

import { FargoError } from '../base/errors.ts';
import type { Layer, LayerStat } from '../devices/index.ts';
import type { Machine } from '../machine/machine.ts';
import { filesOf, type MachineFiles } from './files.ts';

/** Bytes read and written at a time. */
const CHUNK_BYTES = 1 << 20;
/** Names of one directory. Threat: a list of all of them in memory. */
const NAMES_MAX = 1_000_000;

export interface CopyOptions {
  /** What to copy: a path in the layer. Default all of it. */
  readonly from?: string;
  /** Where it is to be: a path of the guest's, whose directory must exist. Default the root. */
  readonly to?: string;
}

/**
 * Copies files of a layer into a machine, with their modification times, links as links. Directories are merged with those
 * that are there; what else is in the way is replaced, links too: nothing is written through a link below `to`. The whole
 * is one transaction.
 *
 * @returns how many files, directories and links were copied
 * @throws FargoError `file-error` where it does not fit or may not be written (the machine is as before then), `io` where
 *   the layer can't be read, and as `filesOf`
 *
 * ```ts
 * copyIn(vm, hostDirectory('./data'), { to: '/srv/data' });
 * copyIn(vm, tarLayer(await readFile('update.tar')));
 * ```
 */
export function copyIn(machine: Machine, layer: Layer, options: CopyOptions = {}): number {
  const from = (options.from ?? '').replaceAll(/^\/+|\/+$/g, '');
  return machine.transaction(() => {
    const files = filesOf(machine);
    const copy = new Copy(layer, files);
    const to = (options.to ?? '/').replace(/\/+$/, '');
    const stat = layer.stat(from);
    if (stat === undefined) throw new FargoError('file-error', `the layer has nothing at "${from}": noent`);
    // A link in the path that the embedder gives is followed, as in any.
    if (stat.kind === 'directory' && files.stat(to)?.kind === 'directory') copy.copyEntries(from, to);
    else copy.copy(from, to);
    return copy.count;
  });
}

class Copy {
  count = 0;
  readonly #layer: Layer;
  readonly #files: MachineFiles;
  /** Where files with several names were put first. */
  readonly #copied: Map<string, string> = new Map();

  constructor(layer: Layer, files: MachineFiles) {
    this.#layer = layer;
    this.#files = files;
  }

  copy(from: string, to: string): void {
    const stat = this.#layer.stat(from);
    if (stat === undefined) return;
    this.count++;
    if (stat.kind === 'directory') this.#copyDirectory(from, to, stat);
    else if (stat.kind === 'file') this.#copyFile(from, to, stat);
    else {
      this.#clear(to);
      this.#files.symlink(this.#layer.readLink(from), to);
      this.#setTimes(to, stat);
    }
  }

  #copyDirectory(from: string, to: string, stat: LayerStat): void {
    if (this.#files.stat(to, { follow: false })?.kind !== 'directory') {
      this.#clear(to);
      this.#files.mkdir(to);
    }
    this.copyEntries(from, to);
    this.#setTimes(to, stat);
  }

  copyEntries(from: string, to: string): void {
    for (const name of [...this.#layer.list(from, NAMES_MAX)].sort()) {
      this.copy(from === '' ? name : `${from}/${name}`, `${to}/${name}`);
    }
  }

  #copyFile(from: string, to: string, stat: LayerStat): void {
    const { identity, sizeBytes, version } = stat;
    const first = identity === undefined ? undefined : this.#copied.get(identity);
    this.#clear(to);
    if (first !== undefined) {
      this.#files.link(first, to);
      return;
    }
    this.#files.write(to, '');
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, sizeBytes));
    // Holes are left out: a tar of 2 KiB may have a file of 1 TiB of nothing.
    const nextData = (offset: number): number =>
      this.#layer.nextData === undefined ? offset : (this.#layer.nextData(from, version, offset) ?? sizeBytes);
    for (let at = nextData(0); at < sizeBytes; at = nextData(at)) {
      const count = this.#layer.read(from, version, at, chunk.subarray(0, sizeBytes - at));
      if (count === 0) throw new FargoError('io', `the layer's file "${from}" is shorter than its size`);
      this.#files.write(to, chunk.subarray(0, count), { offset: at });
      at += count;
    }
    this.#files.setSize(to, sizeBytes);
    this.#setTimes(to, stat);
    if (identity !== undefined) this.#copied.set(identity, to);
  }

  /** Removes what is at a path, a whole directory too; a link itself. */
  #clear(path: string): void {
    if (this.#files.stat(path, { follow: false }) !== undefined) this.#files.remove(path, { recursive: true });
  }

  #setTimes(path: string, { accessedNs, modifiedNs }: LayerStat): void {
    this.#files.setTimes(path, { accessedNs, modifiedNs });
  }
}
