/** Markdown as the tests of the documents see it: which files there are, their links, headings and code blocks. */

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's folder. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

export interface Link {
  /** Line of the document, from 1. */
  readonly line: number;
  readonly target: string;
}

interface CodeBlock {
  readonly line: number;
  /** What stands after the fence: `ts runnable`. */
  readonly info: string;
  readonly text: string;
}

export interface Document {
  /** Path from the repository's folder. */
  readonly path: string;
  /** The text with its code blocks emptied, line by line. */
  readonly prose: string;
  readonly blocks: readonly CodeBlock[];
}

/** Folders that hold documents, those within them included. */
const FOLDERS = ['docs', 'guests', 'bench', 'examples'];

/** Every document of the repository. */
export function documents(): Document[] {
  const within = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
  );
  return [...readdirSync(ROOT), ...within]
    .filter((path) => path.endsWith('.md') && !path.includes('node_modules'))
    .toSorted()
    .map(readDocument);
}

export function readDocument(path: string): Document {
  const blocks: CodeBlock[] = [];
  const prose: string[] = [];
  let open: { line: number; info: string; lines: string[] } | undefined;
  readFileSync(join(ROOT, path), 'utf8')
    .split('\n')
    .forEach((text, index) => {
      const fence = /^\s*```(.*)$/.exec(text);
      if (fence === null) {
        open?.lines.push(text);
        prose.push(open === undefined ? text : '');
        return;
      }
      if (open === undefined) open = { line: index + 1, info: fence[1]!.trim(), lines: [] };
      else {
        blocks.push({ line: open.line, info: open.info, text: open.lines.join('\n') });
        open = undefined;
      }
      prose.push('');
    });
  if (open !== undefined) throw new Error(`${path}: the code block of line ${open.line} is not closed`);
  return { path, prose: prose.join('\n'), blocks };
}

/** Links of a document, those in code spans left out. */
export function linksOf(document: Document): Link[] {
  return document.prose.split('\n').flatMap((text, index) =>
    [...text.replaceAll(/`[^`]*`(?!\])/g, '').matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)].map((match) => ({
      line: index + 1,
      target: match[1]!,
    })),
  );
}

/** The file that a relative link names, from the repository's folder, and the heading in it. */
export function resolveLink(document: Document, target: string): { path: string; anchor: string | undefined } {
  const [file, anchor] = target.split('#');
  const path = file === '' ? document.path : relative(ROOT, resolve(ROOT, dirname(document.path), file!));
  return { path, anchor };
}

/** Names under which the headings of a document can be linked to: lower case, hyphens for spaces, no punctuation. */
export function anchorsOf(document: Document): Set<string> {
  const anchors = new Set<string>();
  for (const match of document.prose.matchAll(/^#+ +(.*)$/gm)) {
    const name = match[1]!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-');
    let unique = name;
    for (let again = 1; anchors.has(unique); again++) unique = `${name}-${again}`;
    anchors.add(unique);
  }
  for (const match of document.prose.matchAll(/<a id="([^"]+)">/g)) anchors.add(match[1]!);
  return anchors;
}
