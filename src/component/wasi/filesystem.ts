/** wasi:filesystem over preview 1: descriptors are its descriptors, their representation one more than their number. */

import { FdFlag, Right, TimeFlag } from '../../devices/wasi/abi.ts';
import { closeDescriptor, closeStream } from './descriptors.ts';
import { WasiError } from './error-codes.ts';
import type { Members } from '../glue.ts';
import type { OpenTable } from './open-things.ts';
import { DATA_AT, DATA_BYTES, RECORD_AT, type Preview1 } from './preview1.ts';
import { numbered, repOf, type Numbered } from './numbered.ts';
import type { StreamClasses } from './streams.ts';

interface Flags {
  readonly [name: string]: boolean | undefined;
}

type NewTimestamp =
  | { readonly tag: 'no-change' | 'now' }
  | { readonly tag: 'timestamp'; readonly val: { readonly seconds: bigint; readonly nanoseconds: number } };

/** By preview 1's `filetype`. */
const TYPES = [
  'unknown',
  'block-device',
  'character-device',
  'directory',
  'regular-file',
  'socket',
  'socket',
  'symbolic-link',
] as const;
const ADVICE = ['normal', 'sequential', 'random', 'will-need', 'dont-need', 'no-reuse'];
/** Flags of descriptors by preview 1's. */
const SYNCHRONIZED = {
  fileIntegritySync: FdFlag.sync,
  dataIntegritySync: FdFlag.dsync,
  requestedWriteSync: FdFlag.rsync,
} as const;
const WRITING = Right.fdWrite | Right.fdAllocate | Right.fdFilestatSetSize;
const NANOSECONDS = 1_000_000_000n;
const DIRENT_BYTES = 24;

