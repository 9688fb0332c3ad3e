/**
 * Contents of one file: chunks of 4 KiB that the machine owns, over the bytes of a host file, over zeros.
 *
 * The first write to a chunk copies it up; after that the draft changes it in place. Bytes beyond the size are zero in
 * every chunk, so growing a file shows zeros. A host file that changed is an error (`io`), before anything is written.
 */

import { FargoError } from '../../base/errors.ts';
import { CHUNK_BYTES, CHUNK_SHIFT } from './inode.ts';
import type { Chunk, FileInode } from './inode.ts';
import { emptyTrie, trieDelete, trieGet, trieNext, trieSet } from './int-trie.ts';
import type { Owner } from './int-trie.ts';

/** Reads `into.length` bytes from `offset`, fewer at the end of the file: how many. */
export function readContent(file: FileInode, offset: number, into: Uint8Array): number {
  const count = Math.max(0, Math.min(into.length, file.sizeBytes - offset));
  if (file.chunkCount === 0) {
    readBacking(file, offset, into.subarray(0, count));
    return count;
  }
  for (let done = 0; done < count;) {
    const within = (offset + done) % CHUNK_BYTES;
    const size = Math.min(CHUNK_BYTES - within, count - done);
    const chunk = trieGet(file.chunks, chunkIndex(offset + done));
    const part = into.subarray(done, done + size);
    if (chunk === undefined) readBacking(file, offset + done, part);
    else part.set(chunk.bytes.subarray(within, within + size));
    done += size;
  }
  return count;
}

/** Whether a write at `offset` needs a chunk that the machine does not have yet. */
export function needsChunk(file: FileInode, offset: number): boolean {
  return trieGet(file.chunks, chunkIndex(offset)) === undefined;
}

/**
 * The file after as many of `bytes` as fit into the chunk at `offset` were written there: see {@link chunkRest}.
 * Throws what the port throws, with nothing changed.
 */
export function writeChunk(file: FileInode, offset: number, bytes: Uint8Array, owner: Owner): FileInode {
  const index = chunkIndex(offset);
  const part = bytes.subarray(0, chunkRest(offset));
  const old = trieGet(file.chunks, index);
  const chunk = old?.owner === owner ? old : copyUp(file, index, old, owner);
  chunk.bytes.set(part, offset % CHUNK_BYTES);
  return {
    ...file,
    chunks: chunk === old ? file.chunks : trieSet(file.chunks, index, chunk, owner),
    chunkCount: file.chunkCount + (old === undefined ? 1 : 0),
    sizeBytes: Math.max(file.sizeBytes, offset + part.length),
  };
}

/** Bytes from `offset` to the end of its chunk. */
export function chunkRest(offset: number): number {
  return CHUNK_BYTES - (offset % CHUNK_BYTES);
}

/** The file cut or extended with zeros to `sizeBytes`. */
export function resizeContent(file: FileInode, sizeBytes: number, owner: Owner): FileInode {
  if (sizeBytes >= file.sizeBytes) return { ...file, sizeBytes };
  let { chunks, chunkCount } = file;
  if (sizeBytes === 0) {
    chunks = emptyTrie();
    chunkCount = 0;
  }
  const firstGone = Math.ceil(sizeBytes / CHUNK_BYTES);
  for (let gone = trieNext(chunks, firstGone); gone !== undefined; gone = trieNext(chunks, firstGone)) {
    chunks = trieDelete(chunks, gone.key, owner);
    chunkCount--;
  }
  const tail = sizeBytes % CHUNK_BYTES;
  const last = chunkIndex(sizeBytes);
  const chunk = tail === 0 ? undefined : trieGet(chunks, last);
  if (chunk !== undefined) {
    const copy = chunk.owner === owner ? chunk : copyUp(file, last, chunk, owner);
    copy.bytes.fill(0, tail);
    chunks = trieSet(chunks, last, copy, owner);
  }
  return { ...file, sizeBytes, chunks, chunkCount, backedBytes: Math.min(file.backedBytes, sizeBytes) };
}

function copyUp(file: FileInode, index: number, chunk: Chunk | undefined, owner: Owner): Chunk {
  if (chunk !== undefined) return { owner, bytes: chunk.bytes.slice() };
  const bytes = new Uint8Array(CHUNK_BYTES);
  readBacking(file, index * CHUNK_BYTES, bytes);
  return { owner, bytes };
}

/** Fills `into` from the host's file as far as that counts, and with zeros. */
function readBacking(file: FileInode, offset: number, into: Uint8Array): void {
  const { backing } = file;
  const backed = backing === undefined ? 0 : Math.max(0, Math.min(into.length, file.backedBytes - offset));
  for (let done = 0; done < backed;) {
    const part = into.subarray(done, backed);
    const count = backing!.host.read(backing!.path, backing!.version, offset + done, part);
    if (count <= 0) throw new FargoError('io', `the host file "${backing!.path}" is shorter than it was`);
    done += count;
  }
  into.fill(0, backed);
}

/** Division, not a shift: an offset has more than 32 bits. */
function chunkIndex(offset: number): number {
  return Math.floor(offset / (1 << CHUNK_SHIFT));
}
