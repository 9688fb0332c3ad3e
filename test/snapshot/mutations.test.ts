/**
 * Snapshot files damaged in random ways: bytes of the file, and the config and blobs with their digests made good, so that
 * the checks behind those are reached. Each is a clear error that leaves nothing, or a sound machine.
 */

import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';

import { auditState } from '../../src/devices/testing/audit.ts';
import type { WasiState } from '../../src/devices/wasi/state.ts';
import { FargoError, filesOf, Host, type LoadOptions, type Snapshot } from '../../src/index.ts';
import { wasmFromText } from '../../src/wasm/text.ts';
import { WasiMachine, wrapperModule } from '../wasi/machine-calls.ts';
import { damage, damaged } from './damage.ts';

const LONG = Boolean(process.env['FARGO_LONG']);
/** Four kinds of damage, three files. */
const RUNS = LONG ? 50_000 : 300;
const SEED = 20_261_123;
/** What may be said of a file that is damaged. `link` and `bad-argument` where it asks for what is not given. */
const CODES = ['invalid-image', 'unsupported', 'limit', 'link', 'bad-argument'];

interface Base {
  readonly name: string;
  readonly file: Uint8Array;
  readonly options: LoadOptions;
  /** For most runs: nothing is compiled again. */
  readonly quick: LoadOptions;
}

const imports = { host: { f: () => 1 } };
let host: Host;
let parent: Snapshot;
let bases: Base[];

const STORE = `(module (import "host" "f" (func $f (result i32))) (memory (export "memory") 1 40)
  (table (export "table") 3 20 funcref) (table $x 2 externref) (global (export "g") (mut i32) (i32.const 1))
  (global $v (mut v128) (v128.const i64x2 1 2)) (global $r (mut funcref) (ref.null func))
  (data $d "dropped") (data (i32.const 100) "kept") (elem (i32.const 1) func $f $one)
  (func $one (export "one") (result i32) (i32.const 1))
  (func (export "change") (data.drop $d) (global.set $r (ref.func $one)) (table.set 0 (i32.const 0) (ref.func $f))
    (drop (memory.grow (i32.const 1))) (drop (table.grow 0 (ref.func $one) (i32.const 2)))
    (i32.store (i32.const 70000) (i32.const 7)))
  (func (export "run") (result i32) (local $i i32)
    (loop $l (i32.store (i32.mul (local.get $i) (i32.const 4096)) (i32.const 5))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.mul (memory.size) (i32.const 16)))))
    (if (ref.is_null (global.get $r)) (then (return (i32.const -1))))
    (table.set 0 (i32.const 0) (global.get $r)) (call_indirect 0 (result i32) (i32.const 0))))`;
const LINKED = `(module (import "base" "memory" (memory 2)) (import "base" "table" (table 5 funcref))
  (import "base" "g" (global (mut i32))) (import "env" "t" (table 1 4 externref)) (import "env" "c" (global i64))
  (import "base" "one" (func (result i32)))
  (func (export "run") (result i32) (global.set 0 (i32.add (global.get 0) (call 0))) (i32.store (i32.const 0) (i32.const 3)) (global.get 0)))`;

beforeAll(async () => {
  host = new Host();
  const image = await host.build(STORE, { imports, name: 'store' });
  const store = await image.boot();
  store.call('change');
  parent = store.snapshot();
  const stored = await parent.save();
  const linked = store.fork();
  host.name(linked, 'base');
  host.link(linked, await wasmFromText(LINKED), { imports: { env: { c: 2n ** 40n } }, budget: true });
  linked.call('run');
  const difference = store.fork();
  difference.memory.fill(4096, 9, 100);
  difference.memory.fill(65_536 + 4096, 0, 4096);
  const wrapper = await wasmFromText(wrapperModule());
  const tree = { d: { a: 'A'.repeat(5000), b: 'B', e: { f: 'F' } }, gone: 'gone', empty: {} };
  const filesImage = await host.build(wrapper, {
    wasi: { files: tree, seed: 1, stdin: 'input', args: ['x'], env: { A: 'b' } },
  });
  const vm = new WasiMachine(await filesImage.boot());
  const open = vm.open(3, 'd/a', {});
  vm.read(open, 100);
  vm.read(0, 2);
  vm.open(3, 'gone', {});
  vm.path('path_unlink_file', 3, 'gone');
  vm.open(3, 'empty', { directory: true });
  vm.path('path_remove_directory', 3, 'empty');
  vm.link(3, 'd/b', 3, 'hard');
  vm.symlink('d', 3, 'soft');
  bases = [
    { name: 'one module', file: stored, options: { imports }, quick: { image } },
    { name: 'linked modules', file: await linked.save(), options: { imports }, quick: { parent } },
    { name: 'a difference', file: await difference.save({ parent }), options: { parent }, quick: { parent } },
    { name: 'files', file: await vm.vm.save(), options: {}, quick: { image: filesImage } },
    { name: 'files again', file: await vm.vm.save(), options: {}, quick: { image: filesImage } },
  ];
  for (const { file, options, quick } of bases) {
    (await host.load(file, options)).dispose();
    (await host.load(file, quick)).dispose();
  }
});

