/**
 * A guest for tests of devices: plain memory, no Wasm. `call` runs a host function as an import would be run, and
 * checks on the way that a bad address was an errno.
 */

import { FargoError } from '../../base/errors.ts';
import type { Device, DeviceFactory, GuestContext, HostFunction, MemoryDoor } from '../../machine/device.ts';
import type { Identity } from '../../machine/identity.ts';
import { standaloneStorage, type Storage } from '../../machine/storage.ts';
import { ValType } from '../../wasm/module.ts';
import { DIRECTORY_RIGHTS, FILE_RIGHTS } from '../wasi/abi.ts';
import { WASI_MODULE, WASI_SIGNATURES } from '../wasi/functions.ts';
import type { WasiState } from '../wasi/state.ts';

/** Thrown by `exit`, as the machine layer ends a guest. */
export class GuestExit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** A memory door over `buffer()`, which may be replaced when the memory grows. */
function memoryDoor(buffer: () => ArrayBuffer): MemoryDoor {
  const range = (address: number, length: number): Uint8Array<ArrayBuffer> => {
    const memory = buffer();
    if (!Number.isInteger(address) || address < 0 || length < 0 || address + length > memory.byteLength) {
      throw new FargoError('bad-argument', `bytes ${address} + ${length} of ${memory.byteLength}`);
    }
    return new Uint8Array(memory, address, length);
  };
  const view = (address: number, length: number): DataView => {
    range(address, length);
    return new DataView(buffer(), address, length);
  };
  return {
    get byteLength() {
      return buffer().byteLength;
    },
    read: (address, length) => range(address, length).slice(),
    readInto: (address, into) => into.set(range(address, into.length)),
    write: (address, bytes) => range(address, bytes.length).set(bytes),
    fill: (address, value, length) => void range(address, length).fill(value),
    getUint8: (address) => view(address, 1).getUint8(0),
    getUint16: (address) => view(address, 2).getUint16(0, true),
    getUint32: (address) => view(address, 4).getUint32(0, true),
    getUint64: (address) => view(address, 8).getBigUint64(0, true),
    setUint8: (address, value) => view(address, 1).setUint8(0, value),
    setUint16: (address, value) => view(address, 2).setUint16(0, value, true),
    setUint32: (address, value) => view(address, 4).setUint32(0, value, true),
    setUint64: (address, value) => view(address, 8).setBigUint64(0, value, true),
    readText: (address, length) => new TextDecoder().decode(range(address, length)),
    readCString: () => {
      throw new Error('not used by devices');
    },
  };
}

/** Guests that use one storage: a slab of poisoned frames for each would take most of a test's time. */
const GUESTS_PER_STORAGE = 64;
let storage = standaloneStorage();
let guests = 0;

function storageOfSome(): Storage {
  if (++guests % GUESTS_PER_STORAGE === 0) storage = standaloneStorage();
  return storage;
}

let lastId = 0;

/** An identity, of a child of `parent` if given. */
export function fakeIdentity(parent?: Identity): Identity {
  return { id: ++lastId, generation: parent === undefined ? 0 : parent.generation + 1, parent };
}

/** One WASI machine on a core of its own. Addresses below `scratch` are free for tests. */
export class FakeGuest {
  readonly factory: DeviceFactory<WasiState>;
  readonly device: Device<WasiState>;
  readonly storage: Storage;
  readonly buffer: ArrayBuffer;
  readonly memory: MemoryDoor;
  readonly bytes: Uint8Array;
  readonly identity: Identity;
  readonly vm: GuestContext;
  /** Units that functions took off the budget. */
  charged = 0;
  readonly printed: { stdout: string; stderr: string } = { stdout: '', stderr: '' };
  readonly #functions = new Map<string, HostFunction>();
  readonly #held: number[] = [];
  #next = 4096;

