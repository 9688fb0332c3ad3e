/**
 * Machines that are booted, run, forked and changed in the same way on every engine: what they are then must be the same
 * to the byte. No scene has a NaN whose bits an instruction chose, nor reads a clock or the platform's entropy.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { callWithText, withBytes, type BuildOptions, type Host, type Machine } from '../../../src/index.ts';
import { wasmFromText } from '../../../src/wasm/text.ts';
import { Random } from '../../instrument/random-code.ts';

/** Machines at the end of a scene, which it disposes with its host, and what else was seen. */
export interface Seen {
  readonly machines: readonly Machine[];
  readonly texts?: readonly string[];
}

export interface Scene {
  readonly name: string;
  readonly run: (host: Host) => Promise<Seen>;
}

const read = (path: string): Uint8Array => readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)));
const guest = (name: string): Uint8Array => new Uint8Array(read(`guests/build/${name}.wasm`));
/** Nothing of the platform gets in. */
const WASI = {
  seed: 'engines',
  clock: { realtimeNs: () => 1_000_000_000n, monotonicNs: () => 0n },
  time: { freeze: true },
} as const;

interface Kernel {
  readonly name: string;
  readonly n: number;
  readonly checksum: number;
}

const kernels: Scene = {
  name: 'kernels',
  async run(host) {
    const list = JSON.parse(new TextDecoder().decode(read('bench/kernels/kernels.json'))) as Kernel[];
    const machines: Machine[] = [];
    const texts: string[] = [];
    for (const { name, n, checksum } of list) {
      const parent = await (await host.build(guest(`kernels/${name}`))).boot();
      const child = parent.fork();
      const result = child.call('run', n);
      if (result !== checksum) throw new Error(`${name}(${n}) is ${String(result)}, not ${checksum}`);
      texts.push(`${name} ${String(result)}`);
      parent.dispose();
      machines.push(child);
    }
    return { machines, texts };
  },
};

const store: Scene = {
  name: 'key-value store',
  async run(host) {
    const parent = await (await host.build(guest('kv'))).boot();
    parent.call('warm', 20_000);
    const children = parent.fork(20);
    children.forEach((child, at) => {
      for (let i = 0; i < 50; i++) child.call('increment', at * 997 + i * 31, i);
      if (at % 3 === 0) child.call('put', 1_000_000 + at, at);
      if (at % 5 === 0) child.reset();
    });
    return { machines: [parent, ...children], texts: children.map((child) => String(child.call('digest'))) };
  },
};

function evaluate(vm: Machine, source: string): string {
  const bytes = new TextEncoder().encode(source);
  const at = withBytes(vm, bytes, (address) => vm.call('eval', address, bytes.length) as number);
  return vm.memory.readText(at, vm.call('resultLength') as number);
}

const interpreter: Scene = {
  name: 'interpreter',
  async run(host) {
    const parent = await (await host.build(guest('repl'), { wasi: WASI })).boot();
    const programs = ['x = 3', 'y = x * 14', 'y / 4', 'z = (x + y) * (x - y)', 'z'];
    for (const program of programs.slice(0, 2)) evaluate(parent, program);
    const children = parent.fork(programs.length);
    const texts = children.map((child, at) =>
      programs
        .slice(at)
        .map((each) => evaluate(child, each))
        .join(';'),
    );
    return { machines: [parent, ...children], texts };
  },
};

/** Numbers only: where floats are exact or rounded as IEEE 754 has it, all engines agree. */
const PERL = [
  'my %n; $n{$_}++ for split " ", "a rose is a rose is a rose"; print join ",", map {"$_=$n{$_}"} sort keys %n',
  'my $s = 0; $s += sqrt($_) * sin($_) for 1 .. 2000; printf "%.12f", $s',
  'open my $f, ">", "/notes.txt" or die; print $f "line $_\\n" for 1 .. 500; close $f; rename "/notes.txt", "/kept.txt"; print -s "/kept.txt"',
  'my @m = "the quick brown fox" =~ /(\\w+)/g; print join("-", reverse @m), " ", unpack("H*", pack("d<", 1/3))',
];

function runPerl(vm: Machine, source: string): void {
  vm.transaction(() => {
    const status = callWithText(vm, 'zeroperl_eval', source, 1, 0, 0);
    vm.call('zeroperl_flush');
    if (status !== 0) throw new Error(`Perl died in: ${source}`);
  });
}

const perl: Scene = {
  name: 'Perl',
  async run(host) {
    const options: BuildOptions = {
      imports: { env: { call_host_function: () => 0 } },
      wasi: { ...WASI, args: ['zeroperl'], env: { PERL_HASH_SEED: '0' }, files: {} },
    };
    const image = await host.build(
      new Uint8Array(read('node_modules/@6over3/zeroperl-ts/dist/esm/zeroperl.wasm')),
      options,
    );
    const parent = await image.boot();
    parent.call('zeroperl_init');
    runPerl(parent, 'use strict; our %t = map { $_ => $_ * $_ } 1 .. 5000; 1');
    const children = parent.fork(PERL.length);
    children.forEach((child, at) => runPerl(child, PERL[at]!));
    return { machines: [parent, ...children] };
  },
};

