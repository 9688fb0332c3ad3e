/**
 * Boots Perl once, warms it, and forks it: the main job of fargo-wasm on a real program that no one here wrote.
 *
 *     node examples/perl/main.mjs [children]
 */

import { Host } from 'fargo-wasm';
import { bootPerl, perl, perlBuild, perlBytes } from './perl.mjs';

const children = Number(process.argv[2] ?? 100);
if (!Number.isInteger(children) || children < 4 || children > 100_000) {
  console.error(`children is ${process.argv[2]}; a whole number from 4 to 100000 is allowed`);
  process.exit(2);
}

const started = performance.now();
const ms = (since) => `${(performance.now() - since).toFixed(1)} ms`;
const mib = (bytes) => `${(bytes / 1048576).toFixed(1)} MiB`;
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
const check = (truth, what) => {
  if (!truth) throw new Error(`not so: ${what}`);
  console.log(`  ok  ${what}`);
};

const host = await Host.create();
let at = performance.now();
const image = await host.build(await perlBytes(), perlBuild);
console.log(`build    ${ms(at)}: ${image.report.stores} stores tracked by ${image.report.marks} marks`);

at = performance.now();
const parent = await bootPerl(image);
console.log(`boot     ${ms(at)}`);

at = performance.now();
perl(parent, 'use strict; use warnings; use List::Util qw(sum max first); use Scalar::Util qw(blessed);');
perl(parent, 'our %table = map { $_ => $_ * $_ } 1 .. 50_000; our $name = "parent"; 1');
console.log(
  `warm     ${ms(at)}: modules loaded, a hash of 50,000 entries; ${mib(parent.usage().guestBytes)} of memory`,
);

const warm = parent.snapshot();

at = performance.now();
const machines = warm.fork(children);
console.log(`fork     ${ms(at)} for ${children} children`);

console.log('\nEach child runs a program of its own:');
const programs = [
  ['adds up its table', 'my $s = 0; $s += $_ for values %table; print $s'],
  [
    'counts words',
    'my %n; $n{$_}++ for split " ", "a rose is a rose is a rose"; print join ",", map {"$_=$n{$_}"} sort keys %n',
  ],
  ['empties its table', '%table = (); $name = "child"; print scalar keys %table'],
  ['searches with a regular expression', 'my @m = grep { /^4.*4$/ } map { $table{$_} } 1 .. 100; print "@m"'],
];
programs.forEach(([what, source], index) => {
  console.log(`  child ${machines[index].id} ${what}: ${perl(machines[index], source)}`);
});

console.log('\nNo one else has seen any of it:');
check(perl(parent, 'print scalar(keys %table), $name') === '50000parent', 'the parent still has its 50,000 entries');
check(
  perl(machines[3], 'print scalar(keys %table), $name') === '50000parent',
  'so has the child beside the one that emptied its own',
);

const random = new Set(machines.map((machine) => perl(machine, 'print rand()')));
check(random.size === children, `${children} children print ${random.size} different rand()s`);

const died = (() => {
  try {
    perl(machines[0], 'die "on purpose\\n"');
  } catch (error) {
    return error.message;
  }
})();
check(died === 'Perl: on purpose\n' && perl(machines[0], 'print 6 * 7') === '42', 'a child that died in Perl goes on');

const { ownBytes } = machines[children - 1].usage();
const { totalBytes } = host.usage();
console.log(
  `\nA child that evaluated one expression holds ${kib(ownBytes)} of its own; all ${children + 1} machines together ${mib(totalBytes)},`,
);
console.log(`where as many full copies would hold ${mib((children + 1) * parent.usage().guestBytes)}.`);

const rounds = 2000;
for (let i = 0; i < rounds / 4; i++) once(warm);
at = performance.now();
for (let i = 0; i < rounds; i++) once(warm);
console.log(
  `fork, evaluate, discard: ${(((performance.now() - at) / rounds) * 1000).toFixed(1)} µs each (mean of ${rounds})`,
);

for (const machine of machines) machine.dispose();
host.dispose();
console.log(`\nall of it: ${ms(started)}`);

function once(snapshot) {
  const child = snapshot.fork();
  perl(child, '1 + 1');
  child.dispose();
}
