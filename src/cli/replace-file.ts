/**
 * A file written as a whole or not at all: beside its place, then renamed. Pipes and devices are written to as they are.
 *
 * It comes in chunks, since a guest decides how much there is. Chunks of zeros become holes.
 */

import {
  closeSync,
  fchmodSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';

import { isZero } from '../base/bytes.ts';
import { FargoError } from '../base/errors.ts';
import { ioError } from './load-module.ts';

/**
 * Writes `chunks` in place of what is at `path`, whose permissions stay; a link there is followed.
 *
 * @throws FargoError `io`, and what `chunks` throws; then `path` is as it was
 */
export function replaceFile(path: string, chunks: Iterable<Uint8Array>): void {
  try {
    const old = statSync(path, { throwIfNoEntry: false });
    if (old === undefined || old.isFile()) replace(old === undefined ? path : realpathSync(path), old?.mode, chunks);
    else withFile(openSync(path, 'w'), (descriptor) => writeThrough(descriptor, chunks));
  } catch (error) {
    throw error instanceof FargoError ? error : ioError(path, error);
  }
}

function replace(path: string, mode: number | undefined, chunks: Iterable<Uint8Array>): void {
  const temporary = `${path}.${process.pid}.tmp`;
  const descriptor = openSync(temporary, 'wx', mode === undefined ? 0o666 : 0o600);
  try {
    withFile(descriptor, () => {
      writeSparse(descriptor, chunks);
      if (mode !== undefined) fchmodSync(descriptor, mode & 0o777);
      fsyncSync(descriptor);
    });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function withFile(descriptor: number, work: (descriptor: number) => void): void {
  try {
    work(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function writeSparse(descriptor: number, chunks: Iterable<Uint8Array>): void {
  let end = 0;
  for (const chunk of chunks) {
    if (!isZero(chunk)) {
      for (let done = 0; done < chunk.length;) {
        done += writeSync(descriptor, chunk, done, chunk.length - done, end + done);
      }
    }
    end += chunk.length;
  }
  ftruncateSync(descriptor, end);
}

function writeThrough(descriptor: number, chunks: Iterable<Uint8Array>): void {
  for (const chunk of chunks) {
    for (let done = 0; done < chunk.length;) done += writeSync(descriptor, chunk, done);
  }
}
