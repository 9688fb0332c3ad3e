/** Source maps (ECMA-426), as far as a stack needs them: from a place in generated code to one in its sources. */

export interface SourceMap {
  readonly sources: readonly (string | null)[];
  readonly mappings: string;
}

/** A segment of a line: it holds from its column to that of the next one. All count from 0. */
interface Segment {
  readonly column: number;
  readonly source: number;
  readonly line: number;
  readonly sourceColumn: number;
}

export interface SourcePlace {
  readonly source: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** Finds places; the map is read at the first. Lines and columns count from 1. */
export function placeFinder({
  sources,
  mappings,
}: SourceMap): (line: number, column: number) => SourcePlace | undefined {
  let lines: Segment[][] | undefined = undefined;
  return (line, column) => {
    lines ??= segmentsOf(mappings);
    const found = lines[line - 1]?.findLast((segment) => segment.column < column);
    const source = found && sources[found.source];
    return typeof source === 'string'
      ? { source, line: found!.line + 1, column: found!.sourceColumn + column - found!.column }
      : undefined;
  };
}

/** Lines apart by `;`, segments by `,`; the fields of a segment are differences to those before (ECMA-426, 9.2). */
function segmentsOf(mappings: string): Segment[][] {
  let [source, line, sourceColumn] = [0, 0, 0];
  return mappings.split(';').map((text) => {
    let column = 0;
    const segments: Segment[] = [];
    for (const each of text === '' ? [] : text.split(',')) {
      const [columns = 0, ...rest] = numbersOf(each);
      column += columns;
      if (rest.length < 3) continue;
      source += rest[0]!;
      line += rest[1]!;
      sourceColumn += rest[2]!;
      segments.push({ column, source, line, sourceColumn });
    }
    return segments;
  });
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Base64 VLQ: five bits a digit, the lowest first; the lowest bit of all is the sign. */
function numbersOf(text: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const letter of text) {
    const digit = DIGITS.indexOf(letter);
    value |= (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value & 1 ? -(value >>> 1) : value >>> 1);
    value = shift = 0;
  }
  return numbers;
}
