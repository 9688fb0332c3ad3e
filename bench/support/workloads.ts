/**
 * What the run time of instrumented code is measured on: kernels (AssemblyScript, and C where clang was there to build
 * them) and Perl programs. Each as three functions that do the same: in the original module, instrumented, and instrumented
 * with the budget on.
 */

import { existsSync } from 'node:fs';
import { Host, type Machine } from 'fargo-wasm';
import { settle, type Contender } from './interleave.ts';
import { bootPerl, evaluate, evaluateIn, perlBytes, perlImage, PlainPerl, printedBy } from './perl.ts';
import { guestBytes, jsonOf, placeOf } from './places.ts';

export interface Workload {
  readonly name: string;
  original(): void;
  instrumented(): void;
  budgeted(): void;
  /** Runs `measure` while both machines are in a transaction, so that what it times is the guest's code alone. */
  within<T>(measure: () => T): T;
  dispose(): void;
}

interface Kernel {
  readonly name: string;
  readonly n: number;
  readonly checksum: number;
}

/** Its largest functions are compiled anew in the background for seconds, in each of three modules. */
const PERL_SETTLE = { blockMs: 3000, mostMs: 60_000 };

/** More than any workload uses. */
const BUDGET = 1n << 62n;

/** Ways to run a workload. */
export const WAYS = ['original', 'instrumented', 'budgeted'] as const;
export type Way = (typeof WAYS)[number];

/**
 * All workloads that can be run here, one at a time. Each has been checked to compute the same in all three ways, and is hot
 * in one of them.
 */
export async function* loadWorkloads(way: Way): AsyncGenerator<Workload> {
  for (const kernel of jsonOf('bench/kernels/kernels.json') as Kernel[]) {
    yield kernelWorkload(`as/${kernel.name}`, guestBytes(`kernels/${kernel.name}`), kernel);
  }
  for (const kernel of jsonOf('bench/kernels/kernels-c.json') as Kernel[]) {
    const module = `kernels/c/${kernel.name}`;
    if (existsSync(placeOf(`guests/build/${module}.wasm`))) {
      yield kernelWorkload(`c/${kernel.name}`, guestBytes(module), kernel);
    }
  }
  const perls = await bootPerls();
  const programs = Object.keys(PERL_PROGRAMS).map((name) => perlWorkload(name, perls));
  inBoth(perls.vm, perls.limited, () => {
    settle(
      programs.map((program) => contenderOf(program, way)),
      PERL_SETTLE,
    );
  });
  yield* programs;
  perls.host.dispose();
}

/** A workload, one way. */
export function contenderOf(workload: Workload, way: Way): Contender {
  return { work: () => workload[way]() };
}

async function kernelWorkload(name: string, bytes: Uint8Array, { n, checksum }: Kernel): Promise<Workload> {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {});
  (exports['_initialize'] as (() => void) | undefined)?.();
  const run = exports['run'] as (n: number) => number;
  const host = await Host.create();
  const vm = await (await host.build(bytes)).boot();
  const limited = await (await host.build(bytes, { budget: true })).boot({ limits: { budget: BUDGET } });
  const check = (result: unknown): void => {
    if (result !== checksum) throw new Error(`${name} gave ${String(result)}; ${checksum} was expected`);
  };
  return {
    name,
    original: () => check(run(n)),
    instrumented: () => check(vm.call('run', n)),
    budgeted: () => check(limited.call('run', n)),
    within: (measure) => inBoth(vm, limited, measure),
    dispose: () => host.dispose(),
  };
}

/** Each defines a function `work` that takes some tens of milliseconds and returns a value to compare. */
const PERL_PROGRAMS: Record<string, string> = {
  fib: 'sub fib { my $n = shift; $n < 2 ? $n : fib($n - 1) + fib($n - 2) } sub work { fib(19) }',
  sort: 'our @list = map { ($_ * 7919) % 30011 } 1 .. 12_000; sub work { my @s = sort { $a <=> $b } @list; $s[99] }',
  regex:
    'our $text = join " ", map { "word$_ alpha beta\\@host$_.example" } 1 .. 1500; ' +
    'sub work { my $n = 0; $n++ while $text =~ /(\\w+)\\@(\\w+)\\.example/g; $n }',
  concat: 'sub work { my $s = ""; for my $i (1 .. 80_000) { $s .= chr(65 + $i % 26); $s .= "-" } length $s }',
  hash: 'sub work { my %h; $h{$_ % 5000} += $_ for 1 .. 60_000; my $s = 0; $s += $_ for values %h; $s }',
  words:
    'our $prose = "the quick brown fox jumps over the lazy dog " x 800; ' +
    'sub work { my %n; $n{lc $_}++ for split /\\s+/, $prose; join ",", map { "$_=$n{$_}" } sort keys %n }',
  matrix:
    'sub work { my $n = 24; my @a = map { my $r = $_; [map { $r * $_ } 1 .. $n] } 1 .. $n; my $t = 0; ' +
    'for my $i (0 .. $n - 1) { for my $j (0 .. $n - 1) { my $s = 0; $s += $a[$i][$_] * $a[$_][$j] for 0 .. $n - 1; $t += $s } } $t }',
};

/** One interpreter for all programs, so that it is hot after the first ones. */
interface Perls {
  readonly host: Host;
  readonly plain: PlainPerl;
  readonly vm: Machine;
  readonly limited: Machine;
}

async function bootPerls(): Promise<Perls> {
  const bytes = perlBytes();
  const host = await Host.create();
  return {
    host,
    plain: new PlainPerl(new WebAssembly.Module(bytes)).boot(),
    vm: await bootPerl(await perlImage(host, bytes)),
    limited: await bootPerl(await perlImage(host, bytes, { budget: true }), { limits: { budget: BUDGET } }),
  };
}

function perlWorkload(name: string, { plain, vm, limited }: Perls): Workload {
  const program = `package ${name}; ${PERL_PROGRAMS[name]!}; 1`;
  plain.evaluate(program);
  evaluate(vm, program);
  evaluate(limited, program);
  const printing = `print ${name}::work()`;
  const expected = plain.printedBy(printing);
  if (expected === '' || printedBy(vm, printing) !== expected || printedBy(limited, printing) !== expected) {
    throw new Error(`perl/${name} did not print ${expected} everywhere`);
  }
  const source = `${name}::work(); 1`;
  return {
    name: `perl/${name}`,
    original: () => plain.evaluate(source),
    instrumented: () => evaluateIn(vm, source),
    budgeted: () => evaluateIn(limited, source),
    within: (measure) => inBoth(vm, limited, measure),
    dispose: () => {},
  };
}

function inBoth<T>(vm: Machine, limited: Machine, measure: () => T): T {
  return vm.transaction(() => limited.transaction(measure));
}
