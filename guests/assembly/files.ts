/**
 * Files through WASI alone. The first directory that is open at the start is where all paths begin.
 *
 * Names and contents lie in one buffer; `at` counts bytes from its beginning. Results below 0 are errnos, negated.
 */

import {
  fd_allocate,
  fd_close,
  fd_filestat_get,
  fd_filestat_set_size,
  fd_pread,
  fd_pwrite,
  fd_read,
  fd_readdir,
  fd_seek,
  fd_write,
  path_create_directory,
  path_filestat_get,
  path_link,
  path_open,
  path_remove_directory,
  path_rename,
  path_symlink,
  path_unlink_file,
} from './wasi_snapshot_preview1';

const ROOT: i32 = 3;
/** All that a file can have, and `fd_readdir`. */
const RIGHTS: u64 = 0x8e041ff;
const BUFFER_BYTES: i32 = 1 << 18;
const BLOCK: i32 = 4096;

const bytes: usize = heap.alloc(BUFFER_BYTES);
/** One vector, then the result. */
const vector: usize = heap.alloc(8);
const result: usize = heap.alloc(64);

/** Where the buffer of 256 KiB lies. */
export function buffer(): usize {
  return bytes;
}

/** Opens the file whose name is the first `length` bytes: a descriptor. */
export function open(length: i32, openFlags: i32, fdFlags: i32): i32 {
  return valueOr(path_open(ROOT, 1, bytes, length, openFlags, RIGHTS, 0, fdFlags, result));
}

export function close(fd: i32): i32 {
  return -fd_close(fd);
}

/** Writes at a position: how many bytes. */
export function write(fd: i32, position: i64, at: i32, length: i32): i32 {
  point(at, length);
  return valueOr(fd_pwrite(fd, vector, 1, position, result));
}

/** Reads at a position: how many bytes. */
export function read(fd: i32, position: i64, at: i32, length: i32): i32 {
  point(at, length);
  return valueOr(fd_pread(fd, vector, 1, position, result));
}

/** Writes where the descriptor stands, or at the end if it appends. */
export function writeNext(fd: i32, at: i32, length: i32): i32 {
  point(at, length);
  return valueOr(fd_write(fd, vector, 1, result));
}

export function readNext(fd: i32, at: i32, length: i32): i32 {
  point(at, length);
  return valueOr(fd_read(fd, vector, 1, result));
}

/** Moves a descriptor: where it stands. */
export function seek(fd: i32, offset: i64, whence: i32): i64 {
  const errno = fd_seek(fd, offset, whence, result);
  return errno === 0 ? load<i64>(result) : -errno;
}

export function resize(fd: i32, size: i64): i32 {
  return -fd_filestat_set_size(fd, size);
}

export function allocate(fd: i32, position: i64, length: i64): i32 {
  return -fd_allocate(fd, position, length);
}

export function sizeOf(fd: i32): i64 {
  const errno = fd_filestat_get(fd, result);
  return errno === 0 ? load<i64>(result, 32) : -errno;
}

/** The inode number of what the name leads to, links followed. */
export function inodeOf(length: i32): i64 {
  const errno = path_filestat_get(ROOT, 1, bytes, length, result);
  return errno === 0 ? load<i64>(result, 8) : -errno;
}

export function remove(length: i32): i32 {
  return -path_unlink_file(ROOT, bytes, length);
}

export function makeDirectory(length: i32): i32 {
  return -path_create_directory(ROOT, bytes, length);
}

export function removeDirectory(length: i32): i32 {
  return -path_remove_directory(ROOT, bytes, length);
}

/** The old name, and behind it the new one. */
export function rename(oldLength: i32, newLength: i32): i32 {
  return -path_rename(ROOT, bytes, oldLength, ROOT, bytes + oldLength, newLength);
}

export function link(oldLength: i32, newLength: i32): i32 {
  return -path_link(ROOT, 0, bytes, oldLength, ROOT, bytes + oldLength, newLength);
}

/** The target, and behind it the name of the link. */
export function symlink(targetLength: i32, length: i32): i32 {
  return -path_symlink(bytes, targetLength, ROOT, bytes + targetLength, length);
}

/** Puts entries of an open directory into the buffer, from a cookie on: how many bytes. */
export function list(fd: i32, cookie: i64, length: i32): i32 {
  return valueOr(fd_readdir(fd, bytes, length, cookie, result));
}

export function fail(): void {
  unreachable();
}

/** Fills the buffer with bytes that are not zero. */
export function fill(seed: i32): void {
  let state = seed | 1;
  for (let at: usize = 0; at < <usize>BUFFER_BYTES; at += 4) {
    state = state * 1664525 + 1013904223;
    store<i32>(bytes + at, state | 0x01010101);
  }
}

/** Writes `count` pieces of `length` bytes one behind the other, each with its number in it: how many bytes in all. */
export function writeAll(fd: i32, length: i32, count: i32): i64 {
  let total: i64 = 0;
  for (let i = 0; i < count; i++) {
    for (let at = 0; at < length; at += BLOCK) store<i32>(bytes + at, i + 1);
    const written = writeNext(fd, 0, length);
    if (written < 0) return written;
    total += written;
  }
  return total;
}

/** Reads pieces of `length` bytes up to the end: the sum of the first words of their blocks. */
export function readAll(fd: i32, length: i32): i64 {
  let sum: i64 = 0;
  let count = readNext(fd, 0, length);
  while (count > 0) {
    for (let at = 0; at < count; at += BLOCK) sum += load<i32>(bytes + at);
    count = readNext(fd, 0, length);
  }
  return count < 0 ? count : sum;
}

/** Reads `times` of the first `blocks` blocks, in an order that the seed gives: the sum of their first words. */
export function readRandom(fd: i32, blocks: i32, times: i32, seed: i32): i64 {
  let sum: i64 = 0;
  let state: u32 = seed;
  for (let i = 0; i < times; i++) {
    state = state * 1664525 + 1013904223;
    const block: i64 = (state >> 8) % blocks;
    const count = read(fd, block * BLOCK, 0, BLOCK);
    if (count < 0) return count;
    sum += load<i32>(bytes);
  }
  return sum;
}

/** Writes as many blocks in the same order: how many bytes. */
export function writeRandom(fd: i32, blocks: i32, times: i32, seed: i32): i64 {
  let total: i64 = 0;
  let state: u32 = seed;
  for (let i = 0; i < times; i++) {
    state = state * 1664525 + 1013904223;
    const block: i64 = (state >> 8) % blocks;
    store<i32>(bytes, i + 1);
    const count = write(fd, block * BLOCK, 0, BLOCK);
    if (count < 0) return count;
    total += count;
  }
  return total;
}

function point(at: i32, length: i32): void {
  store<usize>(vector, bytes + at);
  store<i32>(vector, length, 4);
}

function valueOr(errno: i32): i32 {
  return errno === 0 ? load<i32>(result) : -errno;
}
