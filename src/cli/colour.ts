/** Colours, on a terminal only. `NO_COLOR` turns them off and `FORCE_COLOR` on (no-color.org, force-color.org). */

/** What styles text; without colours it returns what it is given. */
export interface Colours {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
}

/** The part of a stream that decides. */
export interface MaybeTerminal {
  readonly isTTY?: boolean;
}

/** Whether to colour what goes to `stream`. */
export function wantsColour(stream: MaybeTerminal, env: NodeJS.ProcessEnv = process.env): boolean {
  const force = env['FORCE_COLOR'];
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false';
  const off = env['NO_COLOR'];
  if (off !== undefined && off !== '') return false;
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

/** The colours for `stream`. */
export function coloursFor(stream: MaybeTerminal): Colours {
  return wantsColour(stream) ? { bold: sgr(1, 22), dim: sgr(2, 22), red: sgr(31, 39), green: sgr(32, 39) } : PLAIN;
}

const PLAIN: Colours = { bold: same, dim: same, red: same, green: same };

function same(text: string): string {
  return text;
}

/** Select Graphic Rendition (ECMA-48 8.3.117). */
function sgr(on: number, off: number): (text: string) => string {
  return (text) => `\u001b[${on}m${text}\u001b[${off}m`;
}
