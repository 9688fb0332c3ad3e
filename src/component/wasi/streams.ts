/** wasi:io over preview 1. Files and output are always ready; what waits is only time. */

import { closeStream } from './descriptors.ts';
import { errorCode, WasiError } from './error-codes.ts';
import { isComplete, writeBody } from './http-bodies.ts';
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
const NO_BYTES = new Uint8Array(0);
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
      const thing = table.find(repOf(this));
      if (thing?.kind === 'response-pollable') {
        const future = table.find(thing.future);
        // An answer that was taken, or that nobody waits for, does not come later.
        return future?.kind !== 'future-response' || isComplete(table, future);
      }
      const { at } = table.get(repOf(this), 'pollable');
      return at === undefined || at <= monotonicNow(p1);
    }

    block(): void {
      blockOn([this]);
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
    const errno = p1.try('poll_oneoff', SUBSCRIPTION_AT, EVENT_AT, 1, RECORD_AT);
    if (errno !== 0) throw new RangeError('the component sleeps longer than the limit "sleepNs" allows');
  };

  /** Waits until one is ready. @returns indices of those that are */
  const blockOn = (all: readonly Pollable[]): number[] => {
    for (;;) {
      const due = [...all.keys()].filter((index) => all[index]!.ready());
      if (due.length > 0) return due;
      const times = all.flatMap((each) => {
        const thing = table.find(repOf(each));
        return thing?.kind === 'pollable' && thing.at !== undefined ? [thing.at] : [];
      });
      // Nothing comes from outside: a request whose body is never finished has no answer.
      if (times.length === 0) throw new TypeError('the component waits for what can never be ready');
      sleepUntil(times.reduce((first, at) => (at < first ? at : first)));
    }
  };

  class InputStream {
    read(length: bigint): Uint8Array {
      const rep = repOf(this);
      const wanted = length < OFFERED ? Number(length) : DATA_BYTES;
      const thing = table.find(rep);
      if (thing?.kind === 'body-input') return readBody(rep, thing, wanted);
      const stream = table.get(rep, 'input');
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
      closeStream(p1, table, rep);
    }
  }

  const readBody = (rep: number, thing: Extract<OpenThing, { readonly kind: 'body-input' }>, wanted: number) => {
    const { bytes, at } = thing;
    if (wanted > 0 && at === bytes.length) throw new WasiError({ tag: 'closed' });
    const end = Math.min(bytes.length, at + wanted);
    // What has been read is let go of with the last of it.
    table.set(rep, end === bytes.length ? { ...thing, bytes: NO_BYTES, at: 0 } : { ...thing, at: end });
    return bytes.slice(at, end);
  };

  const requireOutput = (rep: number): void => {
    if (table.find(rep)?.kind !== 'body-output') table.get(rep, 'output');
  };

  class OutputStream {
    checkWrite(): bigint {
      requireOutput(repOf(this));
      return OFFERED;
    }

    write(bytes: Uint8Array): void {
      const rep = repOf(this);
      const thing = table.find(rep);
      if (thing?.kind === 'body-output') return writeBody(table, thing.body, bytes);
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
      requireOutput(repOf(this));
    }

    blockingFlush(): void {
      this.flush();
    }

    writeZeroes(length: bigint): void {
      // As wasi:io says, more than was offered is a trap.
      if (length > OFFERED) throw new RangeError(`${length} zeroes are written at once; ${OFFERED} are allowed`);
      this.write(new Uint8Array(Number(length)));
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
      closeStream(p1, table, rep);
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
          return Uint32Array.from(blockOn(all));
        },
      },
      'wasi:io/streams': { InputStream, OutputStream },
    },
  };
}

/** `io`: what wrote nothing would be asked for ever. */
const NO_PROGRESS = 29;
