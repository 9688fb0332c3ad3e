/**
 * Contents of one file: chunks of 4 KiB that the machine owns, over the bytes of a host file, over zeros.
 *
 * The first write to a chunk copies it up; after that the draft changes it in place. Bytes beyond the size are zero in
 * every chunk, so growing a file shows zeros. A part of a host file that can't be read any more, or that changed, is an error.
 */

import { FargoError } from '../../base/errors.ts';
import { CHUNK_BYTES, CHUNK_SHIFT } from './inode.ts';
import type { Chunk, FileInode } from './inode.ts';
import { emptyTrie, trieDelete, trieGet, trieNext, trieSet } from './int-trie.ts';
import type { Owner } from './int-trie.ts';

/**
 * Reads `into.length` bytes from `offset`, fewer at the end of the file: how many, or undefined when the host file can't
 * be read.
 */
export function readContent(file: FileInode, offset: number, into: Uint8Array): number | undefined {
  const count = Math.max(0, Math.min(into.length, file.sizeBytes - offset));
  if (file.chunkCount === 0) return readBacking(file, offset, into.subarray(0, count)) ? count : undefined;
  for (let done = 0; done < count;) {
    const within = (offset + done) % CHUNK_BYTES;
    const size = Math.min(CHUNK_BYTES - within, count - done);
    const chunk = trieGet(file.chunks, chunkIndex(offset + done));
    const part = into.subarray(done, done + size);
    if (chunk !== undefined) part.set(chunk.bytes.subarray(within, within + size));
    else if (!readBacking(file, offset + done, part)) return undefined;
    done += size;
  }
  return count;
}

/** What a write did: `failure` says why it ended before all bytes were written. */
export interface ContentWritten {
  readonly file: FileInode;
  readonly writtenBytes: number;
  readonly failure: 'none' | 'full' | 'host';
}

/**
 * Writes `bytes` at `offset`, chunk by chunk, as far as at most `spareChunks` new chunks allow and the host file can be
 * read for the parts of chunks that stay.
 */
export function writeContent(
  file: FileInode,
  offset: number,
  bytes: Uint8Array,
  options: { readonly owner: Owner; readonly spareChunks: number },
): ContentWritten {
  const { owner, spareChunks } = options;
  let { chunks } = file;
  let added = 0;
  let done = 0;
  let failure: ContentWritten['failure'] = 'none';
  while (done < bytes.length) {
    const index = chunkIndex(offset + done);
    const within = (offset + done) % CHUNK_BYTES;
    const size = Math.min(CHUNK_BYTES - within, bytes.length - done);
    const old = trieGet(chunks, index);
    if (old === undefined && added >= spareChunks) {
      failure = 'full';
      break;
    }
    let chunk = old;
    if (chunk?.owner !== owner) {
      const copy =
        size === CHUNK_BYTES ? { owner, bytes: new Uint8Array(CHUNK_BYTES) } : copyUp(file, index, old, owner);
      if (copy === undefined) {
        failure = 'host';
        break;
      }
      chunk = copy;
      chunks = trieSet(chunks, index, chunk, owner);
      if (old === undefined) added++;
    }
    chunk.bytes.set(bytes.subarray(done, done + size), within);
    done += size;
  }
  const sizeBytes = done === 0 ? file.sizeBytes : Math.max(file.sizeBytes, offset + done);
  return { file: { ...file, chunks, chunkCount: file.chunkCount + added, sizeBytes }, writtenBytes: done, failure };
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
    const copy = chunk.owner === owner ? chunk : { owner, bytes: chunk.bytes.slice() };
    copy.bytes.fill(0, tail);
    chunks = trieSet(chunks, last, copy, owner);
  }
  return { ...file, sizeBytes, chunks, chunkCount, backedBytes: Math.min(file.backedBytes, sizeBytes) };
}

/** The chunk as it is, for the draft to change; undefined when the host file can't be read. */
function copyUp(file: FileInode, index: number, chunk: Chunk | undefined, owner: Owner): Chunk | undefined {
  if (chunk !== undefined) return { owner, bytes: chunk.bytes.slice() };
  const bytes = new Uint8Array(CHUNK_BYTES);
  return readBacking(file, index * CHUNK_BYTES, bytes) ? { owner, bytes } : undefined;
}

/** Fills `into` from the host's file as far as that counts, and with zeros; false when the host file can't be read. */
function readBacking(file: FileInode, offset: number, into: Uint8Array): boolean {
  const { backing } = file;
  const backed = Math.max(0, Math.min(into.length, file.backedBytes - offset));
  into.fill(0, backed);
  if (backing === undefined || backed === 0) return true;
  try {
    for (let done = 0; done < backed;) {
      const count = backing.host.read(backing.path, backing.version, offset + done, into.subarray(done, backed));
      if (count <= 0) return false;
      done += count;
    }
    return true;
  } catch (error) {
    if (error instanceof FargoError && error.code === 'io') return false;
    throw error;
  }
}

/** Division, not a shift: an offset has more than 32 bits. */
function chunkIndex(offset: number): number {
  return Math.floor(offset / (1 << CHUNK_SHIFT));
}
