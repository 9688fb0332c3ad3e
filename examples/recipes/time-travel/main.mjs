/**
 * Time-travel debugging: a checkpoint before every call, the first call that broke an invariant found by bisection, a look at
 * the machine right before it, and another future from there.
 *
 *     node examples/recipes/time-travel/main.mjs [calls]
 */

import assert from 'node:assert/strict';
import { Host } from 'fargo-wasm';
import { bootPerl, perl, perlBuild, perlBytes } from '../../perl/perl.mjs';
import { ACCOUNTS, BANK, MENDED, requests, START, TOTAL, transfer } from './bank.mjs';
import { Timeline } from './timeline.mjs';

const calls = Number(process.argv[2] ?? 1000);
if (!Number.isInteger(calls) || calls < 10 || calls > 100_000) {
  console.error(`${process.argv[2]} calls; a whole number from 10 to 100000 is allowed`);
  process.exit(2);
}
const culprit = Math.floor(calls * 0.618);
const money = `${ACCOUNTS * START}`;
const apply = (vm, request) => perl(vm, transfer(request));
const isSound = (vm) => perl(vm, TOTAL) === money;

const host = await Host.create();
const image = await host.build(await perlBytes(), {
  ...perlBuild,
  // Nothing from outside may differ when a call is replayed.
  wasi: { args: ['perl'], files: {}, time: { freeze: true } },
});

/** Boots the bank and makes all calls; `every` calls a checkpoint. */
async function day(every) {
  const vm = await bootPerl(image);
  perl(vm, BANK);
  const timeline = new Timeline(vm, apply, { every });
  const before = host.usage().totalBytes;
  const started = performance.now();
  for (const request of requests(calls, culprit)) timeline.call(request);
  const us = ((performance.now() - started) * 1000) / calls;
  const kib = (host.usage().totalBytes - before) / 1024;
  console.log(
    `checkpoints every ${every}: ${timeline.checkpoints} of them, ${us.toFixed(0)} µs a call with its checkpoint, ` +
      `${(kib / timeline.checkpoints).toFixed(0)} KiB each`,
  );
  return { vm, timeline };
}

for (const every of [1, 20]) {
  const { vm, timeline } = await day(every);
  console.log(`  the bank has ${perl(vm, TOTAL)}; it should have ${money}`);

  let looks = 0;
  const started = performance.now();
  const broke = timeline.firstBreak((child) => (looks++, isSound(child)));
  const ms = (performance.now() - started).toFixed(1);
  const { from, to, amount } = timeline.input(broke);
  console.log(`  call ${broke} broke it: transfer(${from}, ${to}, ${amount}); found with ${looks} looks in ${ms} ms`);
  assert.equal(broke, culprit);

  // Right before it, in a child: what does the call do, page by page and account by account?
  timeline.at(broke, (child) => {
    const balance = (of) => perl(child, `our @balance; print $balance[${of}]`);
    const at = child.snapshot();
    const was = balance(from);
    apply(child, timeline.input(broke));
    console.log(
      `  account ${from}: ${was} before, ${balance(from)} after; ${child.pagesSince(at).length} pages written`,
    );
    at.dispose();
  });

  // Another future: back to before it, mended, and the same requests again.
  const rest = Array.from({ length: timeline.now - broke }, (_, i) => timeline.input(broke + i));
  timeline.back(broke);
  perl(vm, MENDED);
  const mended = new Timeline(vm, apply, { every });
  for (const request of rest) mended.call(request);
  assert.equal(perl(vm, TOTAL), money);
  assert.equal(mended.firstBreak(isSound), undefined);
  console.log(`  mended there, the ${rest.length} calls after it again: the bank has ${perl(vm, TOTAL)}\n`);

  for (const each of [timeline, mended, vm]) each.dispose();
}

assert.deepEqual(host.audit().faults, []);
host.dispose();
