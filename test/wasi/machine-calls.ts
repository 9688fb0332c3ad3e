/**
 * WASI functions called from outside on a real machine: the guest has nothing but a wrapper for each, and a memory.
 *
 * Results are values, or minus an errno. Every call is a transaction of its own, as calls of a machine are.
 */

import type { Machine } from '../../src/index.ts';
import { DIRECTORY_RIGHTS, FILE_RIGHTS } from '../../src/devices/wasi/abi.ts';
import { WASI_SIGNATURES } from '../../src/devices/wasi/functions.ts';

const RESULT = 64;
const VECTOR = 96;
const STAT = 128;
const PATH = 1024;
const OTHER_PATH = 8192;
const BUFFER = 16_384;
/** Bytes that one read or write moves at most. */
export const BUFFER_BYTES = 98_304;

/** The guest, as text: a function for each of WASI's, of the same name and type, and two pages of memory. */
export function wrapperModule(): string {
  const functions = [...WASI_SIGNATURES].map(([name, letters]) => ({
    name,
    type: `(param ${typesOf(letters)})${name === 'proc_exit' ? '' : ' (result i32)'}`,
    call: `${[...letters].map((_, index) => `local.get ${index}`).join(' ')} call $${name}`,
  }));
  return [
    '(module',
    ...functions.map(({ name, type }) => `(import "wasi_snapshot_preview1" "${name}" (func $${name} ${type}))`),
    '(memory (export "memory") 2)',
    ...functions.map(({ name, type, call }) => `(func (export "${name}") ${type} ${call})`),
    ')',
  ].join('\n');
}

function typesOf(letters: string): string {
  return [...letters].map((each) => (each === 'i' ? 'i32' : 'i64')).join(' ');
}

export interface Stat {
  readonly inode: bigint;
  readonly type: number;
  readonly links: number;
  readonly size: number;
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
}

/** Opening for reading and writing with every right, in the words of path_open. */
export interface Opening {
  readonly create?: boolean;
  readonly exclusive?: boolean;
  readonly truncate?: boolean;
  readonly directory?: boolean;
  readonly append?: boolean;
  readonly follow?: boolean;
}

export class WasiMachine {
  readonly vm: Machine;

  constructor(vm: Machine) {
    this.vm = vm;
  }

  /** Calls a function as the guest would: its errno. */
  call(name: string, ...args: readonly (number | bigint)[]): number {
    return this.vm.call(name, ...args) as number;
  }

  open(fd: number, path: string, how: Opening): number {
    const flags =
      (how.create === true ? 1 : 0) |
      (how.directory === true ? 2 : 0) |
      (how.exclusive === true ? 4 : 0) |
      (how.truncate === true ? 8 : 0);
    const rights = BigInt(how.directory === true ? DIRECTORY_RIGHTS : FILE_RIGHTS);
    const follow = how.follow === false ? 0 : 1;
    const name = this.#path(path);
    const append = how.append === true ? 1 : 0;
    const errno = this.call('path_open', fd, follow, ...name, flags, rights, 0x3fff_ffffn, append, RESULT);
    return errno === 0 ? this.vm.memory.getUint32(RESULT) : 0 - errno;
  }

  close(fd: number): number {
    return 0 - this.call('fd_close', fd);
  }

  read(fd: number, length: number, at?: number): Uint8Array | number {
    this.#vector(length);
    const errno =
      at === undefined
        ? this.call('fd_read', fd, VECTOR, 1, RESULT)
        : this.call('fd_pread', fd, VECTOR, 1, BigInt(at), RESULT);
    return errno === 0 ? this.vm.memory.read(BUFFER, this.vm.memory.getUint32(RESULT)) : 0 - errno;
  }

  write(fd: number, bytes: Uint8Array, at?: number): number {
    this.vm.memory.write(BUFFER, bytes);
    this.#vector(bytes.length);
    const errno =
      at === undefined
        ? this.call('fd_write', fd, VECTOR, 1, RESULT)
        : this.call('fd_pwrite', fd, VECTOR, 1, BigInt(at), RESULT);
    return errno === 0 ? this.vm.memory.getUint32(RESULT) : 0 - errno;
  }

