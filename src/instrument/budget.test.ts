import { describe, expect, test } from 'vitest';
import { Twin, outcomeOf, wat } from '../../test/instrument/harness.ts';

/** A module with the budget on; `run` gives it units and depth, calls, and says what came of it. */
async function budgeted(text: string, imports = {}) {
  const twin = new Twin(await wat(text), imports, { budget: true });
  const units = twin.global(twin.meta.budget!.units);
  const depth = twin.global(twin.meta.budget!.depth);
  return (name: string, args: unknown[], { allowed = 1_000_000, nesting = 100 } = {}) => {
    units.value = BigInt(allowed) as never;
    depth.value = nesting;
    const outcome = outcomeOf(() => twin.exports[name]!(...args));
    return { outcome, spent: allowed - Number(units.value), depth: depth.value };
  };
}

describe('units', () => {
  test.each([
    ['a loop', '(func (export "f") (loop (br 0)))'],
    ['a loop that calls', '(func $g) (func (export "f") (loop (call $g) (br 0)))'],
    ['a loop in a handler', '(tag $t) (func (export "f") loop try throw $t catch $t end br 0 end)'],
    ['a loop that throws', '(tag $t) (func $g (throw $t)) (func (export "f") loop try call $g catch_all end br 0 end)'],
    ['tail calls', '(func $f (export "f") (return_call $f))'],
    [
      'indirect tail calls',
      '(table 1 funcref) (elem (i32.const 0) $f) (func $f (export "f") (return_call_indirect (i32.const 0)))',
    ],
    [
      'fills',
      '(memory 100) (func (export "f") (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 6000000)) (br 0)))',
    ],
  ])('end %s', async (_, text) => {
    const { outcome, spent, depth } = (await budgeted(`(module ${text})`))('f', []);
    expect(outcome).toEqual({ trap: 'unreachable' });
    expect(spent).toBeGreaterThan(1_000_000);
    expect(spent).toBeLessThan(1_200_000);
    expect(depth).toBeGreaterThanOrEqual(0);
  });

  test('are spent by the instruction, give or take the short branches', async () => {
    const run = await budgeted(`(module (func (export "f") (param i32) (result i32)
      (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 0)))`);
    const per = (run('f', [1000]).spent - run('f', [500]).spent) / 500;
    expect(per).toBe(6);
  });

  test('a long arm that is not taken costs nothing', async () => {
    const long = '(local.set 0 (i32.add (local.get 0) (i32.const 1)))'.repeat(100);
    const run = await budgeted(`(module (func (export "f") (param i32) (if (local.get 0) (then ${long}))))`);
    expect(run('f', [0]).spent).toBeLessThan(10);
    expect(run('f', [1]).spent).toBeGreaterThan(400);
  });

  test('bulk operations, growth and host calls cost', async () => {
    const run = await budgeted(
      `(module (import "e" "h" (func $h)) (memory 4 100) (table 1000 funcref) (table $u 1000 5000 funcref)
        (func (export "fill") (memory.fill (i32.const 0) (i32.const 1) (i32.const 64000)))
        (func (export "copy") (memory.copy (i32.const 0) (i32.const 1) (i32.const 64000)))
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "tfill") (table.fill (i32.const 0) (ref.null func) (i32.const 1000)))
        (func (export "tcopy") (table.copy (i32.const 0) (i32.const 0) (i32.const 1000)))
        (func (export "tgrow") (result i32) (table.grow $u (ref.null func) (i32.const 1000)))
        (func (export "far") (table.fill (i32.const 0) (ref.null func) (i32.const -1)))
        (func (export "host") (call $h)))`,
      { e: { h: () => {} } },
    );
    for (const name of ['fill', 'copy', 'tfill', 'tcopy', 'tgrow']) {
      expect(run(name, []).spent, name).toBeGreaterThanOrEqual(1000);
      expect(run(name, []).spent, name).toBeLessThan(1020);
    }
    expect(run('grow', [1]).spent).toBeGreaterThan(1023);
    expect(run('grow', [-1])).toMatchObject({ outcome: { value: -1 }, spent: 2 });
    expect(run('far', []).outcome).toMatchObject({ trap: expect.stringContaining('out-of-bounds') as string });
    expect(run('far', []).spent).toBeLessThan(10);
    expect(run('host', []).spent).toBeGreaterThan(90);
  });

  test('the host sees and may change them in a call', async () => {
    const seen: bigint[] = [];
    const h = () => {
      const units = twin.global(twin.meta.budget!.units);
      if (seen.push(units.value as bigint) === 5) throw new Error('enough');
      units.value = 5000n as never;
    };
    const bytes = await wat('(module (import "e" "h" (func $h)) (func (export "f") (loop (call $h) (br 0))))');
    const twin: Twin = new Twin(bytes, { e: { h } }, { budget: true });
    twin.global(twin.meta.budget!.units).value = 3000n as never;
    expect(() => twin.exports['f']!()).toThrow('enough');
    expect(seen[0]).toBeLessThan(3000n);
    expect(seen[1]).toBeLessThan(5000n);
    expect(seen[1]).toBeGreaterThan(4800n);
  });
});

