/**
 * What the rewritten text looks like: small inputs beside their output, in test/golden/instrument. `BLESS=1` accepts the
 * present output as right. Types, exports and added functions are left out unless the case names them.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { print } from '@bytecodealliance/jco';
import { expect, test } from 'vitest';
import { wat } from '../../test/instrument/harness.ts';
import { instrument } from './instrument.ts';
import type { InstrumentOptions } from './meta.ts';

const FOLDER = new URL('../../test/golden/instrument/', import.meta.url);

interface Case {
  readonly name: string;
  readonly text: string;
  readonly options?: InstrumentOptions;
  /** Added functions to show. */
  readonly show?: readonly string[];
}

const CASES: readonly Case[] = [
  { name: 'load', text: '(memory 1) (func $f (param i32) (result i32) (i32.load offset=8 (local.get 0)))' },
  {
    name: 'store-off-a-local',
    text: `(memory 1 4) (func $f (param $p i32) (param $v i64)
      (i64.store offset=16 (local.get $p) (local.get $v)) (i64.store offset=24 (local.get $p) (local.get $v))
      (i64.store offset=200 (local.get $p) (local.get $v)) (i64.store offset=192 (local.get $p) (local.get $v)))`,
  },
  {
    name: 'store-off-an-expression',
    text: `(memory 1) (func $f (param i32 i32) (f32.store offset=100 (i32.mul (local.get 0) (local.get 1)) (f32.const 1))
      (drop (i32.atomic.rmw.cmpxchg (i32.mul (local.get 0) (local.get 1)) (i32.const 1) (i32.const 2))))`,
  },
  {
    name: 'store-at-a-constant',
    text: '(memory 1) (func $f (i32.store offset=5000 (i32.const 0) (i32.const 1)) (i32.store8 (i32.const 8000) (i32.const 1)))',
  },
  { name: 'offset-too-far', text: '(memory 1) (func $f (i64.store offset=0xfffffff0 (i32.const 1) (i64.const 2)))' },
  {
    name: 'size-and-growth',
    text: '(memory 1) (func $f (result i32) (i32.add (memory.size) (memory.grow (i32.const 1))))',
    show: ['fargo:grow0'],
  },
  {
    name: 'bulk',
    text: '(memory 1) (func $f (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))',
    show: ['fargo:fill0'],
  },
  {
    name: 'segments',
    text: `(memory 1) (table 4 funcref) (global $g (mut i32) (i32.const 0)) (data $a (i32.const 8) "hi") (data $p "xyz")
      (elem (i32.const 1) $f) (start $f)
      (func $f (memory.init $p (i32.const 0) (i32.const 1) (i32.const 2)) (data.drop $p))`,
    show: ['fargo:boot', 'fargo:prepare0', 'fargo:elements', 'fargo:save', 'fargo:load', 'fargo:init0from1'],
  },
  {
    name: 'tables',
    text: `(table $t 4 8 funcref) (elem $e func $f)
      (func $f (table.set $t (i32.const 0) (ref.null func)) (drop (table.grow $t (ref.null func) (i32.const 1)))
        (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $e))`,
    show: ['fargo:table0-grow', 'fargo:table0-init0'],
  },
  {
    name: 'exact-call',
    text: '(func $f (export "f") (param v128 f64) (result i32 v128) (i32.const 1) (local.get 0))',
    show: ['fargo:exact0'],
  },
  { name: 'scan', text: '(memory 1)', show: ['fargo:scan0'] },
  {
    name: 'budget-loop',
    text: `(memory 1) (func $g) (func $f (param i32) (result i32)
      (loop (if (i32.eqz (local.get 0)) (then (return (i32.const 7)))) (call $g)
        (i32.store (local.get 0) (i32.const 1))
        (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i32.const 1))`,
    options: { budget: true },
  },
];

test.each(CASES)('$name', async ({ name, text, options, show = [] }) => {
  const input = `(module ${text})`;
  const named = text.includes('$') ? input : `(module $m ${text})`;
  const { bytes } = instrument(await wat(named), options);
  const forms = topLevelForms(await print(bytes)).filter((form) => shown(form, show));
  const before = topLevelForms(await print(await wat(input))).filter((form) => shown(form, []));
  const actual = `;; input\n${before.join('\n')}\n\n;; output\n${forms.join('\n')}\n`;
  const file = new URL(`${name}.wat`, FOLDER);
  if (process.env['BLESS'] === '1') {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(file, actual);
  }
  expect(actual).toBe(readFileSync(file, 'utf8'));
});

/** The forms of a printed module, which stand indented by two spaces. */
function topLevelForms(text: string): string[] {
  return text
    .split(/\n(?= {2}\()/)
    .slice(1)
    .map((form) => form.replace(/\n\)\s*$/, '').replace(/\s+\(;[@=]?[^;]*;\)/g, ''));
}

function shown(form: string, added: readonly string[]): boolean {
  if (/^ {2}\((type|export|@)/.test(form)) return false;
  const name = /^ {2}\(func \$(?:"([^"]+)"|(\S+))/.exec(form);
  const called = name?.[1] ?? name?.[2];
  if (called?.startsWith('fargo:') === true) return added.includes(called);
  return true;
}