  constructor(
    factory: DeviceFactory<WasiState>,
    from?: { readonly state: WasiState; readonly identity: Identity; readonly storage: Storage },
  ) {
    this.factory = factory;
    this.storage = from?.storage ?? storageOfSome();
    this.device = factory.create(this.storage);
    this.buffer = new ArrayBuffer(256 * 1024);
    this.bytes = new Uint8Array(this.buffer);
    this.memory = memoryDoor(() => this.buffer);
    this.identity = from?.identity ?? fakeIdentity();
    this.device.restore(from?.state ?? factory.initial, this.identity);
    this.vm = {
      identity: this.identity,
      memory: this.memory,
      charge: (units) => {
        this.charged += units;
      },
      exit: (code) => {
        throw new GuestExit(code);
      },
      call: () => {
        throw new Error('not used by devices');
      },
      output: (stream, bytes) => {
        this.printed[stream] += new TextDecoder().decode(bytes);
      },
    };
  }

  /** A child as the machine layer makes it, on a core of its own. */
  fork(): FakeGuest {
    const identity = fakeIdentity(this.identity);
    const { storage } = this;
    return new FakeGuest(this.factory, { state: this.factory.fork(this.commit(), identity), identity, storage });
  }

  /** The state now, held until {@link dispose}. */
  commit(): WasiState {
    const state = this.device.commit();
    this.storage.maps.retain(state.files.blocks);
    this.#held.push(state.files.blocks);
    return state;
  }

