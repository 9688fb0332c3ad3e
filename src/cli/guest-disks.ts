/**
 * Disk images for a guest (`--disk`), and what becomes of them (`--save-disk`). An image is never written: what the guest
 * changes is its own, and goes to a file of its own.
 */

import { existsSync, realpathSync, rmSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';

import { FargoError } from '../base/errors.ts';
import { diskOf, type MachineDisk } from '../host/machine-disk.ts';
import { nonZeroBlocks, writeQcow2Overlay, writeRaw, type DiskFormat, type ImageSink } from '../image/index.ts';
import type { Machine } from '../machine/machine.ts';
import { createImageFile, openImageFile, type NodeDiskImage } from '../platform/node/index.ts';
import { formatByName, type DiskOption } from './options.ts';

/** A disk that is open. */
export interface GuestDisk {
  /** Where the guest sees it. */
  readonly guest: string;
  readonly format: DiskFormat;
  readonly image: NodeDiskImage;
}

/** Letters of `/dev/vda` and on. */
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/**
 * Opens the disks. Without a path of the guest's they are `/dev/vda`, `/dev/vdb` and so on, by their position.
 *
 * @throws FargoError `io`, `invalid-image` or `unsupported` for an image, `bad-argument` for a path given twice
 */
export function openDisks(options: readonly DiskOption[], backingDirectory: string | undefined): GuestDisk[] {
  if (options.length > LETTERS.length) {
    throw new FargoError('bad-argument', `--disk is given ${options.length} times; ${LETTERS.length} are allowed`);
  }
  const disks: GuestDisk[] = [];
  for (const [at, { host, guest = `/dev/vd${LETTERS[at]}`, format }] of options.entries()) {
    if (disks.some((each) => each.guest === guest)) {
      throw new FargoError('bad-argument', `--disk gives the guest's ${guest} twice`);
    }
    disks.push({ guest, format, image: open(host, format, backingDirectory) });
  }
  return disks;
}

function open(path: string, format: DiskFormat, backingDirectory: string | undefined): NodeDiskImage {
  try {
    return openImageFile(path, { format, ...(backingDirectory !== undefined && { backingDirectory }) });
  } catch (error) {
    if (!(error instanceof FargoError)) throw error;
    const message = error.message.replace('say another backingDirectory', '--disk-backing allows another directory');
    throw message === error.message ? error : new FargoError(error.code, message, { cause: error });
  }
}

/** Refuses, before anything runs, what {@link saveDisks} could not do after. @throws FargoError `bad-argument`, `io` */
export function checkSaves(paths: readonly string[], disks: number): void {
  if (paths.length > disks) {
    throw new FargoError('bad-argument', `--save-disk is given ${paths.length} times, --disk ${disks} times`);
  }
  for (const path of paths) {
    if (existsSync(path)) throw new FargoError('io', `"${path}" is there already: --save-disk replaces no file`);
  }
}

/**
 * Writes the first disks of a machine to `paths`: as an overlay of the image where the name ends in `.qcow2`, whole and
 * raw otherwise. A file that can't be written whole is removed.
 */
export function saveDisks(machine: Machine, disks: readonly GuestDisk[], paths: readonly string[]): void {
  for (const [at, path] of paths.entries()) {
    const { guest } = disks[at]!;
    using disk = diskOf(machine, guest);
    using sink = createImageFile(path);
    try {
      writeDisk(sink, disk, disks[at]!, path);
    } catch (error) {
      sink.close();
      rmSync(path, { force: true });
      throw error;
    }
  }
}

function writeDisk(sink: ImageSink, disk: MachineDisk, { format, image }: GuestDisk, path: string): void {
  const { sizeBytes } = disk;
  if (formatByName(path) === 'raw') {
    writeRaw(sink, { sizeBytes, blocks: nonZeroBlocks(disk) });
    return;
  }
  const backingName = relative(realpathSync(dirname(resolve(path))), image.paths[0]!);
  writeQcow2Overlay(sink, {
    sizeBytes,
    blocks: disk.changedBlocks(),
    backing: image,
    backingName,
    backingFormat: format,
  });
}
