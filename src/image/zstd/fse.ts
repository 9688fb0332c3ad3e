/** Tables of finite state entropy codes (RFC 8878, 4.1): from a description in the stream, or from given probabilities. */

import { ForwardBits, log2, type BackwardBits } from './bits.ts';

/** For each state: its symbol, and how the next state comes about. */
export interface FseTable {
  readonly accuracyLog: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly base: Uint16Array;
}

/** The state that a stream begins with. */
export function firstState(table: FseTable, stream: BackwardBits): number {
  return stream.take(table.accuracyLog);
}

export function nextState(table: FseTable, state: number, stream: BackwardBits): number {
  return table.base[state]! + stream.take(table.bits[state]!);
}

/** The table that knows one symbol only. */
export function singleSymbolTable(symbol: number): FseTable {
  return { accuracyLog: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), base: new Uint16Array(1) };
}

/** Reads a description (4.1.1) at the start of `bytes`; says how long it was. */
export function readFseTable(
  bytes: Uint8Array,
  accuracyLogMax: number,
  symbolMax: number,
): { readonly table: FseTable; readonly bytesRead: number } {
  const stream = new ForwardBits(bytes);
  const accuracyLog = stream.take(4) + 5;
  if (accuracyLog > accuracyLogMax)
    throw new Error(`an FSE table of accuracy ${accuracyLog}; ${accuracyLogMax} at most`);
  const probabilities: number[] = [];
  for (let remaining = 1 << accuracyLog; remaining > 0;) {
    const probability = takeProbability(stream, remaining);
    probabilities.push(probability);
    remaining -= Math.abs(probability);
    for (let repeat = probability === 0 ? 3 : 0; repeat === 3;) {
      repeat = stream.take(2);
      for (let zero = 0; zero < repeat; zero++) probabilities.push(0);
    }
    if (probabilities.length > symbolMax + 1) throw new Error(`an FSE table with more symbols than ${symbolMax + 1}`);
  }
  return { table: buildFseTable(probabilities, accuracyLog), bytesRead: stream.bytesRead };
}

/** A probability between -1 ("less than 1") and `remaining`; small values take a bit less. */
function takeProbability(stream: ForwardBits, remaining: number): number {
  const bits = log2(remaining + 1) + 1;
  const shortMask = (1 << (bits - 1)) - 1;
  const shortBelow = (1 << bits) - 1 - (remaining + 1);
  const value = stream.peek(bits);
  if ((value & shortMask) < shortBelow) return stream.take(bits - 1) - 1;
  stream.take(bits);
  return (value > shortMask ? value - shortBelow : value) - 1;
}

/** Spreads the symbols over the states (4.1.1). The absolute probabilities add up to 2^accuracyLog. */
export function buildFseTable(probabilities: readonly number[], accuracyLog: number): FseTable {
  const size = 1 << accuracyLog;
  const symbols = new Uint8Array(size);
  const next = new Uint16Array(probabilities.length);
  let top = size;
  probabilities.forEach((probability, symbol) => {
    next[symbol] = Math.abs(probability);
    if (probability === -1) symbols[--top] = symbol;
  });
  const step = (size >> 1) + (size >> 3) + 3;
  let position = 0;
  probabilities.forEach((probability, symbol) => {
    for (let count = 0; count < probability; count++) {
      symbols[position] = symbol;
      do position = (position + step) & (size - 1);
      while (position >= top);
    }
  });
  const bits = new Uint8Array(size);
  const base = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const count = next[symbols[state]!]!++;
    bits[state] = accuracyLog - log2(count);
    base[state] = (count << bits[state]!) - size;
  }
  return { accuracyLog, symbols, bits, base };
}