const CREATE = 1;

function nameFiles(vm: Machine, ...names: string[]): void {
  vm.memory.write(vm.call('buffer') as number, new TextEncoder().encode(names.join('')));
}

/** Writes a file here and there, and gives it another name or a second one. */
function edit(vm: Machine, seed: number): void {
  const name = `file${seed % 3}`;
  nameFiles(vm, name);
  const fd = vm.call('open', name.length, CREATE, 0) as number;
  if (fd < 0) throw new Error(`open gave ${fd}`);
  vm.call('fill', seed);
  vm.call('writeAll', fd, 5000, 3);
  vm.call('writeRandom', fd, 4, 6, seed);
  vm.call('resize', fd, BigInt(20_000 + seed * 1000));
  vm.call('close', fd);
  const other = `moved${seed}`;
  nameFiles(vm, name, other);
  const errno = vm.call(seed % 2 === 0 ? 'rename' : 'link', name.length, other.length) as number;
  if (errno !== 0) throw new Error(`${name} was not moved to ${other}: ${errno}`);
}

const disk: Scene = {
  name: 'files',
  async run(host) {
    const files = { 'below.txt': 'from below', 'd/inner': 'x'.repeat(10_000) };
    const parent = await (await host.build(guest('files'), { wasi: { ...WASI, files } })).boot();
    edit(parent, 1);
    const children = parent.fork(6);
    children.forEach((child, at) => edit(child, at + 2));
    const grandchildren = children.map((child) => child.fork());
    grandchildren.forEach((child, at) => edit(child, at + 20));
    return { machines: [parent, ...children, ...grandchildren] };
  },
};

/** Exports of test/trees/guest.wat with arguments that are drawn. Each takes how it is to end as its last one. */
const ACTS: readonly (readonly [string, (random: Random) => unknown[]])[] = [
  ['store8', (random) => [random.below(131_072), BigInt(random.below(1 << 30))]],
  ['store32', (random) => [random.below(32) * 4096 + 4080 + random.below(16), BigInt(random.below(1 << 30))]],
  ['store64', (random) => [random.below(131_000), -BigInt(random.below(1 << 30))]],
  ['store128', (random) => [random.below(32) * 4096 + 4090, BigInt(random.below(1 << 30)) << 30n]],
  ['group', (random) => [random.below(130_000), BigInt(random.below(1 << 30))]],
  ['fill', (random) => [random.below(120_000), random.below(256), random.below(9000)]],
  ['copy', (random) => [random.below(120_000), random.below(120_000), random.below(9000)]],
  ['init', (random) => [random.below(120_000), random.below(20), random.below(20)]],
  ['grow', (random) => [random.below(2)]],
  ['setGlobals', (random) => [BigInt(random.below(1 << 30)) * 77_777n]],
  ['setFunction', (random) => [random.below(7), random.below(4)]],
  ['growFunctions', (random) => [random.below(3), random.below(4)]],
  ['setThing', (random) => [random.below(5), random.below(9)]],
  ['dropData', () => []],
  ['dropElements', () => []],
];
/** Return, often; and the traps of which every engine leaves the same behind: all. */
const ENDS = [0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 7, 8, 9];

const nothing = (): void => undefined;

const tree: Scene = {
  name: 'fork tree',
  async run(host) {
    const bytes = await wasmFromText(new TextDecoder().decode(read('test/trees/guest.wat')));
    const imports = {
      host: { exit: nothing, throw: nothing, script: nothing },
      device: { add: nothing, get: () => 0 },
    };
    const image = await host.build(bytes, { imports });
    const random = new Random(2026);
    const machines = [await image.boot(), await image.boot({ onTrap: 'keep' })];
    const texts: string[] = [];
    for (let turn = 0; turn < 300; turn++) {
      const at = random.below(machines.length);
      const machine = machines[at]!;
      const what = random.below(20);
      if (what === 0 && machines.length < 24) machines.push(...machine.fork(1 + random.below(2)));
      else if (what === 1 && machines.length > 6) machines.splice(at, 1)[0]!.dispose();
      else if (what === 2) machine.reset();
      else {
        const [name, args] = random.pick(ACTS);
        const outcome = machine.tryCall(name, ...args(random), random.pick(ENDS));
        const result = outcome.kind === 'return' ? String(outcome.value) : outcome.kind;
        texts.push(`${at} ${name} ${outcome.kind === 'trap' ? outcome.trap.kind : result}`);
      }
    }
    return { machines, texts };
  },
};

export const SCENES: readonly Scene[] = [kernels, store, interpreter, perl, disk, tree];
