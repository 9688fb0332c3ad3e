/** Snapshots in files, for commands that look at their files or change them. */

import { readFileSync } from 'node:fs';

import { FargoError } from '../base/errors.ts';
import type { Host } from '../component/host.ts';
import type { Snapshot } from '../machine/snapshot.ts';
import { ioError } from './load-module.ts';
import { replaceFile } from './replace-file.ts';
import { cacheOption } from './component-cache.ts';

/** Loads a snapshot. @throws FargoError `io`, and as `Host.load` */
export async function loadSnapshotFile(host: Host, path: string): Promise<Snapshot> {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw ioError(path, error);
  }
  try {
    return await host.load(bytes, cacheOption());
  } catch (error) {
    if (!(error instanceof FargoError)) throw error;
    throw new FargoError(error.code, `${path}: ${error.message}`, { cause: error });
  }
}

/** Saves a snapshot in place of what is at `path`, all of it or not at all. @throws FargoError `io` */
export async function saveSnapshotFile(snapshot: Snapshot, path: string): Promise<void> {
  replaceFile(path, [await snapshot.save()]);
}
