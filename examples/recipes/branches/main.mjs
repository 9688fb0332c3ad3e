/**
 * An agent that tries things: at every choice it forks, does one thing in each child, scores what came of it, goes on from
 * the best few and discards the rest. A branch is a whole machine: the interpreter's memory and its files, of one instant.
 *
 *     node examples/recipes/branches/main.mjs [width]
 */

import assert from 'node:assert/strict';
import { diffFiles, filesOf, Host, TrapError } from 'fargo-wasm';
import { bootPerl, perl, perlBuild, perlBytes } from '../../perl/perl.mjs';
import { FILES, PROPOSALS, TESTS } from './workspace.mjs';

const width = Number(process.argv[2] ?? 3);
if (!Number.isInteger(width) || width < 1 || width > 16) {
  console.error(`the width is ${process.argv[2]}; a whole number from 1 to 16 is allowed`);
  process.exit(2);
}
const STEPS_MAX = 6;

const host = await Host.create({ maxBytes: 512 << 20 });
const image = await host.build(await perlBytes(), {
  ...perlBuild,
  budget: true,
  wasi: { args: ['perl'], files: FILES },
});
const root = await bootPerl(image);
const before = filesOf(root).readText('/project/Stats.pm');
perl(root, `use strict; use warnings; our @journal; ${TESTS}`);

/** Tries one edit in a child of `parent`. What cannot be scored is gone at once. */
function tryBranch(parent, { name, edit }) {
  const [vm] = parent.vm.fork(1, { limits: { budget: 100_000_000 } });
  try {
    perl(vm, edit);
    const [, passed, total, journal] = /^(\d+)\/(\d+) (.*)$/.exec(perl(vm, TESTS));
    return { vm, score: Number(passed), total: Number(total), journal, path: [...parent.path, name] };
  } catch (error) {
    vm.dispose();
    const why = error instanceof TrapError ? error.trap.kind : error.message.trim();
    return { dead: why, path: [...parent.path, name] };
  }
}

let tried = 0;
let kept = [{ vm: root, score: 0, total: 7, path: [] }];
let best = kept[0];
const started = performance.now();
for (let step = 1; step <= STEPS_MAX && best.score < best.total; step++) {
  const branches = kept.flatMap((parent) =>
    PROPOSALS.filter(({ name }) => !parent.path.includes(name)).map((proposal) => tryBranch(parent, proposal)),
  );
  tried += branches.length;
  const alive = branches.filter((branch) => branch.vm).sort((a, b) => b.score - a.score);
  const next = withoutTwins(alive).slice(0, width);
  for (const { vm } of [...alive.filter((branch) => !next.includes(branch)), ...kept]) if (vm !== root) vm.dispose();
  console.log(`step ${step}: ${branches.length} branches, ${branches.length - alive.length} ended at once`);
  for (const { dead, path } of branches) if (dead && step === 1) console.log(`    dead  ${path.at(-1)}: ${dead}`);
  for (const { score, total, path, vm } of next) {
    const { ownBytes, disk } = vm.usage();
    const own = `${ownBytes / 4096} pages of memory, ${disk.ownBytes / 4096} of files are its own`;
    console.log(`    kept  ${score}/${total}  ${path.join(' > ')}  (${own})`);
  }
  if (next.length === 0) break;
  kept = next;
  best = next[0];
}
const ms = performance.now() - started;

console.log(`\n${best.score} of ${best.total} tests pass after: ${best.path.join(', ')}`);
console.log(
  `what changed: ${diffFiles(best.vm, root)
    .map(({ kind, path }) => `${kind} ${path}`)
    .join(', ')}`,
);
console.log(filesOf(best.vm).readText('/project/Stats.pm').trimEnd().replaceAll(/^/gm, '    '));
console.log(`${tried} branches in ${ms.toFixed(0)} ms, tests and ends included`);

assert.equal(best.score, best.total);
assert.match(best.journal, /^\d+(,\d+)+$/, 'the memory of the branch holds the scores on its own way, and no other');
assert.equal(best.journal.split(',').length, best.path.length + 1);
assert.equal(filesOf(root).readText('/project/Stats.pm'), before, 'the root is as it was');
for (const { vm } of kept) vm.dispose();
assert.deepEqual(host.audit().faults, []);
host.dispose();

/** Branches that lead to the same files are one, whatever the order in which their edits came. */
function withoutTwins(branches) {
  const seen = new Set();
  return branches.filter(({ vm }) => {
    const files = filesOf(vm);
    const key = files
      .list('/project')
      .map(({ name }) => `${name}\0${files.readText(`/project/${name}`)}`)
      .join('\0');
    return !seen.has(key) && seen.add(key);
  });
}
