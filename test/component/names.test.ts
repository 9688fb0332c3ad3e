/** Names of a component that would be code in the glue: refused before anything is evaluated. */

import { readFileSync } from 'node:fs';
import { componentNew, parse, preview1AdapterCommandPath } from '@bytecodealliance/jco';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildComponent } from '../../src/component/build.ts';
import { checkNames } from '../../src/component/names.ts';
import { Host } from '../../src/index.ts';

let host: Host;
beforeAll(async () => {
  host = await Host.create();
});
afterAll(() => host.dispose());

/** A component with a core name in one place. */
const PLACES: Readonly<Record<string, (name: string) => string>> = {
  'an export of a core module': (name) => `
    (core module $m (func (export "${name}") (result i32) (i32.const 1)))
    (core instance $i (instantiate $m))
    (func $g (result u32) (canon lift (core func $i "${name}")))
    (export "g" (func $g))`,
  'an import of a core module': (name) => `
    (core module $n (func (export "f")))
    (core instance $j (instantiate $n))
    (core module $m (import "${name}" "f" (func)) (func (export "g") (result i32) (i32.const 1)))
    (core instance $i (instantiate $m (with "${name}" (instance $j))))
    (func $g (result u32) (canon lift (core func $i "g")))
    (export "g" (func $g))`,
  'an inline export': (name) => `
    (core module $n (func (export "f")))
    (core instance $j (instantiate $n))
    (core instance $k (export "${name}" (func $j "f")))
    (core module $m (func (export "g") (result i32) (i32.const 1)))
    (core instance $i (instantiate $m (with "x" (instance $k))))
    (func $g (result u32) (canon lift (core func $i "g")))
    (export "g" (func $g))`,
};

const NAMES = ["'", '\\"', '`', '\\\\', '\\n', '\\00', '\\u{2028}', '${x}', '*/', '/*'].map((bad) => `a${bad}]`);
const EVIL = "x'];globalThis.fargoWasBroken=true;['";

test.each(Object.keys(PLACES))('a name in %s can be no code', async (place) => {
  for (const name of [...NAMES, EVIL]) {
    const bytes = await parse(`(component ${PLACES[place]!(name)})`);
    expect(() => checkNames(bytes), name).toThrow(expect.objectContaining({ code: 'unsupported' }));
    await expect(buildComponent(host, bytes)).rejects.toThrow('the component has a name with');
    const nested = await parse(`(component (component $c ${PLACES[place]!(name)}) (instance (instantiate $c)))`);
    expect(() => checkNames(nested), name).toThrow('the component has a name with');
  }
  expect((globalThis as Record<string, unknown>)['fargoWasBroken']).toBe(undefined);
  const fine = await parse(`(component ${PLACES[place]!('a:b/c@1.2.3#[x]d$e-f g')})`);
  const image = await buildComponent(host, fine);
  const vm = await image.boot();
  expect(vm.exports.g()).toBe(1);
  vm.dispose();
});

test('an import or export by address can be no code', async () => {
  const wat = '(component (import "url=<a\'b>" (func $f)) (export "f" (func $f)))';
  const bytes = await parse(wat).catch(() => undefined);
  if (bytes !== undefined) expect(() => checkNames(bytes)).toThrow('the component has a name with');
});

test('real components pass, and damaged ones are said to be so', async () => {
  const adapter = readFileSync(preview1AdapterCommandPath());
  const hello = readFileSync(new URL('../../guests/build/hello.wasm', import.meta.url));
  const bytes = await componentNew(hello, [['wasi_snapshot_preview1', adapter]]);
  expect(() => checkNames(bytes)).not.toThrow();
  for (let end = 9; end < 4000; end += 61) {
    try {
      checkNames(bytes.slice(0, end));
    } catch (error) {
      expect(error).toMatchObject({ code: 'invalid-module' });
    }
  }
});

/** A component of two instances of one of two instances, and so on; how the next finds the one before. */
const doubled = (
  depth: number,
  alias: (i: number) => string = (i) => `(alias outer 1 $c${i} (component $c))`,
): string => {
  const levels = Array.from(
    { length: depth },
    (_, i) => `(component $c${i + 1} ${alias(i)} (instance (instantiate $c)) (instance (instantiate $c)))`,
  );
  return `(component
    (component $c0 (core module $m) (core instance (instantiate $m)))
    ${levels.join('\n')}
    (instance (instantiate $c${depth})))`;
};

test('few bytes of many instances are refused at once', async () => {
  for (const depth of [12, 25, 60]) {
    const bytes = await parse(doubled(depth));
    expect(() => checkNames(bytes), `${depth}`).toThrow(expect.objectContaining({ code: 'limit' }));
  }
  const few = await parse(doubled(6));
  expect(() => checkNames(few)).not.toThrow();
  const image = await buildComponent(host, few);
  const vm = await image.boot();
  vm.dispose();
  image.dispose();
});

test('a component that comes as an argument or export is refused by that', async () => {
  const argument = `(component
    (component $twice (import "c" (component $c)) (instance (instantiate $c)) (instance (instantiate $c)))
    (component $c0)
    (instance (instantiate $twice (with "c" (component $c0)))))`;
  const exported = `(component
    (component $c0)
    (instance $of (export "c" (component $c0)))
    (alias export $of "c" (component $c))
    (instance (instantiate $c)))`;
  for (const text of [argument, exported]) {
    const bytes = await parse(text);
    expect(() => checkNames(bytes)).toThrow('imports a component');
  }
});
