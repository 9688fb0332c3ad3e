/** wasi:io over preview 1. Files and output are always ready; what waits is only time. */

import { errorCode, WasiError } from './error-codes.ts';
import { numbered, repOf, type Numbered } from './numbered.ts';
import type { OpenTable, OpenThing } from './open-things.ts';
import { DATA_AT, DATA_BYTES, RECORD_AT, type Preview1 } from './preview1.ts';

export interface StreamClasses {
  readonly InputStream: new () => object;
  readonly OutputStream: new () => object;
  /** Code of an `error` resource of wasi:io, if it is of the file system. */
  readonly errorOf: (error: Numbered) => string | undefined;
}

/** What a stream offers to take at once. */
const OFFERED = BigInt(DATA_BYTES);
const SUBSCRIPTION_AT = DATA_AT;
const EVENT_AT: number = DATA_AT + 64;
const MONOTONIC = 1;
const ABSOLUTE = 1;

export function monotonicNow(p1: Preview1): bigint {
  p1.call('clock_time_get', MONOTONIC, 0n, RECORD_AT);
  return p1.memory.getUint64(RECORD_AT);
}

export function io(
  p1: Preview1,
  table: OpenTable,
): StreamClasses & {
  readonly interfaces: Record<string, Record<string, unknown>>;
  readonly Pollable: new () => object;
} {
  const { memory } = p1;
  const checked = (errno: number): void => {
    if (errno === 0) return;
    const error = numbered(IoError, table.add({ kind: 'error', code: errorCode(errno) }));
    throw new WasiError({ tag: 'last-operation-failed', val: error });
  };
  const ready = (): object => numbered(Pollable, table.add({ kind: 'pollable', at: undefined }));

  class IoError {
    toDebugString(): string {
      return table.get(repOf(this), 'error').code;
    }

    static [Symbol.for('cabiDispose')](rep: number): void {
      table.close(rep);
    }
  }

  class Pollable {
    ready(): boolean {
      const { at } = table.get(repOf(this), 'pollable');
      return at === undefined || at <= monotonicNow(p1);
    }

    block(): void {
      const { at } = table.get(repOf(this), 'pollable');
      if (at !== undefined) sleepUntil(at);
    }

    static [Symbol.for('cabiDispose')](rep: number): void {
      table.close(rep);
    }
  }

  const sleepUntil = (at: bigint): void => {
    memory.fill(SUBSCRIPTION_AT, 0, 48);
    memory.setUint32(SUBSCRIPTION_AT + 16, MONOTONIC);
    memory.setUint64(SUBSCRIPTION_AT + 24, at);
    memory.setUint16(SUBSCRIPTION_AT + 40, ABSOLUTE);
    // A limit on sleeping may end it early; then it is asked again.
    p1.call('poll_oneoff', SUBSCRIPTION_AT, EVENT_AT, 1, RECORD_AT);
  };

  class InputStream {
    read(length: bigint): Uint8Array {
      const rep = repOf(this);
      const stream = table.get(rep, 'input');
      const wanted = length < OFFERED ? Number(length) : DATA_BYTES;
      if (wanted === 0) return new Uint8Array(0);
      const { fd, offset } = stream;
      if (offset === undefined) checked(p1.try('fd_read', fd, ...p1.vector(wanted), RECORD_AT));
      else checked(p1.try('fd_pread', fd, ...p1.vector(wanted), offset, RECORD_AT));
      const count = memory.getUint32(RECORD_AT);
      if (count === 0) throw new WasiError({ tag: 'closed' });
      if (offset !== undefined) table.set(rep, { ...stream, offset: offset + BigInt(count) });
      return memory.read(DATA_AT, count);
    }

    blockingRead(length: bigint): Uint8Array {
      return this.read(length);
    }

    skip(length: bigint): bigint {
      return BigInt(this.read(length).length);
    }

    blockingSkip(length: bigint): bigint {
      return this.skip(length);
    }

    subscribe(): object {
      return ready();
    }

    static [Symbol.for('cabiDispose')](rep: number): void {
      table.close(rep);
    }
  }

  class OutputStream {
    checkWrite(): bigint {
      table.get(repOf(this), 'output');
      return OFFERED;
    }

    write(bytes: Uint8Array): void {
      const rep = repOf(this);
      for (let done = 0; done < bytes.length;) {
        const stream = table.get(rep, 'output');
        const part = bytes.subarray(done, done + DATA_BYTES);
        const offset = offsetOf(stream);
        memory.write(DATA_AT, part);
        const where = p1.vector(part.length);
        if (offset === undefined) checked(p1.try('fd_write', stream.fd, ...where, RECORD_AT));
        else checked(p1.try('fd_pwrite', stream.fd, ...where, offset, RECORD_AT));
        const count = memory.getUint32(RECORD_AT);
        if (count === 0) checked(NO_PROGRESS);
        done += count;
        if (typeof stream.offset === 'bigint') table.set(rep, { ...stream, offset: stream.offset + BigInt(count) });
      }
    }

    blockingWriteAndFlush(bytes: Uint8Array): void {
      this.write(bytes);
    }

    flush(): void {
      table.get(repOf(this), 'output');
    }

    blockingFlush(): void {
      this.flush();
    }

    writeZeroes(length: bigint): void {
      for (let left = length; left > 0n; left -= OFFERED) {
        this.write(new Uint8Array(left < OFFERED ? Number(left) : DATA_BYTES));
      }
    }

    blockingWriteZeroesAndFlush(length: bigint): void {
      this.writeZeroes(length);
    }

    splice(from: InputStream, length: bigint): bigint {
      const bytes = from.read(length);
      this.write(bytes);
      return BigInt(bytes.length);
    }

    blockingSplice(from: InputStream, length: bigint): bigint {
      return this.splice(from, length);
    }

    subscribe(): object {
      return ready();
    }

    static [Symbol.for('cabiDispose')](rep: number): void {
      table.close(rep);
    }
  }

  /** Where the next bytes go; undefined for what has its own place. */
  const offsetOf = ({ fd, offset }: Extract<OpenThing, { readonly kind: 'output' }>): bigint | undefined => {
    if (offset !== 'append') return offset;
    checked(p1.try('fd_filestat_get', fd, RECORD_AT));
    return memory.getUint64(RECORD_AT + 32);
  };

  return {
    InputStream,
    OutputStream,
    Pollable,
    errorOf: (error) => table.get(repOf(error), 'error').code,
    interfaces: {
      'wasi:io/error': { Error: IoError },
      'wasi:io/poll': {
        Pollable,
        poll(all: readonly Pollable[]): Uint32Array {
          if (all.length === 0) throw new TypeError('poll of nothing would never end');
          for (;;) {
            const due = [...all.keys()].filter((index) => all[index]!.ready());
            if (due.length > 0) return Uint32Array.from(due);
            const times = all.map((each) => table.get(repOf(each), 'pollable').at!);
            sleepUntil(times.reduce((first, at) => (at < first ? at : first)));
          }
        },
      },
      'wasi:io/streams': { InputStream, OutputStream },
    },
  };
}

/** `io`: what wrote nothing would be asked for ever. */
const NO_PROGRESS = 29;
