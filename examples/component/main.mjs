/**
 * A component as a machine: a shop is stocked once, then each of 1,000 customers buys in a fork of it.
 *
 *     node examples/component/main.mjs [customers]
 *
 * The same on the command line:
 *
 *     fargo-wasm inspect examples/component/shop.wat
 *     fargo-wasm fork --unknown-imports-trap --boot 'put(7, 5)' --call 'take(7, 2)' examples/component/shop.wat
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { ComponentError, Host } from 'fargo-wasm';

const customers = Number(process.argv[2] ?? 1000);
if (!Number.isInteger(customers) || customers < 1 || customers > 100_000) {
  console.error(`customers is ${process.argv[2]}; a whole number from 1 to 100000 is allowed`);
  process.exit(2);
}

const logged = [];
const host = await Host.create();
// The types of `vm.exports` are in `image.types`, as TypeScript.
const image = await host.build(await readFile(new URL('shop.wat', import.meta.url)), {
  imports: { log: (text) => logged.push(text) },
});
const shop = await image.boot();
for (let item = 0; item < 1000; item++) shop.exports.put(item, item % 10);
const items = Array.from({ length: 1000 }, (_, item) => item);
assert.equal(shop.exports.total(items), 4500n);

const warm = shop.snapshot();
const started = performance.now();
const shops = warm.fork(customers);
let served = 0;
shops.forEach((each, customer) => {
  const item = customer % 1000;
  try {
    // By the name that WIT has; `each.exports.take(item, 3)` is the same.
    assert.equal(each.call('take', item, 3), (item % 10) - 3);
    served++;
  } catch (error) {
    assert(error instanceof ComponentError);
    assert.equal(error.payload, 'not enough in stock');
  }
});
const us = ((performance.now() - started) * 1000) / customers;
assert.equal(shop.exports.total(items), 4500n, 'the parent has all that it had');
assert.equal(shops[0].exports.total(items), 4500n, 'a child sees no purchase of another');
const sold = logged.filter((text) => text === 'sold out').length;
console.log(`${customers} customers, each in a shop of his own: ${served} were served, ${sold} bought the last`);
console.log(`${us.toFixed(0)} µs each: the fork, the call, and telling what went wrong`);
host.dispose();
