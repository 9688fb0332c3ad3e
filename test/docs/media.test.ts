/**
 * The pictures of the README are what the scripts draw from what was measured, which the pictures themselves hold: nobody has
 * touched them by hand. They are readable without colours, motion or sight.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { drawTerminal } from '../../docs/media/draw-terminal.mjs';
import { drawTree } from '../../docs/media/draw-tree.mjs';
import { dataOf } from '../../docs/media/svg.mjs';
import { linksOf, readDocument, ROOT } from './markdown.ts';

const read = (file: string): string => readFileSync(join(ROOT, 'docs/media', file), 'utf8');

describe.each([
  ['fork-tree.svg', drawTree],
  ['terminal.svg', drawTerminal],
] as const)('%s', (file, draw) => {
  const svg = read(file);

  test('is drawn from what it holds', () => {
    expect(draw(dataOf(svg))).toBe(svg);
  });

  test('is small, whole, and asks for nothing', () => {
    expect(svg.length).toBeLessThan(64 << 10);
    expect(svg).not.toMatch(/NaN|undefined|\[object/);
    expect(svg).not.toMatch(/(?:href="|url\()(?!#)/);
    const opened = svg.match(/<[a-z]+(?=[ >])/gi)!.length;
    const closed = svg.match(/<\/[a-z]+>|\/>/gi)!.length;
    expect(closed).toBe(opened);
  });

  test('says in words what it shows, and has both themes', () => {
    expect(svg).toMatch(/<title id="title">.{10,}<\/title>/);
    expect(svg).toMatch(/<desc id="desc">.{100,}<\/desc>/);
    expect(svg).toContain('@media (prefers-color-scheme:dark)');
  });

  test('is in the README, with a text', () => {
    const readme = readDocument('README.md');
    expect(linksOf(readme).map(({ target }) => target)).toContain(`docs/media/${file}`);
    expect(readme.prose).toMatch(new RegExp(`!\\[.{20,}\\]\\(docs/media/${file.replace('.', '\\.')}\\)`));
  });
});

test('the tree counts every page', () => {
  const { members, pages, zero } = dataOf(read('fork-tree.svg'));
  const used = pages - zero.reduce((sum: number, [, length]: [number, number]) => sum + length, 0);
  for (const { name, own, shared } of members) {
    expect(own, name).toEqual([...new Set<number>(own)].toSorted((a, b) => a - b));
    // A page that was zero may have been written, and one that was not may be zero now.
    expect(Math.abs(own.length + shared - used), name).toBeLessThan(own.length + 1);
  }
});

test('the terminal stands still for whoever wants that, and its last frame has everything', () => {
  const svg = read('terminal.svg');
  expect(svg).toContain('@media (prefers-reduced-motion:reduce){.a,.c{animation:none}}');
  expect(svg).toContain('.c{opacity:0}'); // what covers a command until it is typed
  expect(svg).not.toMatch(/<g class="a[^>]*opacity/);
  for (const { command, output } of dataOf(svg).steps) {
    expect(command).not.toBe('');
    expect(output.length, command).toBeGreaterThan(0);
  }
});
