/**
 * Files of a machine written to the host, as `cp -a` would.
 *
 * What a guest has made is not trusted. All that is written is new: the target must not exist, its directories are made
 * here, files are opened so that they must not exist either, and links come last, so nothing is ever written through one.
 * Names that would mean something else to the host are refused.
 */

import {
  closeSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

import { isZero } from '../../base/bytes.ts';
import { FargoError } from '../../base/errors.ts';
import { filesOf, type SnapshotFiles } from '../../host/files.ts';
import type { Machine } from '../../machine/machine.ts';
import type { Snapshot } from '../../machine/snapshot.ts';
import { isHostName } from './host-names.ts';

/** Bytes read and written at a time. */
const CHUNK_BYTES = 1 << 20;
const NS_PER_S = 1e9;

/** What {@link copyOut} did. */
export interface CopiedOut {
  /** Files, directories and links that were made. */
  readonly count: number;
  /** Paths in the guest that were left out: devices and disks, and links that lead out of what is copied. */
  readonly skipped: readonly string[];
}

/**
 * Writes what a machine or snapshot has at `from` as `to`, a path of the host at which nothing is yet. Modification times
 * and hard links are kept. Symbolic links are kept where they lead to something within what is copied.
 *
 * Throws `FargoError`: `io` for what the host can't do (what was written until then stays), `file-error` as `filesOf`.
 *
 * ```ts
 * copyOut(vm, '/results', './results');
 * ```
 */
export function copyOut(source: Machine | Snapshot, from: string, to: string): CopiedOut {
  const held = 'snapshot' in source ? source.snapshot() : undefined;
  try {
    return new CopyOut(filesOf(held ?? (source as Snapshot)), from.replace(/\/+$/, '')).run(to);
  } finally {
    held?.dispose();
  }
}

class CopyOut {
  readonly #files: SnapshotFiles;
  readonly #from: string;
  readonly #skipped: string[] = [];
  readonly #firstNames: Map<number, string> = new Map();
  /** Links to be made, and directories whose times are to be set, when all else is there. */
  readonly #links: { readonly path: string; readonly target: string; readonly depth: number; readonly to: string }[] =
    [];
  readonly #directories: { readonly to: string; readonly modifiedNs: bigint }[] = [];
  #count = 0;

  constructor(files: SnapshotFiles, from: string) {
    this.#files = files;
    this.#from = from;
  }

  run(to: string): CopiedOut {
    if (attempt(to, () => lstatSync(to, { throwIfNoEntry: false })) !== undefined) {
      throw new FargoError('io', `there is something at "${to}" already`);
    }
    this.#copy(this.#from, to, 0);
    for (const link of this.#links) {
      if (leadsOut(link.target, link.depth)) this.#skipped.push(link.path);
      else attempt(link.to, () => this.#link(link));
    }
    for (const { to: directory, modifiedNs } of this.#directories.reverse()) {
      attempt(directory, () => utimesSync(directory, secondsOf(modifiedNs), secondsOf(modifiedNs)));
    }
    return { count: this.#count, skipped: this.#skipped };
  }

  #copy(path: string, to: string, depth: number): void {
    const stat = this.#files.stat(path, { follow: depth === 0 });
    if (stat === undefined) throw new FargoError('file-error', `there is nothing at "${path}": noent`);
    const { kind, modifiedNs } = stat;
    if (kind === 'directory') {
      attempt(to, () => mkdirSync(to));
      this.#count++;
      this.#directories.push({ to, modifiedNs });
      for (const { name } of this.#files.list(path))
        this.#copy(`${path}/${name}`, join(to, checkedName(name)), depth + 1);
    } else if (kind === 'symlink') {
      this.#links.push({ path, target: this.#files.readLink(path), depth, to });
    } else if (kind === 'file') this.#copyFile(path, to, stat);
    else this.#skipped.push(path);
  }

  #copyFile(
    path: string,
    to: string,
    stat: { readonly inode: number; readonly links: number; readonly sizeBytes: number; readonly modifiedNs: bigint },
  ): void {
    const { inode, links, sizeBytes, modifiedNs } = stat;
    const first = links > 1 ? this.#firstNames.get(inode) : undefined;
    this.#count++;
    if (first !== undefined) {
      attempt(to, () => linkSync(first, to));
      return;
    }
    this.#firstNames.set(inode, to);
    const descriptor = attempt(to, () => openSync(to, 'wx'));
    try {
      // Holes are left out: a guest's file of 1 TiB of nothing must take neither the host's disk nor hours.
      for (const { at, length } of chunksOf(this.#files.dataRanges(path))) {
        const bytes = this.#files.read(path, { offset: at, length });
        if (isZero(bytes)) continue;
        for (let done = 0; done < bytes.length;) {
          done += attempt(to, () => writeSync(descriptor, bytes, done, bytes.length - done, at + done));
        }
      }
      attempt(to, () => ftruncateSync(descriptor, sizeBytes));
    } finally {
      closeSync(descriptor);
    }
    attempt(to, () => utimesSync(to, secondsOf(modifiedNs), secondsOf(modifiedNs)));
  }

  #link({ path, target, to }: { readonly path: string; readonly target: string; readonly to: string }): void {
    symlinkSync(target, to);
    this.#count++;
    const { modifiedNs } = this.#files.stat(path, { follow: false })!;
    lutimesSync(to, secondsOf(modifiedNs), secondsOf(modifiedNs));
  }
}

function* chunksOf(
  ranges: readonly { readonly start: number; readonly end: number }[],
): Generator<{ readonly at: number; readonly length: number }> {
  for (const { start, end } of ranges) {
    for (let at = start; at < end; at += CHUNK_BYTES) yield { at, length: Math.min(CHUNK_BYTES, end - at) };
  }
}

/**
 * Whether a link that stands `depth` directories deep may lead out. Links on its way may lead elsewhere within, so a `..`
 * behind a name is not reckoned with, but refused; so is what is more than a name to the host, as `C:` or `..\\..`.
 */
function leadsOut(target: string, depth: number): boolean {
  const names = target.split('/').filter((name) => name !== '' && name !== '.');
  const ups = names.findIndex((name) => name !== '..');
  const leading = ups < 0 ? names.length : ups;
  return (
    target.startsWith('/') || leading >= Math.max(1, depth) || !names.slice(leading).every((name) => isHostName(name))
  );
}

/** A guest's name, if it is only a name to the host too. */
function checkedName(name: string): string {
  if (!isHostName(name)) throw new FargoError('io', `the host can't have the name ${JSON.stringify(name)}`);
  return name;
}

function secondsOf(ns: bigint): number {
  return Number(ns) / NS_PER_S;
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FargoError || !(error instanceof Error)) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? error.message;
    throw new FargoError('io', `"${path}" can't be written: ${code}`, { cause: error });
  }
}