export function filesystem(
  p1: Preview1,
  table: OpenTable,
  { InputStream, OutputStream, errorOf }: StreamClasses,
): { readonly types: Members; readonly preopens: Members } {
  const { memory } = p1;
  const rightsOf = (fd: number): { readonly own: number; readonly inheriting: number; readonly flags: number } => {
    p1.call('fd_fdstat_get', fd, RECORD_AT);
    return {
      flags: memory.getUint16(RECORD_AT + 2),
      own: Number(memory.getUint64(RECORD_AT + 8)),
      inheriting: Number(memory.getUint64(RECORD_AT + 16)),
    };
  };
  const stat = (): object => ({
    type: TYPES[memory.getUint8(RECORD_AT + 16)] ?? 'unknown',
    linkCount: memory.getUint64(RECORD_AT + 24),
    size: memory.getUint64(RECORD_AT + 32),
    dataAccessTimestamp: datetime(memory.getUint64(RECORD_AT + 40)),
    dataModificationTimestamp: datetime(memory.getUint64(RECORD_AT + 48)),
    statusChangeTimestamp: datetime(memory.getUint64(RECORD_AT + 56)),
  });
  /** A hash has to tell files apart, and states of one. */
  const hash = (): object => ({
    upper: memory.getUint64(RECORD_AT + 8),
    lower: memory.getUint64(RECORD_AT + 48) ^ (memory.getUint64(RECORD_AT + 32) << 1n),
  });

  class Descriptor {
    readViaStream(offset: bigint): object {
      return numbered(InputStream, table.add({ kind: 'input', fd: fdOf(this), offset }));
    }

    writeViaStream(offset: bigint): object {
      return numbered(OutputStream, table.add({ kind: 'output', fd: fdOf(this), offset }));
    }

    appendViaStream(): object {
      return numbered(OutputStream, table.add({ kind: 'output', fd: fdOf(this), offset: 'append' }));
    }

    advise(offset: bigint, length: bigint, advice: string): void {
      p1.call('fd_advise', fdOf(this), offset, length, ADVICE.indexOf(advice));
    }

    syncData(): void {
      p1.call('fd_datasync', fdOf(this));
    }

    sync(): void {
      p1.call('fd_sync', fdOf(this));
    }

    getFlags(): Flags {
      const { own, flags } = rightsOf(fdOf(this));
      const isDirectory = this.getType() === 'directory';
      return {
        read: isDirectory || (own & Right.fdRead) !== 0,
        write: (own & Right.fdWrite) !== 0,
        mutateDirectory: isDirectory && (own & Right.pathCreateFile) !== 0,
        ...Object.fromEntries(Object.entries(SYNCHRONIZED).map(([name, flag]) => [name, (flags & flag) !== 0])),
      };
    }

    getType(): string {
      p1.call('fd_fdstat_get', fdOf(this), RECORD_AT);
      return TYPES[memory.getUint8(RECORD_AT)] ?? 'unknown';
    }

    setSize(size: bigint): void {
      p1.call('fd_filestat_set_size', fdOf(this), size);
    }

    setTimes(accessed: NewTimestamp, modified: NewTimestamp): void {
      p1.call('fd_filestat_set_times', fdOf(this), ...times(accessed, modified));
    }

    read(length: bigint, offset: bigint): [Uint8Array, boolean] {
      const wanted = length < BigInt(DATA_BYTES) ? Number(length) : DATA_BYTES;
      p1.call('fd_pread', fdOf(this), ...p1.vector(wanted), offset, RECORD_AT);
      const count = memory.getUint32(RECORD_AT);
      return [memory.read(DATA_AT, count), count < wanted || wanted === 0];
    }

    write(bytes: Uint8Array, offset: bigint): bigint {
      const count = Math.min(bytes.length, DATA_BYTES);
      memory.write(DATA_AT, bytes.subarray(0, count));
      p1.call('fd_pwrite', fdOf(this), ...p1.vector(count), offset, RECORD_AT);
      return BigInt(memory.getUint32(RECORD_AT));
    }

    readDirectory(): object {
      const fd = fdOf(this);
      p1.call('fd_readdir', fd, DATA_AT, 0, 0n, RECORD_AT);
      return numbered(DirectoryEntryStream, table.add({ kind: 'listing', fd, cookie: 0n }));
    }

    createDirectoryAt(path: string): void {
      p1.call('path_create_directory', fdOf(this), ...p1.path(path));
    }

    stat(): object {
      p1.call('fd_filestat_get', fdOf(this), RECORD_AT);
      return stat();
    }

    statAt(flags: Flags, path: string): object {
      p1.call('path_filestat_get', fdOf(this), follow(flags), ...p1.path(path), RECORD_AT);
      return stat();
    }

    setTimesAt(flags: Flags, path: string, accessed: NewTimestamp, modified: NewTimestamp): void {
      p1.call('path_filestat_set_times', fdOf(this), follow(flags), ...p1.path(path), ...times(accessed, modified));
    }

    linkAt(flags: Flags, from: string, directory: Numbered, to: string): void {
      p1.call('path_link', fdOf(this), follow(flags), ...p1.path(from), fdOf(directory), ...p1.path(to, 1));
    }

    openAt(flags: Flags, path: string, open: Flags, wanted: Flags): object {
      const fd = fdOf(this);
      const { inheriting, own } = rightsOf(fd);
      // A directory that may not be changed gives no right to change what is in it.
      const mayChange = (own & Right.pathCreateFile) !== 0;
      if (!mayChange && (open['create'] || open['truncate'] || wanted['write'] || wanted['mutateDirectory'])) {
        throw new WasiError('read-only');
      }
      const rights =
        inheriting & ~(wanted['write'] ? 0 : WRITING) & ~(wanted['read'] || !wanted['write'] ? 0 : Right.fdRead);
      const openFlags =
        (open['create'] ? 1 : 0) |
        (open['directory'] ? 2 : 0) |
        (open['exclusive'] ? 4 : 0) |
        (open['truncate'] ? 8 : 0);
      const [at, length] = p1.path(path);
      const descriptorFlags = Object.entries(SYNCHRONIZED).reduce(
        (all, [name, flag]) => all | (wanted[name] ? flag : 0),
        0,
      );
      const into = RECORD_AT;
      p1.call(
        'path_open',
        fd,
        follow(flags),
        at,
        length,
        openFlags,
        BigInt(rights),
        BigInt(inheriting),
        descriptorFlags,
        into,
      );
      return numbered(Descriptor, memory.getUint32(into) + 1);
    }

    readlinkAt(path: string): string {
      p1.call('path_readlink', fdOf(this), ...p1.path(path), DATA_AT, DATA_BYTES, RECORD_AT);
      return requireRelative(memory.readText(DATA_AT, memory.getUint32(RECORD_AT)));
    }

    removeDirectoryAt(path: string): void {
      p1.call('path_remove_directory', fdOf(this), ...p1.path(path));
    }

    renameAt(from: string, directory: Numbered, to: string): void {
      p1.call('path_rename', fdOf(this), ...p1.path(from), fdOf(directory), ...p1.path(to, 1));
    }

    symlinkAt(target: string, path: string): void {
      p1.call('path_symlink', ...p1.path(requireRelative(target)), fdOf(this), ...p1.path(path, 1));
    }

    unlinkFileAt(path: string): void {
      p1.call('path_unlink_file', fdOf(this), ...p1.path(path));
    }

    isSameObject(other: Numbered): boolean {
      p1.call('fd_filestat_get', fdOf(this), RECORD_AT);
      const inode = memory.getUint64(RECORD_AT + 8);
      p1.call('fd_filestat_get', fdOf(other), RECORD_AT);
      return inode === memory.getUint64(RECORD_AT + 8);
    }

    metadataHash(): object {
      p1.call('fd_filestat_get', fdOf(this), RECORD_AT);
      return hash();
    }

    metadataHashAt(flags: Flags, path: string): object {
      p1.call('path_filestat_get', fdOf(this), follow(flags), ...p1.path(path), RECORD_AT);
      return hash();
    }

    static [Symbol.for('cabiDispose')](rep: number): void {
      closeDescriptor(p1, table, rep - 1);
    }
  }

  class DirectoryEntryStream {
    readDirectoryEntry(): { readonly type: string; readonly name: string } | undefined {
      const rep = repOf(this);
      for (;;) {
        const listing = table.get(rep, 'listing');
        p1.call('fd_readdir', listing.fd, DATA_AT, DIRENT_BYTES + 4096, listing.cookie, RECORD_AT);
        if (memory.getUint32(RECORD_AT) < DIRENT_BYTES) return undefined;
        table.set(rep, { ...listing, cookie: memory.getUint64(DATA_AT) });
        const name = memory.readText(DATA_AT + DIRENT_BYTES, memory.getUint32(DATA_AT + 16));
        // The interface leaves these two out.
        if (name !== '.' && name !== '..') return { type: TYPES[memory.getUint8(DATA_AT + 20)] ?? 'unknown', name };
      }
    }

    static [Symbol.for('cabiDispose')](rep: number): void {
      closeStream(p1, table, rep);
    }
  }

  return {
    types: { Descriptor, DirectoryEntryStream, filesystemErrorCode: (error: Numbered) => errorOf(error) },
    preopens: {
      getDirectories(): [object, string][] {
        const found: [object, string][] = [];
        for (let fd = 3; p1.try('fd_prestat_get', fd, RECORD_AT) === 0; fd++) {
          const length = memory.getUint32(RECORD_AT + 4);
          p1.call('fd_prestat_dir_name', fd, DATA_AT, length);
          found.push([numbered(Descriptor, fd + 1), memory.readText(DATA_AT, length)]);
        }
        return found;
      },
    },
  };
}

