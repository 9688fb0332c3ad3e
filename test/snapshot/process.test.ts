/** Perl, warmed here and saved, goes on in a process of its own, by the library as it is built. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { callWithText, filesOf, Host, type Machine } from '../../src/index.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fargo-perl-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(() => {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'src/host', 'src'], { cwd: ROOT });
});

function perl(vm: Machine, source: string): string {
  vm.transaction(() => {
    expect(callWithText(vm, 'zeroperl_eval', source, 1, 0, 0)).toBe(0);
    vm.call('zeroperl_flush');
  });
  return vm
    .takeOutput()
    .map(({ bytes }) => new TextDecoder().decode(bytes))
    .join('');
}

interface Answer {
  readonly printed: string[];
  readonly faults: string[];
}

function elsewhere(file: Uint8Array, ...sources: readonly string[]): Answer {
  const path = join(folder, 'warm.fargo');
  writeFileSync(path, file);
  const script = fileURLToPath(new URL('evaluate.mjs', import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [script, path, ...sources], { encoding: 'utf8' })) as Answer;
}

test('variables, modules, open files and random numbers are there', async () => {
  using host = new Host();
  const bytes = readFileSync(new URL('zeroperl.wasm', import.meta.resolve('@6over3/zeroperl-ts')));
  const image = await host.build(bytes, {
    imports: { env: { call_host_function: () => 0 } },
    wasi: { args: ['zeroperl'], files: { 'data.txt': 'first\nsecond\nthird\n' }, env: { GREETING: 'hello' } },
  });
  const vm = await image.boot();
  expect(vm.call('zeroperl_init')).toBe(0);
  perl(vm, 'use strict; use List::Util qw(sum); our %t = map { $_ => $_ * $_ } 1 .. 1000; our $sub = sub { sum(@_) };');
  perl(vm, 'our $fh; open $fh, "<", "/data.txt" or die; my $line = <$fh>; srand(42); rand(); 1');
  const sources = [
    'print $sub->(map { $t{$_} } 1 .. 1000)',
    'my $line = <$fh>; print $line',
    'print $ENV{GREETING}, scalar(keys %t), $]',
    'print int(rand(1e9))',
    '%t = (); open my $o, ">", "/out"; print $o "x"; close $o; print -s "/out"',
    'print -e "/out" ? "there" : "not there", scalar keys %t',
  ];
  const file = await vm.save();
  const here = sources.map((source) => perl(vm.fork(), source));
  expect(here.slice(0, 3)).toEqual(['333833500', 'second\n', expect.stringMatching(/^hello10005\./)]);
  expect(elsewhere(file, ...sources)).toMatchObject({ printed: here, faults: [] });
  const small = await vm.save({ compress: true });
  expect(small.length).toBeLessThan(file.length / 2);
  expect(elsewhere(small, sources[1]!).printed).toEqual(['second\n']);
  expect(filesOf(vm).stat('/out')).toBe(undefined);
}, 300_000);
