/** A table of text for a terminal: columns as wide as their widest cell, two spaces between them. */

export type Align = 'left' | 'right';

/** Lays `rows` out. A cell's colour codes take no room; a row may have fewer cells than others. */
export function formatTable(rows: readonly (readonly string[])[], align: readonly Align[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const room = ' '.repeat(widths[column]! - widthOf(cell));
        return align[column] === 'right' ? room + cell : cell + room;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Characters that it takes on a terminal: one each, colour codes none. */
export function widthOf(text: string): number {
  let width = 0;
  for (const _ of text.replaceAll(COLOUR_CODE, '')) width++;
  return width;
}

/** As colour.ts writes them. */
const COLOUR_CODE: RegExp = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');
