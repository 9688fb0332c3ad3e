/** A file is replaced as a whole, or is as it was. */

import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { FargoError } from '../base/errors.ts';
import { replaceFile } from './replace-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fargo-replace-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function* broken(): Generator<Uint8Array> {
  yield bytes('half');
  throw new FargoError('io', 'the source ended');
}

test('chunks follow each other; zeros within and at the end are kept', () => {
  const path = join(folder, 'new');
  replaceFile(path, [bytes('a'), new Uint8Array(70_000), bytes('b'), new Uint8Array(5)]);
  const expected = new Uint8Array(70_007);
  expected[0] = 97;
  expected[70_001] = 98;
  expect(new Uint8Array(readFileSync(path))).toEqual(expected);
});

test('an error on the way leaves the file as it was, and nothing beside it', () => {
  const path = join(folder, 'old');
  writeFileSync(path, 'before');
  expect(() => replaceFile(path, broken())).toThrow('the source ended');
  expect(readFileSync(path, 'utf8')).toBe('before');
  expect(readdirSync(folder)).toEqual(['old']);
});

test.skipIf(process.platform === 'win32')('a link stays one, and permissions stay', () => {
  const path = join(folder, 'old');
  const link = join(folder, 'link');
  writeFileSync(path, 'before');
  chmodSync(path, 0o640);
  symlinkSync('old', link);
  replaceFile(link, [bytes('after')]);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(readFileSync(path, 'utf8')).toBe('after');
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

test('a place that cannot be written is named', () => {
  expect(() => replaceFile(join(folder, 'none', 'file'), [])).toThrow(join(folder, 'none', 'file'));
});
