import { describe, expect, it } from 'vitest';
import { customPolicy } from './customs.ts';
import { encodeCustom, encodeHeader } from './encode.ts';
import { correctNames, readLocalNames, readNames } from './names.ts';
import { readModule } from './reader.ts';
import type { Module } from './module.ts';
import { wasmFromText } from './text.ts';
import { ByteWriter } from './writer.ts';

/** A module with nothing but name sections, given as contents. */
function withNames(...all: (ArrayLike<number> & { subarray?: unknown })[]): Module {
  const writer = new ByteWriter();
  encodeHeader(writer);
  for (const contents of all) encodeCustom(writer, 'name', () => writer.bytes(contents));
  return readModule(writer.finish());
}

const TEXT = `(module $m
  (import "a" "b" (func $imported))
  (memory $mem 1) (table $tab 1 funcref) (global $g i32 (i32.const 1)) (tag $t) (type $ty (func))
  (func $first (param $p i32) (local $l f64) block $label end)
  (func)
  (func $last (local $x i32)))`;

describe('readNames', () => {
  it('reads what the reference tools write', async () => {
    const module = readModule(await wasmFromText(TEXT));
    const names = readNames(module);
    expect(names.module).toBe('m');
    expect([...names.functions]).toEqual([
      [0, 'imported'],
      [1, 'first'],
      [3, 'last'],
    ]);
    const others = [names.memories, names.tables, names.globals, names.tags].map((map) => map.get(0));
    expect(others).toEqual(['mem', 'tab', 'g', 't']);
    const locals = readLocalNames(module, names);
    expect([...locals].map(([index, map]) => [index, ...map.values()])).toEqual([
      [1, 'p', 'l'],
      [3, 'x'],
    ]);
    expect(names.notes).toEqual([]);
  });

  it('is empty without a section', () => {
    const names = readNames(withNames());
    expect([names.module, names.functions.size, names.notes.length]).toEqual([undefined, 0, 0]);
  });

  const GOOD = [0, 2, 1, 109];
  const MALFORMED: [string, number[], number][] = [
    ['a size beyond the section', [...GOOD, 1, 50, 0], 1],
    ['a count beyond the subsection', [...GOOD, 1, 3, 9, 0, 0], 1],
    ['text that is not UTF-8', [...GOOD, 1, 4, 1, 0, 1, 0xff], 1],
    ['subsections out of order', [0, 2, 1, 109, 0, 2, 1, 110], 1],
    ['half an integer', [...GOOD, 1, 0x80], 1],
    ['malformed locals', [...GOOD, 2, 3, 9, 0, 0], 0],
  ];
  it.each(MALFORMED)('leaves out what is malformed, with a note: %s', (_, contents, notes) => {
    const module = withNames(contents);
    const names = readNames(module);
    expect(names.module).toBe('m');
    expect(names.functions.size).toBe(0);
    expect(names.notes).toHaveLength(notes);
    expect(readLocalNames(module, names).size).toBe(0);
  });

  it('reads the first of several sections', () => {
    const names = readNames(withNames(GOOD, [0, 2, 1, 110]));
    expect(names.module).toBe('m');
    expect(names.notes[0]).toContain('2 name sections');
  });
});

describe('correctNames', () => {
  it('appends names, keeps the rest, leaves out labels', async () => {
    const module = readModule(await wasmFromText(TEXT));
    const before = readNames(module);
    const added = new Map([
      [5, 'fargo:load'],
      [4, 'fargo:save'],
    ]);
    const corrected = withNames(correctNames(module, before, { functionCount: 4, functions: added }));
    const after = readNames(corrected);
    expect([...after.functions]).toEqual([...before.functions, [4, 'fargo:save'], [5, 'fargo:load']]);
    const kept = before.subsections.map(({ id }) => id).filter((id) => id !== 3);
    expect(before.subsections.map(({ id }) => id)).toContain(3);
    expect(after.subsections.map(({ id }) => id)).toEqual(kept);
    expect(readLocalNames(corrected, after)).toEqual(readLocalNames(module, before));
    expect(after.notes).toEqual([]);
  });

  it('leaves out names of functions that did not exist', () => {
    const module = withNames([1, 7, 2, 1, 1, 97, 7, 1, 98]);
    const contents = correctNames(module, readNames(module), { functionCount: 2, functions: new Map([[7, 'mine']]) });
    expect([...readNames(withNames(contents)).functions]).toEqual([
      [1, 'a'],
      [7, 'mine'],
    ]);
  });

  it('names more added functions than a call takes arguments', () => {
    const module = withNames([0, 2, 1, 109]);
    const functions = new Map(Array.from({ length: 200_000 }, (_, i) => [i, 'f'] as const));
    const written = withNames(correctNames(module, readNames(module), { functionCount: 0, functions }));
    expect(readNames(written).functions.size).toBe(200_000);
  });
});

it('custom sections with code offsets are dropped', () => {
  const names = ['name', '.debug_line', 'reloc.CODE', 'linking', 'metadata.code.branch_hint', 'sourceMappingURL'];
  expect(names.map(customPolicy)).toEqual(['correct', ...Array<string>(5).fill('drop')]);
  expect(['producers', 'target_features', 'dylink.0', 'component-type:x', '', 'names'].map(customPolicy)).toEqual(
    Array(6).fill('keep'),
  );
});
