/** The lines of generated JavaScript with how deep in braces each begins: enough to tell a scope's declarations. */

export interface GlueLine {
  readonly text: string;
  /** Open braces where the line begins. */
  readonly depth: number;
}

/** What a piece of code may begin with, longest first; the rest is skipped. A regular expression stands behind `(`, `,` or `=`. */
const TOKEN =
  /\/\/[^\n]*|\/\*[^]*?\*\/|'(?:[^'\\\n]|\\[^])*'|"(?:[^"\\\n]|\\[^])*"|(?<=[(,=]\s*)\/(?![*/])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*|[`{}\n]/g;

/** Undefined for what has braces that do not match: it is not read as it would be run then. */
export function glueLines(source: string): readonly GlueLine[] | undefined {
  const lines: GlueLine[] = [];
  /** What each open brace belongs to: code, or a template that goes on behind it. */
  const open: ('code' | 'template')[] = [];
  let lineAt = 0;
  let depth = 0;
  const endLine = (at: number): void => {
    lines.push({ text: source.slice(lineAt, at), depth });
    lineAt = at + 1;
    depth = open.length;
  };
  const token = new RegExp(TOKEN);
  for (let found = token.exec(source); found !== null; found = token.exec(source)) {
    const [text] = found;
    if (text === '\n') endLine(found.index);
    else if (text === '{') open.push('code');
    else if (text === '}') {
      const of = open.pop();
      if (of === undefined) return undefined;
      if (of === 'template') token.lastIndex = templateEnd(source, token.lastIndex, open);
    } else if (text === '`') token.lastIndex = templateEnd(source, token.lastIndex, open);
    else if (text.includes('\n')) {
      // A comment or string of several lines declares nothing.
      depth = open.length;
    }
  }
  endLine(source.length);
  return open.length === 0 ? lines : undefined;
}

/** Behind the text of a template: at its end, or in the code that it holds. */
function templateEnd(source: string, from: number, open: ('code' | 'template')[]): number {
  for (let at = from; at < source.length; at++) {
    if (source[at] === '\\') at++;
    else if (source[at] === '`') return at + 1;
    else if (source[at] === '$' && source[at + 1] === '{') {
      open.push('template');
      return at + 2;
    }
  }
  return source.length;
}
