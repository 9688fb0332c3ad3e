/**
 * The bytes of a tar, wherever they come from, as something to read at any offset. Nothing is copied but what was
 * compressed: the parts of a stream are kept as they came.
 */

import { FargoError } from '../../base/errors.ts';
import type { ByteCount } from '../../base/units.ts';
import type { BlockImage } from '../../devices/ports.ts';
import { Inflater, tooLarge } from './inflater.ts';

/** A stream as Node, Bun, Deno and browsers have it. */
export type ByteStream =
  | AsyncIterable<Uint8Array>
  | {
      getReader(): {
        read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
        cancel(): Promise<void>;
      };
    };

/** Bytes read at a time from a compressed source. */
const READ_BYTES = 1 << 18;

/** The bytes of `source`, inflated if they are gzip. Throws `FargoError` as {@link collect}. */
export function sourceOf(source: Uint8Array | BlockImage, limit: ByteCount): BlockImage {
  const image = source instanceof Uint8Array ? imageOf([source]) : source;
  const start = new Uint8Array(Math.min(MAGIC_BYTES, image.sizeBytes));
  image.read(0, start);
  if (!isCompressed(start)) return image;
  const inflate = new Inflater(limit);
  for (let at = 0; at < image.sizeBytes; at += READ_BYTES) {
    const part = new Uint8Array(Math.min(READ_BYTES, image.sizeBytes - at));
    image.read(at, part);
    inflate.push(part);
  }
  return imageOf(inflate.end());
}

/**
 * All bytes of a stream, inflated if they are gzip. Its parts are kept and must not be changed afterwards.
 *
 * Throws `FargoError`: `limit` above `limit` bytes, `invalid-image` for damaged gzip, `unsupported` for other
 * compression, `bad-argument` when the stream gives anything but bytes; and what the stream throws.
 */
export async function collect(stream: ByteStream, limit: ByteCount): Promise<BlockImage> {
  const kept: Uint8Array[] = [];
  let inflate: Inflater | undefined;
  let size = 0;
  for await (const part of partsOf(stream)) {
    if (!(part instanceof Uint8Array)) {
      throw new FargoError('bad-argument', `the stream of a tar gave ${typeof part}, not a Uint8Array`);
    }
    if (inflate === undefined) {
      kept.push(part);
      size += part.length;
      if (size > limit) throw tooLarge(limit);
      // The first few bytes may come one by one; all of them are looked at.
      if (size - part.length < MAGIC_BYTES && isCompressed(startOf(kept))) {
        inflate = new Inflater(limit);
        for (const one of kept) inflate.push(one);
      }
    } else inflate.push(part);
  }
  return imageOf(inflate?.end() ?? kept);
}

async function* partsOf(stream: ByteStream): AsyncGenerator<Uint8Array> {
  if (Symbol.asyncIterator in stream) {
    yield* stream;
    return;
  }
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      ended = done;
      if (done) return;
      if (value !== undefined) yield value;
    }
  } finally {
    if (!ended) await reader.cancel();
  }
}

const MAGIC_BYTES = 6;
const OTHER_COMPRESSIONS: readonly (readonly [name: string, magic: readonly number[]])[] = [
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

/** Whether a tar that begins so is gzip. No tar begins with these: a header begins with a name. */
function isCompressed(start: Uint8Array): boolean {
  const begins = (magic: readonly number[]): boolean => magic.every((byte, index) => start[index] === byte);
  for (const [name, magic] of OTHER_COMPRESSIONS) {
    if (begins(magic)) {
      throw new FargoError('unsupported', `the tar is compressed with ${name}; gzip or none are read`, { offset: 0 });
    }
  }
  return begins([0x1f, 0x8b]);
}

function startOf(parts: readonly Uint8Array[]): Uint8Array {
  const start = new Uint8Array(MAGIC_BYTES);
  let size = 0;
  for (const part of parts) {
    start.set(part.subarray(0, MAGIC_BYTES - size), size);
    size = Math.min(MAGIC_BYTES, size + part.length);
  }
  return start.subarray(0, size);
}

/** Bytes in parts, one after the other. */
function imageOf(parts: readonly Uint8Array[]): BlockImage {
  const starts: number[] = [];
  let sizeBytes = 0;
  for (const part of parts) {
    starts.push(sizeBytes);
    sizeBytes += part.length;
  }
  return {
    sizeBytes,
    read: (offset, into) => {
      let index = lastAtMost(starts, offset);
      for (let done = 0; done < into.length; index++) {
        const part = parts[index]!;
        const from = offset + done - starts[index]!;
        const piece = part.subarray(from, from + into.length - done);
        into.set(piece, done);
        done += piece.length;
      }
    },
  };
}

/** Index of the last of the ascending `starts` that is at most `offset`. */
export function lastAtMost(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle;
  }
  return low;
}
