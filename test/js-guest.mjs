/**
 * A JavaScript engine as a guest: `node test/js-guest.mjs [children]`, after `npm run build`.
 *
 * A handler in JavaScript is made into a component by componentize-js, which is installed into a folder of its own (it is
 * large, and no part of the project). It is booted and warmed once; every child must diverge, and the parent stay as it was.
 * Then three ways to a first result take turns, and a warmed call is compared with jco's own glue over the untouched modules.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildComponent } from '../dist/component/build.js';
import { transpile } from '../dist/component/transpile.js';
import { Host } from '../dist/index.js';
import { folder, install } from './js/install.mjs';

const children = Number(process.argv[2] ?? 1000);

const HANDLER = `
  let count = 0;
  const table = new Map(Array.from({ length: 20000 }, (_, i) => ['key' + i, { i, square: i * i }]));
  const recent = [];
  export function handle(input) {
    count++;
    recent.push(input);
    if (recent.length > 10) recent.shift();
    return JSON.stringify({ count, square: table.get('key' + input.length).square, recent });
  }
  export function random() {
    return Math.random();
  }`;
const WORLD =
  'package test:js; world js { export handle: func(input: string) -> string; export random: func() -> f64; }';

function timed(work) {
  const from = performance.now();
  work();
  return performance.now() - from;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** The component as jco would run it: its glue and modules as they are. */
async function plainly(component) {
  const imports = new WASIShim().getImportObject();
  const { glue, modules } = await transpile(component);
  const compiled = new Map([...modules].map(([name, bytes]) => [name, new WebAssembly.Module(bytes)]));
  const { instantiate } = await import(`data:text/javascript,${encodeURIComponent(glue)}`);
  return () => {
    let memory;
    const exports = instantiate(
      (name) => compiled.get(name),
      imports,
      (module, given) => {
        const instance = new WebAssembly.Instance(module, given);
        memory = instance.exports.memory ?? memory;
        return instance;
      },
    );
    return { exports, memory };
  };
}

install();
const { componentize, WASIShim } = await import(pathToFileURL(join(folder, 'door.mjs')).href);
const { component } = await componentize(HANDLER, { witWorld: WORLD, disableFeatures: ['http', 'fetch-event'] });

const host = await Host.create();
const image = await buildComponent(host, component, { wasi: {}, name: 'js' });
const vm = await image.boot();
for (let i = 0; i < 500; i++) vm.exports.handle('warm');
const warm = vm.snapshot();

const machines = warm.fork(children);
machines.forEach((child, i) => {
  const { count, square, recent } = JSON.parse(child.exports.handle('x'.repeat(i % 100)));
  assert.deepEqual([count, square, recent.at(-1).length], [501, (i % 100) ** 2, i % 100]);
});
machines.forEach((child, i) => {
  const { count, recent } = JSON.parse(child.exports.handle('again'));
  assert.deepEqual([count, recent.at(-2).length, recent.at(-1)], [502, i % 100, 'again']);
});
assert.equal(JSON.parse(vm.exports.handle('parent')).count, 501);
const own = machines.reduce((sum, child) => sum + child.usage().ownBytes, 0) / children;
for (const child of machines) child.dispose();
assert.deepEqual(host.audit().faults, []);
console.log(`${children} children diverged, the parent is untouched; ${(own / 1024).toFixed(0)} KiB of its own each`);

const instantiate = await plainly(component);
const plain = instantiate();
for (let i = 0; i < 500; i++) plain.exports.handle('warm');
const bytes = new Uint8Array(plain.memory.buffer.slice(0));
const rounds = [];
for (let round = 0; round < 10; round++) {
  const forked = median(
    Array.from({ length: 10 }, () =>
      timed(() => {
        const child = warm.fork();
        child.exports.handle('child');
        child.dispose();
      }),
    ),
  );
  const instantiated = timed(() => instantiate().exports.handle('fresh'));
  const copied = timed(() => {
    const { memory } = instantiate();
    if (memory.buffer.byteLength < bytes.length) memory.grow((bytes.length - memory.buffer.byteLength) / 65536);
    new Uint8Array(memory.buffer).set(bytes);
  });
  const ours = median(Array.from({ length: 30 }, () => timed(() => vm.exports.handle('x'))));
  const theirs = median(Array.from({ length: 30 }, () => timed(() => plain.exports.handle('x'))));
  rounds.push({ forked, instantiated, copied, ours, theirs });
}
const of = (key) => `${median(rounds.map((round) => round[key])).toFixed(2)} ms`;
const ratio = (a, b) => median(rounds.map((round) => round[a] / round[b])).toFixed(1);
console.log(`fork and first call of a warmed child  ${of('forked')}`);
console.log(`instantiate and first call             ${of('instantiated')}: ${ratio('instantiated', 'forked')} times`);
console.log(`instantiate and copy, without a call   ${of('copied')}: ${ratio('copied', 'forked')} times`);
console.log(
  `warmed call                            ${of('ours')}, untouched ${of('theirs')}: ${ratio('ours', 'theirs')} times`,
);
host.dispose();