  /** Lets go of the device and of the states that it committed. */
  dispose(): void {
    this.device.dispose?.();
    for (const root of this.#held.splice(0)) this.storage.maps.release(root);
  }

  /** Calls a WASI function with raw arguments: its errno. */
  call(name: string, ...args: readonly (number | bigint)[]): number {
    let found = this.#functions.get(name);
    if (found === undefined) {
      const letters = WASI_SIGNATURES.get(name);
      if (letters === undefined) throw new Error(`no function ${name}`);
      const params = [...letters].map((letter) => (letter === 'i' ? ValType.i32 : ValType.i64));
      const type = { params, results: name === 'proc_exit' ? [] : [ValType.i32] };
      found = this.device.functions.resolve(WASI_MODULE, name, type)!;
      this.#functions.set(name, found);
    }
    return (found as (vm: GuestContext, ...args: unknown[]) => number)(this.vm, ...args);
  }

  /** Puts bytes or text into memory: address and length. */
  put(contents: string | Uint8Array): [address: number, length: number] {
    const bytes = typeof contents === 'string' ? new TextEncoder().encode(contents) : contents;
    if (this.#next + bytes.length > this.buffer.byteLength) this.#next = 4096;
    const address = this.#next;
    this.bytes.set(bytes, address);
    this.#next += (bytes.length + 7) & ~7;
    return [address, bytes.length];
  }

  u32(address: number): number {
    return this.memory.getUint32(address);
  }

  u64(address: number): bigint {
    return this.memory.getUint64(address);
  }

  /** Opens a path: the descriptor, or minus the errno. All rights the directory passes on, unless given. */
  open(path: string, options: OpenOptions = {}): number {
    const { fd = 3, oflags = 0, fdflags = 0, follow = true } = options;
    const rights = options.rights ?? BigInt((oflags & 2) === 0 ? FILE_RIGHTS : DIRECTORY_RIGHTS);
    const errno = this.call(
      'path_open',
      fd,
      follow ? 1 : 0,
      ...this.put(path),
      oflags,
      rights,
      options.inheriting ?? 0x3fffffffn,
      fdflags,
      64,
    );
    return errno === 0 ? this.u32(64) : -errno;
  }

  /** Reads once: the text, or minus the errno. */
  read(fd: number, length = 65_536): string | number {
    const errno = this.call('fd_read', fd, this.#vector(131_072, length), 1, 64);
    return errno === 0 ? new TextDecoder().decode(this.memory.read(131_072, this.u32(64))) : -errno;
  }

  /** Writes once: the bytes written, or minus the errno. */
  write(fd: number, contents: string | Uint8Array): number {
    const errno = this.call('fd_write', fd, this.#vector(...this.put(contents)), 1, 64);
    return errno === 0 ? this.u32(64) : -errno;
  }

  /** Seeks: the new offset, or minus the errno. */
  seek(fd: number, offset: number, whence: number): number {
    const errno = this.call('fd_seek', fd, BigInt(offset), whence, 64);
    return errno === 0 ? Number(this.u64(64)) : -errno;
  }

  /** Contents of a file by path, or minus the errno. */
  cat(path: string): string | number {
    const fd = this.open(path, { rights: 2n });
    if (fd < 0) return fd;
    const text = this.read(fd);
    this.call('fd_close', fd);
    return text;
  }

  /** Makes or replaces a file: 0, or minus the errno. */
  save(path: string, contents: string): number {
    const fd = this.open(path, { oflags: 9, rights: 64n });
    if (fd < 0) return fd;
    const written = this.write(fd, contents);
    this.call('fd_close', fd);
    return Math.min(written, 0);
  }

  /** Names in a directory by path, or minus the errno. */
  list(path: string): string[] | number {
    const fd = this.open(path, { oflags: 2, rights: 1n << 14n });
    if (fd < 0) return fd;
    const names = this.entries(fd).map(({ name }) => name);
    this.call('fd_close', fd);
    return names.filter((name) => name !== '.' && name !== '..');
  }

  /** All entries of an open directory, read with a buffer of `length` bytes. */
  entries(fd: number, length = 4096): { name: string; inode: bigint; next: bigint; type: number }[] {
    const found = [];
    let cookie = 0n;
    for (;;) {
      const errno = this.call('fd_readdir', fd, 65_536, length, cookie, 64);
      if (errno !== 0) throw new Error(`fd_readdir: errno ${errno}`);
      const used = this.u32(64);
      let at = 65_536;
      while (at + 24 <= 65_536 + used) {
        const size = this.u32(at + 16);
        if (at + 24 + size > 65_536 + used) break;
        cookie = this.u64(at);
        const name = new TextDecoder().decode(this.memory.read(at + 24, size));
        found.push({ name, inode: this.u64(at + 8), next: cookie, type: this.memory.getUint8(at + 20) });
        at += 24 + size;
      }
      if (used < length) return found;
    }
  }

  /** A function of one directory and one path: its errno. */
  path(name: 'path_create_directory' | 'path_remove_directory' | 'path_unlink_file', path: string, fd = 3): number {
    return this.call(name, fd, ...this.put(path));
  }

  rename(from: string, to: string, fd = 3, toFd = 3): number {
    return this.call('path_rename', fd, ...this.put(from), toFd, ...this.put(to));
  }

  symlink(target: string, path: string, fd = 3): number {
    return this.call('path_symlink', ...this.put(target), fd, ...this.put(path));
  }

  link(from: string, to: string): number {
    return this.call('path_link', 3, 0, ...this.put(from), 3, ...this.put(to));
  }

  readlink(path: string): string | number {
    const errno = this.call('path_readlink', 3, ...this.put(path), 131_072, 4096, 64);
    return errno === 0 ? new TextDecoder().decode(this.memory.read(131_072, this.u32(64))) : -errno;
  }

  /** `path_filestat_get`, or minus the errno. */
  stat(path: string, follow = false): FakeStat | number {
    const errno = this.call('path_filestat_get', 3, follow ? 1 : 0, ...this.put(path), 128);
    return errno === 0 ? this.#statAt(128) : -errno;
  }

  /** `fd_filestat_get`, or minus the errno. */
  fstat(fd: number): FakeStat | number {
    const errno = this.call('fd_filestat_get', fd, 128);
    return errno === 0 ? this.#statAt(128) : -errno;
  }

  #statAt(address: number): FakeStat {
    return {
      inode: this.u64(address + 8),
      type: this.memory.getUint8(address + 16),
      links: Number(this.u64(address + 24)),
      size: Number(this.u64(address + 32)),
      accessedNs: this.u64(address + 40),
      modifiedNs: this.u64(address + 48),
      changedNs: this.u64(address + 56),
    };
  }

  #vector(address: number, length: number): number {
    this.memory.setUint32(1024, address);
    this.memory.setUint32(1028, length);
    return 1024;
  }
}

export interface OpenOptions {
  readonly fd?: number;
  readonly oflags?: number;
  readonly fdflags?: number;
  readonly rights?: bigint;
  readonly inheriting?: bigint;
  readonly follow?: boolean;
}

export interface FakeStat {
  readonly inode: bigint;
  readonly type: number;
  readonly links: number;
  readonly size: number;
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}
