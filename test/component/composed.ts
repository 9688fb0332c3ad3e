/**
 * Two components in one, as a composer makes it: the counter of components.ts, which exports a resource, plugged into one that
 * imports it. jco composes nothing, and npm has no composer: so both are printed as text, and put into a third.
 */

import { parse, print } from '@bytecodealliance/jco';
import { ALLOCATOR, componentOf, COUNTER_WAT, COUNTER_WIT } from './components.ts';

const WIT = `
  package test:till;
  interface store {
    resource item { constructor(start: u32); add: func(by: u32) -> u32; }
  }
  world till {
    import store;
    export open: func(start: u32) -> u32;
    export pay: func(till: u32, sum: u32) -> u32;
    export close: func(till: u32);
  }`;

/** Its tills are handles of the other's items: a guest's numbers, as they are. */
const WAT = `(module
  (import "test:till/store" "[constructor]item" (func $item (param i32) (result i32)))
  (import "test:till/store" "[method]item.add" (func $add (param i32 i32) (result i32)))
  (import "test:till/store" "[resource-drop]item" (func $drop (param i32)))
  ${ALLOCATOR}
  (global $calls (mut i32) (i32.const 0))
  (func (export "open") (param i32) (result i32) (call $item (local.get 0)))
  (func (export "pay") (param i32 i32) (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (i32.add (call $add (local.get 0) (local.get 1)) (i32.mul (global.get $calls) (i32.const 1000))))
  (func (export "close") (param i32) (call $drop (local.get 0))))`;

/** What stands in `(component …)`, under a name. */
async function named(name: string, bytes: Uint8Array): Promise<string> {
  return (await print(bytes)).replace('(component', `(component $${name}`);
}

export async function composedComponent(): Promise<Uint8Array> {
  const counter = await named('counter', await componentOf(COUNTER_WIT, COUNTER_WAT));
  const till = await named('till', await componentOf(WIT, WAT));
  return parse(`(component
    (import "log" (func $log (param "text" string)))
    ${counter}
    ${till}
    (instance $c (instantiate $counter (with "log" (func $log))))
    (alias export $c "test:counter/store" (instance $store))
    (instance $t (instantiate $till (with "test:till/store" (instance $store))))
    (export "open" (func $t "open"))
    (export "pay" (func $t "pay"))
    (export "close" (func $t "close"))
    (export "bump" (func $c "bump"))
    (export "test:counter/store" (instance $store)))`);
}
