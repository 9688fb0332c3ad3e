/** What documents refer to exists: links, headings, and the test or bench behind each promise of the specification. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { limitText, PROMISES, type SpeedPromise } from '../../bench/promises.ts';
import { anchorsOf, documents, linksOf, readDocument, resolveLink, ROOT } from './markdown.ts';

const OUTSIDE = /^(https?|mailto):/;

describe('links', () => {
  test.each(documents().map((each) => [each.path, each] as const))('%s', (_path, document) => {
    const broken: string[] = [];
    for (const { line, target } of linksOf(document)) {
      if (OUTSIDE.test(target)) continue;
      const { path, anchor } = resolveLink(document, target);
      if (path.startsWith('..') || !existsSync(join(ROOT, path))) broken.push(`line ${line}: ${target}: no such file`);
      else if (anchor !== undefined && path.endsWith('.md') && !anchorsOf(readDocument(path)).has(anchor)) {
        broken.push(`line ${line}: ${target}: no such heading`);
      }
    }
    expect(broken).toEqual([]);
  });
});

describe('specification', () => {
  const specification = readDocument('docs/specification.md');
  const rows = [...specification.prose.matchAll(/^\| ([STFP]\d+) +\|(.*)\|$/gm)].map((match) => ({
    number: match[1]!,
    cells: match[2]!.split('|').map((cell) => cell.trim()),
  }));

  test('numbers are used once and without gaps', () => {
    expect(rows.length).toBeGreaterThan(50);
    for (const letter of 'STFP') {
      const numbers = rows
        .filter(({ number }) => number.startsWith(letter))
        .map(({ number }) => Number(number.slice(1)));
      expect(numbers, letter).toEqual(numbers.map((_, index) => index + 1));
    }
  });

  test.each(rows.map((row) => [row.number, row] as const))('%s names a test or a bench, or is pending', (_n, row) => {
    const proof = row.cells.at(-1)!;
    const targets = [...proof.matchAll(/\]\(([^)#]+)/g)].map((match) => match[1]!);
    if (targets.length === 0) expect(proof).toContain('*pending*');
    for (const target of targets) {
      // The package is tried by scripts: see .ci/run.
      expect(target).toMatch(/\.(test|spec)\.(ts|mjs)$|^\.\.\/bench\/benches\/.*\.ts$|^\.\.\/test\/package.*\.mjs$/);
    }
  });

  test('speed and size are what the benches are held to', () => {
    const stated = rows.filter(({ number }) => number.startsWith('P')).map(({ number, cells }) => [number, cells]);
    const held = Object.entries<SpeedPromise>(PROMISES).map(([number, { statement, limit, unit, bench }]) => [
      number,
      [
        statement,
        limit === undefined ? 'none' : `${limitText(limit)} ${unit}`,
        `[${bench}.ts](../bench/benches/${bench}.ts)`,
      ],
    ]);
    expect(stated).toEqual(held);
  });
});
