/**
 * The sequences section of a compressed block (RFC 8878, 3.1.1.3.2), carried out while it is read: literals and copies
 * of what came before, into the output.
 *
 * Every length is checked against what is left of the literals, of the block and of the output before a byte moves. That
 * bounds the time by the output, which a table that promises a match of 128 KiB in no bits at all would not.
 */

import { BackwardBits } from './bits.ts';
import { BLOCK_BYTES_MAX, type Cursor } from './cursor.ts';
import { buildFseTable, firstState, nextState, readFseTable, singleSymbolTable, type FseTable } from './fse.ts';

/** One of the three codes of a sequence. */
interface Code {
  readonly accuracyLogMax: number;
  readonly symbolMax: number;
  readonly predefined: FseTable;
}

/** Default distributions: 3.1.1.3.2.2.1. */
const LITERAL_LENGTHS: Code = {
  accuracyLogMax: 9,
  symbolMax: 35,
  predefined: buildFseTable(
    [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1],
    6,
  ),
};
const OFFSETS: Code = {
  accuracyLogMax: 8,
  symbolMax: 31,
  predefined: buildFseTable(
    [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
    5,
  ),
};
const MATCH_LENGTHS: Code = {
  accuracyLogMax: 9,
  symbolMax: 52,
  predefined: buildFseTable(
    [
      1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
      1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
    ],
    6,
  ),
};

/** Extra bits and least value for each code of a length (3.1.1.3.2.1.1): every code goes on where the last one ended. */
class Lengths {
  readonly bits: Uint8Array;
  readonly base: Uint32Array;

  constructor(plain: number, first: number, extraBits: readonly number[]) {
    this.bits = Uint8Array.from([...Array.from({ length: plain }, () => 0), ...extraBits]);
    this.base = new Uint32Array(this.bits.length);
    let next = first;
    this.bits.forEach((bits, code) => {
      this.base[code] = next;
      next += 1 << bits;
    });
  }
}
const LITERAL_LENGTH_VALUES = new Lengths(16, 0, [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
const MATCH_LENGTH_VALUES = new Lengths(32, 3, [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
/** Codes above reach further back than any output here: 2^24 bytes. */
const OFFSET_CODE_MAX = 24;

/** What one block leaves to the next. */
export interface SequenceState {
  tables: readonly [FseTable | undefined, FseTable | undefined, FseTable | undefined];
  /** The last three offsets, the latest first (3.1.1.5). */
  readonly recent: [number, number, number];
}

export function initialSequenceState(): SequenceState {
  return { tables: [undefined, undefined, undefined], recent: [1, 4, 8] };
}

/** Carries out a block: `output` is filled up to `filled`. Returns how far it is filled after. */
export function runSequences(
  input: Cursor,
  literals: Uint8Array,
  state: SequenceState,
  output: Uint8Array,
  filled: number,
): number {
  const count = readCount(input);
  const end = Math.min(output.length, filled + BLOCK_BYTES_MAX);
  let to = filled;
  let literal = 0;
  if (count > 0) {
    const [lengthTable, offsetTable, matchTable] = readTables(input, state);
    const stream = new BackwardBits(input.rest());
    let lengthState = firstState(lengthTable, stream);
    let offsetState = firstState(offsetTable, stream);
    let matchState = firstState(matchTable, stream);
    for (let left = count; left > 0; left--) {
      const offsetCode = offsetTable.symbols[offsetState]!;
      if (offsetCode > OFFSET_CODE_MAX) throw new Error(`an offset code of ${offsetCode}`);
      const offsetValue = 2 ** offsetCode + stream.take(offsetCode);
      const match = takeLength(MATCH_LENGTH_VALUES, matchTable.symbols[matchState]!, stream);
      const length = takeLength(LITERAL_LENGTH_VALUES, lengthTable.symbols[lengthState]!, stream);
      if (left > 1) {
        lengthState = nextState(lengthTable, lengthState, stream);
        matchState = nextState(matchTable, matchState, stream);
        offsetState = nextState(offsetTable, offsetState, stream);
      }
      if (stream.position < 0) throw new Error('the sequences are cut short');
      if (length > literals.length - literal) throw new Error('more literals are used than there are');
      if (length + match > end - to) throw new Error('more comes out than a block or the output holds');
      output.set(literals.subarray(literal, literal + length), to);
      literal += length;
      to += length;
      copyMatch(output, to, resolveOffset(state.recent, offsetValue, length === 0), match);
      to += match;
    }
    if (stream.position !== 0) throw new Error('bits are left over behind the sequences');
  }
  const rest = literals.subarray(literal);
  if (rest.length > end - to) throw new Error('more comes out than a block or the output holds');
  output.set(rest, to);
  return to + rest.length;
}

function takeLength(values: Lengths, code: number, stream: BackwardBits): number {
  const base = values.base[code];
  if (base === undefined) throw new Error(`a length code of ${code}`);
  return base + stream.take(values.bits[code]!);
}

/** Number of sequences (3.1.1.3.2.1). */
function readCount(input: Cursor): number {
  const first = input.byte();
  if (first < 128) return first;
  if (first < 255) return ((first - 128) << 8) + input.byte();
  return input.little(2) + 0x7f00;
}

/** The three tables, each predefined, one symbol, described here, or that of the block before. */
function readTables(input: Cursor, state: SequenceState): readonly [FseTable, FseTable, FseTable] {
  const modes = input.byte();
  if ((modes & 3) !== 0) throw new Error('reserved bits are set in the modes of a sequences section');
  const tables = [
    readTable(input, modes >> 6, LITERAL_LENGTHS, state.tables[0]),
    readTable(input, (modes >> 4) & 3, OFFSETS, state.tables[1]),
    readTable(input, (modes >> 2) & 3, MATCH_LENGTHS, state.tables[2]),
  ] as const;
  state.tables = tables;
  return tables;
}

function readTable(input: Cursor, mode: number, code: Code, previous: FseTable | undefined): FseTable {
  if (mode === 0) return code.predefined;
  if (mode === 1) return singleSymbolTable(input.byte());
  if (mode === 3) {
    if (previous === undefined) throw new Error('a sequence table is used again before there is one');
    return previous;
  }
  const { table, bytesRead } = readFseTable(input.rest(), code.accuracyLogMax, code.symbolMax);
  input.skip(bytesRead);
  return table;
}

/** The distance that an offset value means: one of the recent ones, or itself less 3 (3.1.1.5). */
function resolveOffset(recent: [number, number, number], value: number, noLiterals: boolean): number {
  if (value > 3) {
    recent[2] = recent[1];
    recent[1] = recent[0];
    recent[0] = value - 3;
    return value - 3;
  }
  const index = value - 1 + (noLiterals ? 1 : 0);
  if (index === 0) return recent[0];
  const offset = index === 3 ? recent[0] - 1 : recent[index]!;
  if (index > 1) recent[2] = recent[1];
  recent[1] = recent[0];
  recent[0] = offset;
  return offset;
}

function copyMatch(output: Uint8Array, to: number, offset: number, length: number): void {
  if (offset < 1 || offset > to) throw new Error(`a copy from ${offset} bytes before, where ${to} came out so far`);
  const from = to - offset;
  if (offset >= length) output.copyWithin(to, from, from + length);
  else for (let at = 0; at < length; at++) output[to + at] = output[from + at]!;
}
