/** Huffman codes of literals (RFC 8878, 4.2): the tree's description, and streams of symbols. */

import { BackwardBits, log2 } from './bits.ts';
import { firstState, nextState, readFseTable } from './fse.ts';

/** Longest code (4.2.1). */
const CODE_BITS_MAX = 11;
const SYMBOLS_MAX = 256;

/** For each value of the next `codeBits` bits: the symbol, and how many bits it really took. */
export interface HuffmanTable {
  readonly codeBits: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
}

/** Reads a tree description (4.2.1) at the start of `bytes`; says how long it was. */
export function readHuffmanTable(bytes: Uint8Array): { readonly table: HuffmanTable; readonly bytesRead: number } {
  const head = bytes[0] ?? 0;
  const weightBytes = head < 128 ? head : (head - 127 + 1) >> 1;
  const body = bytes.subarray(1, 1 + weightBytes);
  if (body.length < weightBytes) throw new Error('a Huffman tree is cut short');
  const weights = head < 128 ? compressedWeights(body) : directWeights(body, head - 127);
  return { table: buildTable(weights), bytesRead: 1 + weightBytes };
}

function directWeights(body: Uint8Array, count: number): number[] {
  return Array.from({ length: count }, (_, index) => {
    const pair = body[index >> 1]!;
    return index % 2 === 0 ? pair >> 4 : pair & 15;
  });
}

/** Weights as an FSE stream with two states that take turns (4.2.1.2), until its bits are used up. */
function compressedWeights(body: Uint8Array): number[] {
  const { table, bytesRead } = readFseTable(body, 6, SYMBOLS_MAX - 1);
  const stream = new BackwardBits(body.subarray(bytesRead));
  let state = firstState(table, stream);
  let other = firstState(table, stream);
  const weights: number[] = [];
  while (stream.position >= 0) {
    weights.push(table.symbols[state]!);
    [state, other] = [other, nextState(table, state, stream)];
    if (weights.length >= SYMBOLS_MAX) throw new Error(`a Huffman tree with more symbols than ${SYMBOLS_MAX}`);
  }
  weights.push(table.symbols[state]!);
  return weights;
}

/** The last weight is what is missing to a power of two (4.2.1). Codes go from the longest up, then by symbol (4.2.1.3). */
function buildTable(weights: number[]): HuffmanTable {
  let sum = 0;
  for (const weight of weights) {
    if (weight > CODE_BITS_MAX) throw new Error(`a Huffman weight of ${weight}`);
    sum += (1 << weight) >> 1;
  }
  if (sum === 0) throw new Error('a Huffman tree without weights');
  const codeBits = log2(sum) + 1;
  const missing = (1 << codeBits) - sum;
  if (codeBits > CODE_BITS_MAX || (missing & (missing - 1)) !== 0 || weights.length >= SYMBOLS_MAX) {
    throw new Error('a Huffman tree whose weights do not add up');
  }
  const all = [...weights, log2(missing) + 1];
  const symbols = new Uint8Array(1 << codeBits);
  const bits = new Uint8Array(1 << codeBits);
  let at = 0;
  for (let weight = 1; weight <= codeBits; weight++) {
    all.forEach((own, symbol) => {
      if (own !== weight) return;
      const end = at + (1 << (weight - 1));
      symbols.fill(symbol, at, end);
      bits.fill(codeBits + 1 - weight, at, end);
      at = end;
    });
  }
  return { codeBits, symbols, bits };
}

/** Fills `into` with the symbols of one stream (4.2.2), which must hold just as many. */
export function decodeHuffman(table: HuffmanTable, bytes: Uint8Array, into: Uint8Array): void {
  const { codeBits, symbols, bits } = table;
  const stream = new BackwardBits(bytes);
  const mask = (1 << codeBits) - 1;
  let state = stream.take(codeBits);
  for (let at = 0; at < into.length; at++) {
    into[at] = symbols[state]!;
    const count = bits[state]!;
    state = ((state << count) | stream.take(count)) & mask;
  }
  if (stream.position !== -codeBits) throw new Error('a Huffman stream does not hold as many literals as it should');
}
