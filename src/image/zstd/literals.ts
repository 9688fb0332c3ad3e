/** The literals section of a compressed block (RFC 8878, 3.1.1.3.1). */

import { decodeHuffman, readHuffmanTable, type HuffmanTable } from './huffman.ts';
import { BLOCK_BYTES_MAX, type Cursor } from './cursor.ts';

/** Reads the section. `previous` is the tree of the block before, which a "treeless" section uses again. */
export function readLiterals(
  input: Cursor,
  previous: HuffmanTable | undefined,
): { readonly literals: Uint8Array; readonly huffman: HuffmanTable | undefined } {
  const head = input.peekByte();
  const type = head & 3;
  const sizeFormat = (head >> 2) & 3;
  if (type < 2) return { literals: readPlain(input, type === 1, sizeFormat), huffman: previous };
  const sizeBits = [10, 10, 14, 18][sizeFormat]!;
  const header = input.little((4 + 2 * sizeBits + 7) >> 3);
  const count = Math.floor(header / 16) % 2 ** sizeBits;
  const compressed = input.take(Math.floor(header / 2 ** (4 + sizeBits)));
  const literals = literalBuffer(count);
  if (type === 3) {
    if (previous === undefined) throw new Error('literals without a Huffman tree');
    decodeStreams(previous, compressed, literals, sizeFormat === 0);
    return { literals, huffman: previous };
  }
  const { table, bytesRead } = readHuffmanTable(compressed);
  decodeStreams(table, compressed.subarray(bytesRead), literals, sizeFormat === 0);
  return { literals, huffman: table };
}

function readPlain(input: Cursor, repeated: boolean, sizeFormat: number): Uint8Array {
  const headerBytes = [1, 2, 1, 3][sizeFormat]!;
  const count = input.little(headerBytes) >> (headerBytes === 1 ? 3 : 4);
  if (!repeated) return input.take(count);
  return literalBuffer(count).fill(input.byte());
}

function literalBuffer(count: number): Uint8Array {
  if (count > BLOCK_BYTES_MAX) throw new Error(`a block with ${count} literals; ${BLOCK_BYTES_MAX} are allowed`);
  return new Uint8Array(count);
}

/** One stream, or four behind a table of the first three's lengths (3.1.1.3.1.6). */
function decodeStreams(table: HuffmanTable, bytes: Uint8Array, into: Uint8Array, single: boolean): void {
  if (single) return decodeHuffman(table, bytes, into);
  if (bytes.length < 6) throw new Error('the lengths of the literal streams are cut short');
  const part = (into.length + 3) >> 2;
  if (into.length < 3 * part) throw new Error(`${into.length} literals in four streams`);
  let from = 6;
  for (let index = 0; index < 4; index++) {
    const length = index < 3 ? bytes[2 * index]! | (bytes[2 * index + 1]! << 8) : bytes.length - from;
    if (length <= 0 || from + length > bytes.length) throw new Error('the literal streams are cut short');
    decodeHuffman(
      table,
      bytes.subarray(from, from + length),
      into.subarray(index * part, index < 3 ? (index + 1) * part : into.length),
    );
    from += length;
  }
}
