/**
 * Decompresses one zstd frame (RFC 8878) into a buffer whose size is known: a compressed cluster of a qcow2 image.
 *
 * Why not a library: see docs/decisions/0008-image-formats.md. In short, the one in pure JavaScript takes hours over 64 KiB
 * that someone made for it. Here the work is bounded by the output and the input: lengths are checked before bytes move,
 * and the number of blocks is capped.
 *
 * Output is the window, so the frame's window size does not matter. Not done: dictionaries (refused), the checksum (not
 * compared: clusters have none), more than one frame.
 */

import { BLOCK_BYTES_MAX, Cursor } from './cursor.ts';
import type { HuffmanTable } from './huffman.ts';
import { readLiterals } from './literals.ts';
import { initialSequenceState, runSequences } from './sequences.ts';

const MAGIC = 0xfd2f_b528;
/** Blocks of a frame. Threat: tables built for nothing. An encoder makes a block of up to 128 KiB: 2 MiB take 16. */
const BLOCKS_MAX = 1024;

/**
 * Decompresses the frame at the start of `compressed` into `output`; what follows the frame is ignored. Returns how many
 * bytes came out. Throws an `Error` that says what is wrong, also when more than `output` holds would come out.
 */
export function decompressZstd(compressed: Uint8Array, output: Uint8Array): number {
  const input = new Cursor(compressed);
  readFrameHeader(input);
  const sequences = initialSequenceState();
  let huffman: HuffmanTable | undefined;
  let filled = 0;
  for (let blocks = 0, last = false; !last; blocks++) {
    if (blocks >= BLOCKS_MAX) throw new Error(`a frame of more blocks than ${BLOCKS_MAX}`);
    const header = input.little(3);
    last = (header & 1) === 1;
    const type = (header >> 1) & 3;
    const size = header >> 3;
    if (size > BLOCK_BYTES_MAX) throw new Error(`a block of ${size} bytes; ${BLOCK_BYTES_MAX} are allowed`);
    if (type === 3) throw new Error('a block of the reserved type');
    if (type === 2) {
      const block = new Cursor(input.take(size));
      const read = readLiterals(block, huffman);
      huffman = read.huffman;
      filled = runSequences(block, read.literals, sequences, output, filled);
      continue;
    }
    if (size > output.length - filled) throw new Error('more comes out than the output holds');
    if (type === 0) output.set(input.take(size), filled);
    else output.fill(input.byte(), filled, filled + size);
    filled += size;
  }
  return filled;
}

/** RFC 8878, 3.1.1.1. */
function readFrameHeader(input: Cursor): void {
  const magic = input.little(4);
  if (magic !== MAGIC) throw new Error(`no zstd frame: it begins with 0x${magic.toString(16)}`);
  const descriptor = input.byte();
  const singleSegment = ((descriptor >> 5) & 1) === 1;
  if ((descriptor & 8) !== 0) throw new Error('the reserved bit of a frame header is set');
  if (!singleSegment) input.skip(1);
  const dictionary = input.little([0, 1, 2, 4][descriptor & 3]!);
  if (dictionary !== 0) throw new Error('it needs a dictionary');
  input.skip([singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!);
}