  seek(fd: number, offset: number, whence: number): number {
    const errno = this.call('fd_seek', fd, BigInt(offset), whence, RESULT);
    return errno === 0 ? Number(this.vm.memory.getUint64(RESULT)) : 0 - errno;
  }

  /** Names in an open directory, read through a buffer of `length` bytes. */
  list(fd: number, length: number): string[] | number {
    const { memory } = this.vm;
    const names: string[] = [];
    for (let cookie = 0n; ;) {
      const errno = this.call('fd_readdir', fd, BUFFER, length, cookie, RESULT);
      if (errno !== 0) return 0 - errno;
      const used = memory.getUint32(RESULT);
      for (let at = 0; at + 24 <= used;) {
        const size = memory.getUint32(BUFFER + at + 16);
        if (at + 24 + size > used) break;
        cookie = memory.getUint64(BUFFER + at);
        names.push(memory.readText(BUFFER + at + 24, size));
        at += 24 + size;
      }
      if (used < length) return names;
    }
  }

  /** `path_create_directory`, `path_remove_directory`, `path_unlink_file`. */
  path(name: string, fd: number, path: string): number {
    return 0 - this.call(name, fd, ...this.#path(path));
  }

  rename(fd: number, path: string, toFd: number, to: string): number {
    return 0 - this.call('path_rename', fd, ...this.#path(path), toFd, ...this.#otherPath(to));
  }

  link(fd: number, path: string, toFd: number, to: string): number {
    return 0 - this.call('path_link', fd, 0, ...this.#path(path), toFd, ...this.#otherPath(to));
  }

  symlink(target: string, fd: number, path: string): number {
    return 0 - this.call('path_symlink', ...this.#otherPath(target), fd, ...this.#path(path));
  }

  readlink(fd: number, path: string): string | number {
    const errno = this.call('path_readlink', fd, ...this.#path(path), BUFFER, 4096, RESULT);
    return errno === 0 ? this.vm.memory.readText(BUFFER, this.vm.memory.getUint32(RESULT)) : 0 - errno;
  }

  stat(fd: number, path: string, follow: boolean): Stat | number {
    const errno = this.call('path_filestat_get', fd, follow ? 1 : 0, ...this.#path(path), STAT);
    return errno === 0 ? this.#statAt() : 0 - errno;
  }

  fstat(fd: number): Stat | number {
    const errno = this.call('fd_filestat_get', fd, STAT);
    return errno === 0 ? this.#statAt() : 0 - errno;
  }

  setTimes(fd: number, path: string, ns: bigint, follow: boolean): number {
    return 0 - this.call('path_filestat_set_times', fd, follow ? 1 : 0, ...this.#path(path), ns, ns, 5);
  }

  #statAt(): Stat {
    const { memory } = this.vm;
    return {
      inode: memory.getUint64(STAT + 8),
      type: memory.getUint8(STAT + 16),
      links: Number(memory.getUint64(STAT + 24)),
      size: Number(memory.getUint64(STAT + 32)),
      accessedNs: memory.getUint64(STAT + 40),
      modifiedNs: memory.getUint64(STAT + 48),
    };
  }

  #vector(length: number): void {
    this.vm.memory.setUint32(VECTOR, BUFFER);
    this.vm.memory.setUint32(VECTOR + 4, length);
  }

  #path(path: string): [address: number, length: number] {
    return this.#put(PATH, path);
  }

  #otherPath(path: string): [address: number, length: number] {
    return this.#put(OTHER_PATH, path);
  }

  #put(address: number, text: string): [address: number, length: number] {
    const bytes = new TextEncoder().encode(text);
    if (bytes.length > 0) this.vm.memory.write(address, bytes);
    return [address, bytes.length];
  }
}