function fdOf(descriptor: Numbered): number {
  return repOf(descriptor) - 1;
}

/** The interface has no absolute links: neither are they made, nor told. */
function requireRelative(target: string): string {
  if (target.startsWith('/')) throw new WasiError('not-permitted');
  return target;
}

function follow(flags: Flags): number {
  return flags['symlinkFollow'] ? 1 : 0;
}

/** A `datetime` of wasi:clocks. */
export function datetime(ns: bigint): object {
  return { seconds: ns / NANOSECONDS, nanoseconds: Number(ns % NANOSECONDS) };
}

/** Arguments of `*_set_times`. */
function times(accessed: NewTimestamp, modified: NewTimestamp): [bigint, bigint, number] {
  const one = (time: NewTimestamp, given: number, now: number): [bigint, number] => {
    if (time.tag === 'timestamp') {
      const { seconds, nanoseconds } = time.val;
      const ns = seconds * NANOSECONDS + BigInt(nanoseconds);
      if (BigInt(nanoseconds) >= NANOSECONDS) throw new WasiError('invalid');
      // Preview 1 has 64 bits of nanoseconds.
      if (ns !== BigInt.asUintN(64, ns)) throw new WasiError('overflow');
      return [ns, given];
    }
    return [0n, time.tag === 'now' ? now : 0];
  };
  const [accessedNs, accessedFlag] = one(accessed, TimeFlag.atim, TimeFlag.atimNow);
  const [modifiedNs, modifiedFlag] = one(modified, TimeFlag.mtim, TimeFlag.mtimNow);
  return [accessedNs, modifiedNs, accessedFlag | modifiedFlag];
}