describe('depth', async () => {
  const RECURSION = `(module
    (func $down (export "down") (param i32) (result i32)
      (if (result i32) (local.get 0)
        (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))
        (else (i32.const 0)))))`;

  test('bounds recursion, exactly', async () => {
    const run = await budgeted(RECURSION);
    expect(run('down', [99], { nesting: 100 })).toMatchObject({ outcome: { value: 99 }, depth: 100 });
    expect(run('down', [100], { nesting: 100 })).toMatchObject({ outcome: { trap: 'unreachable' }, depth: -1 });
  });

  test.each([
    ['return', '(return (i32.const 1))'],
    ['branch to the body', '(br 0 (i32.const 1))'],
    ['branch out of blocks', '(block (block (br 2 (i32.const 1)))) (i32.const 2)'],
    ['table of branches', '(block (result i32) (br_table 0 1 (i32.const 1) (local.get 0)))'],
    ['tail call', '(return_call $other (local.get 0))'],
    ['caught exception', 'try (result i32) call $deep i32.const 0 catch $t i32.const 7 end'],
    ['caught by all', 'try (result i32) call $deep i32.const 0 catch_all i32.const 7 end'],
    ['delegated', 'try (result i32) try (result i32) call $deep i32.const 0 delegate 0 catch $t i32.const 7 end'],
    ['not thrown to the caller', 'block (result i32) try (result i32) call $nothing i32.const 7 delegate 1 end'],
    [
      'rethrown',
      'try (result i32) try (result i32) call $deep i32.const 0 catch $t rethrow 0 end catch_all i32.const 7 end',
    ],
  ])('is given back on %s', async (_, body) => {
    const run = await budgeted(`(module (tag $t)
      (func $nothing) (func $deep (call $deeper)) (func $deeper (call $nothing) (throw $t))
      (func $other (param i32) (result i32) (call $nothing) (i32.const 9))
      (func (export "f") (param i32) (result i32) (call $nothing) ${body}))`);
    for (const argument of [0, 1]) {
      const { outcome, depth } = run('f', [argument]);
      expect(outcome).toHaveProperty('value');
      expect(depth).toBe(100);
    }
  });

  const tryTable = WebAssembly.validate(await wat('(module (func (block (try_table (catch_all 0)))))'));

  test.runIf(tryTable).each([
    ['catch', '(block $h (try_table (catch_all $h) (call $deep)))'],
    ['catch at the body', '(try_table (catch $v 0) (call $throws))'],
    [
      'catch at a loop',
      '(loop $h (if (local.get 0) (then (local.set 0 (i32.const 0)) (try_table (catch_all $h) (call $deep)))))',
    ],
  ])('is given back on %s of a try_table', async (_, body) => {
    const run = await budgeted(`(module (tag $t) (tag $v (param i32))
      (func $nothing) (func $deep (call $deeper)) (func $deeper (call $nothing) (throw $t))
      (func $throws (call $nothing) (throw $v (i32.const 3)))
      (func (export "f") (param i32) (result i32) (call $nothing) ${body} (call $nothing) (i32.const 7)))`);
    for (const argument of [0, 1]) {
      const { outcome, depth } = run('f', [argument]);
      expect(outcome).toHaveProperty('value');
      expect(depth).toBe(100);
    }
  });

  test.each([
    ['try', 'try call $deep catch $t end'],
    ['try with catch_all', 'try call $deep catch_all end'],
    ...(tryTable
      ? [
          ['try_table', '(block $h (try_table (catch_all $h) (call $deep)))'],
          ['try_table, a far label', '(block $h (block (try_table (catch_all $h) (call $deep))))'],
        ]
      : []),
  ])('is given back in the handler: %s', async (_, body) => {
    const run = await budgeted(`(module (tag $t) (func $nothing) (func $deep (call $deeper))
      (func $deeper (call $nothing) (throw $t))
      (func (export "f") ${`${body}\n`.repeat(20)}))`);
    expect(run('f', [], { nesting: 10 })).toMatchObject({ outcome: { value: undefined }, depth: 10 });
  });

  test.runIf(tryTable)('is given back where a handler leads to a loop', async () => {
    const run =
      await budgeted(`(module (tag $t) (func $nothing) (func $deep (call $deeper)) (func $deeper (call $nothing) (throw $t))
      (func (export "f") (param i32)
        (loop $l (if (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (then (try_table (catch_all $l) (call $deep)))))))`);
    expect(run('f', [1000], { nesting: 10 })).toMatchObject({ outcome: { value: undefined }, depth: 10 });
  });

  test('several results pass through', async () => {
    const run = await budgeted(`(module (func $nothing) (func (export "f") (param i32) (result i32 i64 f32)
      (call $nothing) (if (local.get 0) (then (return (i32.const 1) (i64.const 2) (f32.const 3)))) (i32.const 4) (i64.const 5) (f32.const 6)))`);
    expect(run('f', [1]).outcome).toEqual({ value: [1, 2n, 3] });
    expect(run('f', [0]).outcome).toEqual({ value: [4, 5n, 6] });
  });
});