/** What was loaded of a damaged file is a machine like any other. */
async function prove(snapshot: Snapshot, options: LoadOptions): Promise<void> {
  expect(host.audit().faults).toEqual([]);
  snapshot.state.devices.forEach((state) => auditState(state as WasiState, snapshot.runtime));
  const file = await snapshot.save();
  const again = await host.load(file, options);
  expect(Buffer.compare(await again.save(), file)).toBe(0);
  again.dispose();
  const child = snapshot.fork();
  try {
    if (child.program.hasEntry('run')) child.tryCall('run');
    if (child.program.devices.length > 0) useFiles(new WasiMachine(child));
  } catch (error) {
    if (!(error instanceof FargoError)) throw error;
  }
  child.dispose();
}

function useFiles(vm: WasiMachine): void {
  for (let fd = 0; fd < 8; fd++) {
    vm.read(fd, 200);
    vm.list(fd, 4096);
    vm.write(fd, Uint8Array.of(1, 2, 3));
    vm.close(fd);
  }
  filesOf(vm.vm).write('/new', 'x');
  vm.call('clock_time_get', 1, 1n, 8);
  vm.call('random_get', 0, 8);
}

/** Of this process, whatever else the machine does; in a browser, which does not tell, by the clock. */
function processorMs(): number {
  if (typeof process.cpuUsage !== 'function') return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

test('a damaged file is refused and nothing is left, or it is sound', async () => {
  const outcomes = new Map<string, number>();
  const before = host.usage();
  // Programs of images and machines that are here keep cores.
  const kept = [...parent.runtime.living()].map(({ program }) => program);
  /** Messages, without what was given in them. */
  const reasons = new Set<string>();
  let slowestMs = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(1000), damage, async (which, what) => {
      const base = bases[which % bases.length]!;
      const file = await damaged(base.file, what);
      const startedMs = processorMs();
      let outcome = 'loaded';
      try {
        const options = which % 8 === 0 ? base.options : base.quick;
        const snapshot = await host.load(file, { ...options, maxBytes: 1 << 26 });
        try {
          await prove(snapshot, options);
        } finally {
          snapshot.dispose();
        }
      } catch (error) {
        if (!(error instanceof FargoError)) throw error;
        expect(CODES).toContain(error.code);
        expect(error.message.length).toBeLessThan(2000);
        outcome = error.code;
        reasons.add(error.message.replace(/[0-9]+|"[^"]*"|\b[0-9a-f]{64}\b/g, '.'));
      }
      slowestMs = Math.max(slowestMs, processorMs() - startedMs);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      const { snapshots, machines } = host.usage();
      expect([snapshots, machines]).toEqual([before.snapshots, before.machines]);
      const cores = [...parent.runtime.cores.all()].filter(({ program }) => !kept.includes(program));
      expect(cores).toEqual([]);
      expect(host.audit().faults).toEqual([]);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  // The damage is not so coarse that it is always seen at once: most checks have refused something.
  for (const code of ['loaded', 'invalid-image']) expect(outcomes.get(code)).toBeGreaterThan(RUNS / 20);
  expect(reasons.size).toBeGreaterThan(LONG ? 80 : 20);
  expect(slowestMs).toBeLessThan(5000);
  if (LONG) console.log(Object.fromEntries(outcomes), `${reasons.size} reasons, slowest ${slowestMs.toFixed(0)} ms`);
});
