/**
 * A source of JavaScript in a sandbox, warmed once and forked for each of 1,000 requests: `node examples/javascript/main.mjs`.
 *
 * Needs @bytecodealliance/jco and @bytecodealliance/componentize-js. The first run on a machine builds the engine: half a minute.
 */

import assert from 'node:assert/strict';
import { GuestError, sandbox } from 'fargo-wasm/js';

const REQUESTS = 1000;

const started = performance.now();
const template = await sandbox(new URL('shop.js', import.meta.url), {
  imports: { prices: { priceOf: (name) => name.length } },
  warm: [['search', '7'], ['all']],
  limits: { budget: 2_000_000_000 },
});
const made = performance.now();

// Each request has a machine of its own, which ends with it.
const ids = new Set();
for (let i = 0; i < REQUESTS; i++) {
  const { id, sum } = template.run('order', `article ${i}`, 2);
  assert.equal(sum, 2 * `article ${i}`.length);
  ids.add(id);
}
const served = performance.now();
assert.equal(ids.size, REQUESTS);
assert.deepEqual(template.run('all'), []);

// A machine that stays keeps what its requests did; its children go on from there.
const session = template.fork();
session.call('order', 'article 1', 1);
const draft = session.fork();
draft.call('order', 'article 2', 1);
assert.deepEqual([session.call('all').length, draft.call('all').length], [1, 2]);
assert.throws(() => session.call('order', 'a house', 1), GuestError);

const ms = (from, to) => (to - from).toFixed(0);
console.log(`template in ${ms(started, made)} ms, ${REQUESTS} requests in ${ms(made, served)} ms, a fork for each`);
for (const each of [draft, session, template]) each.dispose();
