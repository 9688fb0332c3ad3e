/**
 * Bytes between frames and a core's linear memory. Only here, and in other `*-raw.ts` files, are they touched.
 *
 * `core` is the linear memory as bytes, `at` where the page begins in it. Each function says what its caller has proved.
 */

import { FRINGE_BYTES, PAGE_BYTES, type FrameIndex } from '../base/units.ts';
import { FramePool, ZERO_FRAME } from './frame-pool.ts';

const FRINGE_WORDS = FRINGE_BYTES / 4;

/**
 * Copies `pages` pages that follow one another out of a core, into as many frames side by side in one slab, from `frame` on.
 * Caller: holds the only reference to each (I1), the pages lie in the core.
 */
export function copyOut(pool: FramePool, core: Uint8Array, at: number, frame: FrameIndex, pages: number): void {
  pool.slabBytes(frame).set(core.subarray(at, at + pages * PAGE_BYTES), FramePool.offsetOf(frame));
}

/**
 * Copies `pages` frames that lie side by side in one slab, from `frame` on, into a core; zeros, if it is the zero frame.
 * Caller: holds a reference to each frame, the pages lie in the core, the core is not busy.
 */
export function copyIn(pool: FramePool, core: Uint8Array, at: number, frame: FrameIndex, pages: number): void {
  const length = pages * PAGE_BYTES;
  if (frame === ZERO_FRAME) {
    core.fill(0, at, at + length);
    return;
  }
  const from = FramePool.offsetOf(frame);
  core.set(pool.slabBytes(frame).subarray(from, from + length), at);
}

/** Copies the fringe of a frame into a core: its first 64 bytes. Caller: as {@link copyIn}. */
export function copyFringeIn(pool: FramePool, words: Int32Array, at: number, frame: FrameIndex): void {
  const from = pool.slabWords(frame);
  const fromAt = FramePool.offsetOf(frame) >>> 2;
  const intoAt = at >>> 2;
  for (let i = 0; i < FRINGE_WORDS; i++) words[intoAt + i] = from[fromAt + i]!;
}

/** Whether the fringe of a page differs from that of `frame`. Caller: the page lies in the core. */
export function fringeDiffers(pool: FramePool, words: Int32Array, at: number, frame: FrameIndex): boolean {
  const from = pool.slabWords(frame);
  const fromAt = FramePool.offsetOf(frame) >>> 2;
  const intoAt = at >>> 2;
  for (let i = 0; i < FRINGE_WORDS; i++) if (words[intoAt + i] !== from[fromAt + i]) return true;
  return false;
}

/** Copies bytes of one frame into `into`. Caller: `offset + into.length` is at most a page. */
export function readFrame(pool: FramePool, frame: FrameIndex, offset: number, into: Uint8Array): void {
  const from = FramePool.offsetOf(frame) + offset;
  into.set(pool.slabBytes(frame).subarray(from, from + into.length));
}

/** Overwrites bytes of a frame. Caller: holds the only reference to it (I1), `offset + bytes.length` is at most a page. */
export function writeFrame(pool: FramePool, frame: FrameIndex, offset: number, bytes: Uint8Array): void {
  pool.slabBytes(frame).set(bytes, FramePool.offsetOf(frame) + offset);
}

/** Copies a whole frame into another. Caller: holds the only reference to `into` (I1). */
export function copyFrame(pool: FramePool, from: FrameIndex, into: FrameIndex): void {
  const at = FramePool.offsetOf(from);
  pool.slabBytes(into).set(pool.slabBytes(from).subarray(at, at + PAGE_BYTES), FramePool.offsetOf(into));
}

/** Whether every byte of a frame is zero. */
export function frameIsZero(pool: FramePool, frame: FrameIndex): boolean {
  if (frame === ZERO_FRAME) return true;
  const words = pool.slabWords(frame);
  const at = FramePool.offsetOf(frame) >>> 2;
  for (let i = at; i < at + PAGE_BYTES / 4; i++) if (words[i] !== 0) return false;
  return true;
}

/** Whether two frames have the same bytes. */
export function framesEqual(pool: FramePool, a: FrameIndex, b: FrameIndex): boolean {
  if (a === b) return true;
  const wordsA = pool.slabWords(a);
  const wordsB = pool.slabWords(b);
  const atA = FramePool.offsetOf(a) >>> 2;
  const atB = FramePool.offsetOf(b) >>> 2;
  for (let i = 0; i < PAGE_BYTES / 4; i++) if (wordsA[atA + i] !== wordsB[atB + i]) return false;
  return true;
}

/** Whether a page equals `frame` from byte `skip` (a multiple of 4) on: the slow check of I2. */
export function pageEquals(pool: FramePool, words: Int32Array, at: number, frame: FrameIndex, skip: number): boolean {
  const from = pool.slabWords(frame);
  const fromAt = FramePool.offsetOf(frame) >>> 2;
  for (let i = skip / 4; i < PAGE_BYTES / 4; i++) if (words[(at >>> 2) + i] !== from[fromAt + i]) return false;
  return true;
}
