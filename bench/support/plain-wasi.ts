/**
 * Just enough of WASI preview 1 for Perl in a plain instance, against which machines are measured. As cheap as such a host
 * can be: output is thrown away unless someone listens, and the one file is `/dev/null`, which Perl needs to start.
 */

const OK = 0;
const BAD_FILE = 8;
const NO_ENTRY = 44;
const NOT_SUPPORTED = 52;
const CHARACTER_DEVICE = 2;
const DIRECTORY = 3;
/** Descriptors: the root directory, and whatever is opened below it. */
const ROOT_FD = 3;
const NULL_FD = 4;
/** All rights. */
const RIGHTS = 0x1fff_ffffn;

export interface PlainWasi {
  readonly functions: Record<string, (...args: never[]) => unknown>;
  /** To be told once there is an instance. */
  attach(memory: WebAssembly.Memory): void;
  /** Gets what is written to any stream. */
  listener: ((bytes: Uint8Array) => void) | undefined;
}

/** @param names functions of WASI that the module imports: those not known here fail with NOSYS */
export function plainWasi(names: readonly string[]): PlainWasi {
  let memory: WebAssembly.Memory | undefined;
  let view = new DataView(new ArrayBuffer(0));
  const door = (): DataView => {
    // Growth gives the memory another buffer.
    if (view.buffer !== memory!.buffer) view = new DataView(memory!.buffer);
    return view;
  };
  const wasi: PlainWasi = {
    functions: {},
    attach: (given) => {
      memory = given;
      view = new DataView(given.buffer);
    },
    listener: undefined,
  };
  const known: Record<string, (...args: number[]) => number> = {
    environ_sizes_get: (count, bytes) => {
      door().setUint32(count!, 0, true);
      door().setUint32(bytes!, 0, true);
      return OK;
    },
    environ_get: () => OK,
    clock_time_get: (_clock, _precision, at) => {
      door().setBigUint64(at!, BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6)), true);
      return OK;
    },
    random_get: (at, length) => {
      crypto.getRandomValues(new Uint8Array(door().buffer as ArrayBuffer, at, length));
      return OK;
    },
    fd_fdstat_get: (fd, at) => {
      if (fd! > NULL_FD) return BAD_FILE;
      for (let i = 0; i < 24; i++) door().setUint8(at! + i, 0);
      door().setUint8(at!, fd === ROOT_FD ? DIRECTORY : CHARACTER_DEVICE);
      door().setBigUint64(at! + 8, RIGHTS, true);
      door().setBigUint64(at! + 16, RIGHTS, true);
      return OK;
    },
    fd_filestat_get: (fd, at) => {
      if (fd! > NULL_FD) return BAD_FILE;
      for (let i = 0; i < 64; i++) door().setUint8(at! + i, 0);
      door().setUint8(at! + 16, fd === ROOT_FD ? DIRECTORY : CHARACTER_DEVICE);
      return OK;
    },
    fd_write: (_fd, vectors, count, at) => {
      let written = 0;
      for (let i = 0; i < count!; i++) {
        const address = door().getUint32(vectors! + i * 8, true);
        const length = door().getUint32(vectors! + i * 8 + 4, true);
        wasi.listener?.(new Uint8Array(door().buffer as ArrayBuffer, address, length));
        written += length;
      }
      door().setUint32(at!, written, true);
      return OK;
    },
    fd_close: () => OK,
    fd_prestat_get: (fd, at) => {
      if (fd !== ROOT_FD) return BAD_FILE;
      door().setUint32(at!, 0, true);
      door().setUint32(at! + 4, 1, true);
      return OK;
    },
    fd_prestat_dir_name: (_fd, at) => {
      door().setUint8(at!, '/'.charCodeAt(0));
      return OK;
    },
    fd_read: (_fd, _vectors, _count, at) => {
      door().setUint32(at!, 0, true);
      return OK;
    },
    fd_seek: () => BAD_FILE,
    path_open: (_fd, _flags, path, length, ...rest) => {
      const name = new TextDecoder().decode(new Uint8Array(door().buffer as ArrayBuffer, path, length).slice());
      if (name !== 'dev/null') return NO_ENTRY;
      door().setUint32(rest.at(-1)!, NULL_FD, true);
      return OK;
    },
    path_filestat_get: () => NO_ENTRY,
    proc_exit: (code) => {
      throw new Error(`the guest exited with code ${code}`);
    },
  };
  for (const name of names)
    wasi.functions[name] = (known[name] ?? (() => NOT_SUPPORTED)) as (...args: never[]) => unknown;
  return wasi;
}
