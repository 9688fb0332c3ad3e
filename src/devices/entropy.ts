/**
 * Random bytes for guests: the host's entropy, or a stream that a seed determines.
 *
 * I7: a child never shares random bytes with its parent. Host entropy has no state to share. A seeded stream is a
 * value of the machine: (key, position); a child's key is derived from its parent's and from how much later the child
 * was made, so the same program of the host makes the same streams again. It rolls back with its machine. It is for
 * reproducible runs, not for secrets.
 *
 * ```
 *   bytes of a machine   = ChaCha20(key, nonce 0,     block 0, 1, 2 ...)
 *   key of a child       = first 32 bytes of ChaCha20(key of the parent, nonce (1, child - parent, generation), block 0)
 * ```
 */

import type { Identity } from '../machine/identity.ts';
import type { Entropy } from './ports.ts';

/** Bytes that one `crypto.getRandomValues` may fill (Web Cryptography 10.1.1). */
const RANDOM_CHUNK_BYTES = 65_536;
const BLOCK_BYTES = 64;

/** Entropy of the platform: `crypto.getRandomValues`. */
export function systemEntropy(): Entropy {
  return {
    fillRandom(into) {
      for (let at = 0; at < into.length; at += RANDOM_CHUNK_BYTES) {
        crypto.getRandomValues(into.subarray(at, at + RANDOM_CHUNK_BYTES));
      }
    },
  };
}

/** Where a machine's seeded stream stands. Immutable. */
export interface SeededStream {
  /** Eight words. */
  readonly key: Uint32Array;
  readonly positionBytes: number;
}

/** The stream of a machine that boots. Text is taken as UTF-8. */
export function seededStream(seed: string | number | Uint8Array): SeededStream {
  const bytes = typeof seed === 'object' ? seed : new TextEncoder().encode(String(seed));
  let key: Uint32Array = new Uint32Array(8);
  key[0] = bytes.length;
  for (let at = 0; at === 0 || at < bytes.length; at += 32) {
    for (let i = 0; i < 32; i++) {
      const byte = bytes[at + i] ?? 0;
      key[i >> 2] = key[i >> 2]! ^ (byte << ((i & 3) * 8));
    }
    key = derive(key, 0, at);
  }
  return { key, positionBytes: 0 };
}

/** The stream of a child, different from its parent's and its siblings'. */
export function childStream(stream: SeededStream, child: Identity): SeededStream {
  return { key: derive(stream.key, child.id - (child.parent?.id ?? 0), child.generation), positionBytes: 0 };
}

/** Fills `into` from the stream, and returns where it stands after. */
export function readStream(stream: SeededStream, into: Uint8Array): SeededStream {
  const words = new Uint32Array(16);
  let position = stream.positionBytes;
  for (let at = 0; at < into.length;) {
    const within = position % BLOCK_BYTES;
    const count = Math.min(BLOCK_BYTES - within, into.length - at);
    const block = Math.floor(position / BLOCK_BYTES);
    chachaBlock(stream.key, block, [0, 0, 0], words);
    for (let i = 0; i < count; i++) {
      const byte = within + i;
      into[at + i] = words[byte >> 2]! >>> ((byte & 3) * 8);
    }
    at += count;
    position += count;
  }
  return { key: stream.key, positionBytes: position };
}

function derive(key: Uint32Array, a: number, b: number): Uint32Array {
  const words = new Uint32Array(16);
  chachaBlock(key, 0, [1, a >>> 0, b >>> 0], words);
  return words.slice(0, 8);
}

/**
 * One block of ChaCha20 (RFC 8439, 2.3) as 16 words. The counter's upper part goes to the nonce's first word, so that
 * a stream does not repeat after 256 GiB.
 */
function chachaBlock(
  key: Uint32Array,
  counter: number,
  nonce: readonly [number, number, number],
  out: Uint32Array,
): void {
  const start = new Uint32Array(16);
  start.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
  start.set(key, 4);
  start.set([counter >>> 0, nonce[0] + Math.floor(counter / 2 ** 32) * 2, nonce[1], nonce[2]], 12);
  out.set(start);
  for (let round = 0; round < 10; round++) {
    quarter(out, 0, 4, 8, 12);
    quarter(out, 1, 5, 9, 13);
    quarter(out, 2, 6, 10, 14);
    quarter(out, 3, 7, 11, 15);
    quarter(out, 0, 5, 10, 15);
    quarter(out, 1, 6, 11, 12);
    quarter(out, 2, 7, 8, 13);
    quarter(out, 3, 4, 9, 14);
  }
  for (let i = 0; i < 16; i++) out[i] = out[i]! + start[i]!;
}

function quarter(x: Uint32Array, a: number, b: number, c: number, d: number): void {
  x[a] = x[a]! + x[b]!;
  x[d] = rotate(x[d]! ^ x[a]!, 16);
  x[c] = x[c]! + x[d]!;
  x[b] = rotate(x[b]! ^ x[c]!, 12);
  x[a] = x[a]! + x[b]!;
  x[d] = rotate(x[d]! ^ x[a]!, 8);
  x[c] = x[c]! + x[d]!;
  x[b] = rotate(x[b]! ^ x[c]!, 7);
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
