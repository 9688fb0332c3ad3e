/** What an engine is known not to do excuses that failure, and no other. */

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

import { KNOWN, knownOf } from './known.mjs';
import { Report } from './report.mjs';

const FILE = 'src/machine/tables.test.ts';
const REFUSED = 'FargoError: a table was changed, and this engine does not tell which function stands in it now: ...';

const ended = (state: string, error?: string): { file: string; name: string; state: string; error?: string } => ({
  file: FILE,
  name: 'a table',
  state,
  ...(error !== undefined && { error }),
});

test('one failure of a test is known, another is red', () => {
  expect(knownOf('webkit', ended('failed', REFUSED))?.why).toContain('WebKit');
  expect(knownOf('webkit', ended('failed', 'AssertionError: expected 1 to be 2'))).toBeUndefined();
  expect(knownOf('webkit', ended('failed'))).toBeUndefined();
  expect(knownOf('webkit', ended('passed'))).toBeUndefined();
  expect(knownOf('webkit', ended('skipped'))).toBeUndefined();
  expect(knownOf('firefox', ended('failed', REFUSED))).toBeUndefined();
});

test('a file of which some is known and that does not load fails the matrix', () => {
  const report = new Report(['machine']);
  const told = { kind: 'ended', ms: 1, file: FILE };
  report.tell('webkit', 'machine', { ...told, name: 'a table', state: 'failed', error: REFUSED });
  expect(report.failed(false)).toBe(false);
  report.tell('webkit', 'machine', { ...told, name: '(the file itself)', state: 'failed', error: 'SyntaxError' });
  expect(report.failed(false)).toBe(true);
});

test('every entry names a file that is there, and what its failure says', () => {
  for (const each of Object.values(KNOWN).flat()) {
    expect(existsSync(fileURLToPath(new URL(`../../${each.file}`, import.meta.url))), each.file).toBe(true);
    expect(each.error === undefined, each.file).toBe(each.skip === true);
  }
});
