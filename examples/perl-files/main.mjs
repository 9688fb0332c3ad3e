/**
 * Perl with files, forked: one template tree on a copy-on-write disk, and in each child a Perl program that writes, reads
 * and renames files of its own. The parent's tree stays as it is.
 *
 *     node examples/perl-files/main.mjs [children]
 */

import { filesOf, Host } from 'fargo-wasm';
import { bootPerl, perl, perlBuild, perlBytes } from '../perl/perl.mjs';

const children = Number(process.argv[2] ?? 40);
if (!Number.isInteger(children) || children < 4 || children > 10_000) {
  console.error(`children is ${process.argv[2]}; a whole number from 4 to 10000 is allowed`);
  process.exit(2);
}

const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
const check = (truth, what) => {
  if (!truth) throw new Error(`not so: ${what}`);
  console.log(`  ok  ${what}`);
};

const words = Array.from({ length: 20_000 }, (_, i) => `word ${i} ${'x'.repeat(i % 40)}\n`).join('');
const host = await Host.create();
const image = await host.build(await perlBytes(), {
  ...perlBuild,
  wasi: { args: ['zeroperl'], files: { site: { 'words.txt': words, conf: { 'app.conf': 'name = template\n' } } } },
});
const parent = await bootPerl(image);

// The template: what every child begins with is made by Perl itself.
perl(
  parent,
  String.raw`
  use strict; use warnings;
  mkdir '/site/logs' or die "mkdir: $!";
  for my $i (1 .. 20) {
    open my $out, '>', "/site/logs/day$i.log" or die "open: $!";
    print $out "day $i, line $_\n" for 1 .. 200;
    close $out or die "close: $!";
  }
  1`,
);
const template = parent.snapshot();
const before = tree(template);
console.log(`template  ${before.size} files, ${kib(filesOf(template).usage().storedBytes)} written by Perl`);

const program = String.raw`
  use strict; use warnings;
  my $me = shift @main::who;
  # Counts what it reads,
  open my $in, '<', '/site/words.txt' or die "open: $!";
  my $lines = 0; $lines++ while <$in>; close $in;
  # changes a line in the middle of a file,
  open my $log, '+<', '/site/logs/day7.log' or die "open: $!";
  seek $log, 1300, 0; print $log "<<$me>>"; close $log or die "close: $!";
  # appends, renames over what is there, makes and removes.
  open my $app, '>>', '/site/words.txt' or die "append: $!";
  print $app "$me was here\n"; close $app or die "close: $!";
  open my $new, '>', '/site/conf/app.new' or die "new: $!";
  print $new "name = $me\n"; close $new or die "close: $!";
  rename '/site/conf/app.new', '/site/conf/app.conf' or die "rename: $!";
  rename '/site/logs/day20.log', "/site/logs/$me.log" or die "rename: $!";
  unlink '/site/logs/day1.log' or die "unlink: $!";
  mkdir "/site/$me" or die "mkdir: $!";
  opendir my $dir, '/site/logs' or die "opendir: $!";
  my $names = grep { /log$/ } readdir $dir;
  my $size = -s '/site/words.txt';
  print "$lines $names $size"`;

const machines = template.fork(children);
let diskBytes = 0;
for (const [i, vm] of machines.entries()) {
  const printed = perl(vm, `our @who = ('child${i}'); ${program}`);
  const wanted = `20000 19 ${words.length + `child${i} was here\n`.length}`;
  if (printed !== wanted) throw new Error(`child ${i} printed "${printed}", not "${wanted}"`);
  diskBytes = Math.max(diskBytes, vm.usage().disk.ownBytes);
}
console.log(`\n${children} children wrote, read and renamed:`);
check(
  machines.every((vm, i) => isOwn(vm, `child${i}`)),
  'each has its own files, and nothing of another',
);
check(same(tree(template), before), 'the template is what it was');
check(same(tree(parent), before), 'and so is the parent, which can go on');
check(perl(parent, `print -e '/site/child0' ? 'there' : 'not there'`) === 'not there', 'Perl in it sees so, too');

const crashed = machines[0].fork();
const files = tree(crashed);
try {
  crashed.transaction(() => {
    perl(crashed, `open my $f, '>', '/site/words.txt'; print $f 'half'; close $f; unlink '/site/conf/app.conf'; 1`);
    throw new Error('given up');
  });
} catch (error) {
  if (error.message !== 'given up') throw error;
}
check(same(tree(crashed), files), 'a child that was given up in the middle has its files as before');

check(diskBytes <= 40 * 1024, `a child holds at most ${kib(diskBytes)} of disk of its own`);
const { faults } = host.audit();
check(faults.length === 0, 'every block is accounted for');
host.dispose();

/** All files of a machine or snapshot by path, as text. */
function tree(of, at = '/site', found = new Map()) {
  const door = filesOf(of);
  for (const { name, kind } of door.list(at)) {
    if (kind === 'directory') tree(of, `${at}/${name}`, found.set(`${at}/${name}/`, ''));
    else found.set(`${at}/${name}`, door.readText(`${at}/${name}`));
  }
  return found;
}

function same(a, b) {
  return a.size === b.size && [...a].every(([path, text]) => b.get(path) === text);
}

/** Whether a child's tree is the template's with what the program of `me` does to it. */
function isOwn(vm, me) {
  const wanted = new Map(before);
  const log = wanted.get('/site/logs/day7.log');
  wanted.set('/site/logs/day7.log', `${log.slice(0, 1300)}<<${me}>>${log.slice(1300 + me.length + 4)}`);
  wanted.set('/site/words.txt', `${words}${me} was here\n`);
  wanted.set('/site/conf/app.conf', `name = ${me}\n`);
  wanted.set(`/site/logs/${me}.log`, wanted.get('/site/logs/day20.log'));
  for (const gone of ['day1', 'day20']) wanted.delete(`/site/logs/${gone}.log`);
  return same(tree(vm), wanted.set(`/site/${me}/`, ''));
}
