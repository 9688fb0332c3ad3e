/**
 * A family of Perl machines, made for the picture: a parent that is booted and warmed, a template, three children that do
 * different things, and children of these. What is drawn is what is counted here, page by page.
 */

import { cpus } from 'node:os';
import { Host } from 'fargo-wasm';
import { bootPerl, perl, perlBuild, perlBytes } from '../../examples/perl/perl.mjs';

const PAGE_BYTES = 4096;
const FORKS = 100;
const ROUNDS = 3000;

const CHILDREN = [
  { name: 'child 1', does: 'sums its table', run: 'my $s = 0; $s += $_ for values %table; print $s' },
  {
    name: 'child 2',
    does: 'sorts 500 words',
    run: 'print scalar(my @sorted = sort map { "w" . $_ * 7919 % 500 } 1 .. 500)',
  },
  { name: 'child 3', does: 'changes 100 entries', run: '$table{$_ * 499}++ for 1 .. 100; print 1' },
];
const GRANDCHILDREN = [
  {
    name: 'grandchild 1',
    of: 0,
    does: 'matches a pattern',
    run: 'print scalar grep { /9$/ } map { $table{$_} } 1 .. 100',
  },
  { name: 'grandchild 2', of: 0, does: 'does nothing yet', run: undefined },
  { name: 'grandchild 3', of: 2, does: 'changes 20 more', run: '$table{$_ * 2003}++ for 1 .. 20; print 1' },
];

export async function measureTree() {
  const host = await Host.create();
  const image = await host.build(await perlBytes(), perlBuild);
  const started = performance.now();
  const parent = await bootPerl(image);
  const bootMs = performance.now() - started;
  perl(parent, 'use strict; use warnings; our %table = map { $_ => $_ * $_ } 1 .. 50_000; 1');
  const warmMs = performance.now() - started - bootMs;
  const template = parent.snapshot();

  const children = CHILDREN.map((member) => ({ member, ...born(template.fork()) }));
  for (const child of children) live(child, child.member);
  const grandchildren = GRANDCHILDREN.map((member) => ({ member, ...born(children[member.of].vm.fork()) }));
  for (const child of grandchildren) live(child, child.member);

  const members = [...children, ...grandchildren].map((each) => {
    const { name, does, of } = each.member;
    return { name, does, parent: of ?? null, ...look(each) };
  });
  const { frames } = parent.pages();
  const heldBytes = host.usage().totalBytes;
  const guestBytes = parent.usage().guestBytes;
  const { faults } = host.audit();
  if (faults.length > 0) throw new Error(faults.join('\n'));

  const times = [];
  for (let round = 0; round < ROUNDS; round++) {
    const from = performance.now();
    const forks = template.fork(FORKS);
    times.push(((performance.now() - from) * 1000) / FORKS);
    for (const each of forks) each.dispose();
  }
  host.dispose();

  return {
    measured: new Date().toISOString().slice(0, 10),
    engine: `Node ${process.versions.node}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    pageBytes: PAGE_BYTES,
    guestBytes,
    heldBytes,
    machines: members.length + 1,
    bootMs,
    warmMs,
    forkUs: times.sort((a, b) => a - b)[times.length >> 1],
    forks: FORKS,
    pages: frames.length,
    zero: runs([...frames.keys()].filter((page) => frames[page] === 0)),
    members,
  };
}

function born(vm) {
  return { vm, birth: vm.pages().frames.slice() };
}

/** Pages that it wrote since it was born, and how many it has in common with its parent. */
function look({ vm, birth }) {
  const own = [];
  let shared = 0;
  vm.pages().frames.forEach((frame, page) => {
    if (frame !== birth[page]) own.push(page);
    else if (frame !== 0) shared++;
  });
  return { own, shared };
}

function live({ vm }, { run }) {
  if (run !== undefined) perl(vm, `no strict; our %table; ${run}`);
}

/** Ascending numbers as pairs: first, how many. */
function runs(numbers) {
  const found = [];
  for (const each of numbers) {
    const last = found.at(-1);
    if (last !== undefined && last[0] + last[1] === each) last[1]++;
    else found.push([each, 1]);
  }
  return found;
}
