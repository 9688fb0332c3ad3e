/**
 * Random trees of component machines against full copies: memory, globals, resources and their handles; and what their files
 * say, whole and as differences, against the same.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildComponent } from '../../src/component/build.ts';
import type { ComponentMachine } from '../../src/component/component-machine.ts';
import type { ComponentSnapshot } from '../../src/component/component-snapshot.ts';
import type { GuestResource } from '../../src/component/resource.ts';
import { Host, type Snapshot } from '../../src/index.ts';
import { componentOf, COUNTER_WAT, COUNTER_WIT } from './components.ts';

const LONG = process.env['FARGO_LONG'] !== undefined;
const RUNS = LONG ? 2000 : 40;
const SEED = 20261123;
const CELLS = 64;

type Item = GuestResource & { add(by: number): number };
interface Counter {
  bump(by: number): number;
  put(at: number, value: number): void;
  get(at: number): number;
  divide(a: number, b: number): number;
  crash(): void;
  readonly store: {
    readonly Item: { new (start: number): Item; sum(a: Item, b: Item): number };
    swallow(item: Item): number;
    live(): number;
  };
}

/** What a machine is, copied whole. */
interface Copy {
  readonly count: number;
  readonly cells: readonly number[];
  /** Values of the live resources, by position; undefined for those that are gone. */
  readonly items: readonly (number | undefined)[];
}

interface Node {
  readonly vm: ComponentMachine<Counter>;
  copy: Copy;
  origin: Copy;
  items: (Item | undefined)[];
  originItems: number;
}

type Command = readonly [kind: string, machine: number, a: number, b: number];

const command: fc.Arbitrary<Command> = fc.tuple(
  fc.constantFrom(
    'bump',
    'put',
    'make',
    'add',
    'swallow',
    'drop',
    'sum',
    'fork',
    'fork',
    'crash',
    'undo',
    'reset',
    'end',
    'snapshot',
    'rollback',
  ),
  fc.nat(1000),
  fc.nat(1000),
  fc.nat(1000),
);

test('machines in random trees are what full copies say', { timeout: 600_000 }, async () => {
  const host = await Host.create({ idleCores: 2 });
  const image = await buildComponent<Counter>(host, await componentOf(COUNTER_WIT, COUNTER_WAT), {
    imports: { log: () => {} },
  });
  const root = await image.boot();
  const beneath = root.snapshot();
  await beneath.save();
  const elsewhere = await Host.create();
  const there = await buildComponent<Counter>(elsewhere, await componentOf(COUNTER_WIT, COUNTER_WAT), {
    imports: { log: () => {} },
  });
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 60 }), fc.boolean(), async (commands, isDifference) => {
      const nodes: Node[] = [];
      const snapshots: { snapshot: ComponentSnapshot<Counter>; node: Node; copy: Copy; items: number }[] = [];
      const empty: Copy = { count: 0, cells: Array.from({ length: CELLS }, () => 0), items: [] };
      const first = root.fork();
      nodes.push({ vm: first, copy: empty, origin: empty, items: [], originItems: 0 });
      for (const each of commands) apply(nodes, snapshots, each);
      for (const node of nodes) verify(node);
      const parent = isDifference ? beneath : undefined;
      const saved = isDifference ? await elsewhere.load(await beneath.save(), { image: there }) : undefined;
      for (const node of nodes.slice(0, 3)) {
        const file = await node.vm.save(parent && { parent });
        verifyFile(await elsewhere.load(file, saved === undefined ? { image: there } : { parent: saved }), node);
      }
      saved?.dispose();
      for (const { snapshot } of snapshots) snapshot.dispose();
      for (const { vm } of nodes) vm.dispose();
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: LONG },
  );
  expect(elsewhere.audit().faults).toEqual([]);
  expect(elsewhere.usage()).toMatchObject({ machines: 0, snapshots: 0 });
  elsewhere.dispose();
  beneath.dispose();
  root.dispose();
  expect(host.audit().faults).toEqual([]);
  expect(host.usage().machines).toBe(0);
  host.dispose();
});

function apply(
  nodes: Node[],
  snapshots: { snapshot: ComponentSnapshot<Counter>; node: Node; copy: Copy; items: number }[],
  [kind, which, a, b]: Command,
): void {
  const node = nodes[which % nodes.length]!;
  const { vm, copy } = node;
  const { exports } = vm;
  const live = [...copy.items.keys()].filter(
    (index) => copy.items[index] !== undefined && node.items[index] !== undefined,
  );
  const at = live.length === 0 ? -1 : live[a % live.length]!;
  const withItem = (index: number, value: number | undefined): Copy => ({
    ...copy,
    items: copy.items.with(index, value),
  });
  switch (kind) {
    case 'bump':
      node.copy = { ...copy, count: copy.count + a };
      expect(exports.bump(a)).toBe(node.copy.count);
      break;
    case 'put':
      exports.put(a % CELLS, b);
      node.copy = { ...copy, cells: copy.cells.with(a % CELLS, b) };
      break;
    case 'make':
      node.items.push(new exports.store.Item(a));
      node.copy = { ...copy, items: [...copy.items, a] };
      break;
    case 'add':
      if (at < 0) break;
      node.copy = withItem(at, copy.items[at]! + b);
      expect(node.items[at]!.add(b)).toBe(node.copy.items[at]);
      break;
    case 'swallow':
      if (at < 0) break;
      expect(exports.store.swallow(node.items[at]!)).toBe(copy.items[at]);
      node.copy = withItem(at, undefined);
      break;
    case 'drop':
      if (at < 0) break;
      node.items[at]!.dispose();
      node.copy = withItem(at, undefined);
      break;
    case 'sum':
      if (at < 0) break;
      expect(exports.store.Item.sum(node.items[at]!, node.items[live[0]!]!)).toBe(
        copy.items[at]! + copy.items[live[0]!]!,
      );
      break;
    case 'fork': {
      if (nodes.length >= 12) break;
      const child = vm.fork();
      nodes.push({
        vm: child,
        copy,
        origin: copy,
        items: node.items.map((item, index) => (live.includes(index) ? child.carry(item!) : undefined)),
        originItems: node.items.length,
      });
      break;
    }
    case 'crash':
      expect(() => exports.crash()).toThrow('unreachable');
      break;
    case 'undo':
      expect(() =>
        vm.transaction(() => {
          exports.bump(5);
          void new exports.store.Item(1);
          exports.put(0, 99);
          throw new Error('undone');
        }),
      ).toThrow('undone');
      break;
    case 'reset':
      // Objects that were given away since are not brought back by going back.
      if (node.origin.items.some((value, index) => value !== undefined && copy.items[index] === undefined)) break;
      vm.reset();
      node.copy = node.origin;
      node.items = node.items.slice(0, node.originItems);
      break;
    case 'snapshot':
      if (snapshots.length < 4) snapshots.push({ snapshot: vm.snapshot(), node, copy, items: node.items.length });
      break;
    case 'rollback': {
      const taken = snapshots.find((one) => one.node === node);
      if (taken === undefined) break;
      if (taken.copy.items.some((value, index) => value !== undefined && copy.items[index] === undefined)) break;
      if (node.items.length < taken.items) break;
      vm.rollback(taken.snapshot);
      node.copy = taken.copy;
      node.items = node.items.slice(0, taken.items);
      break;
    }
    default:
      if (nodes.length < 2) break;
      vm.dispose();
      nodes.splice(nodes.indexOf(node), 1);
  }
}

function verify({ vm, copy, items }: Node): void {
  const { exports } = vm;
  expect(exports.bump(0)).toBe(copy.count);
  expect(Array.from({ length: CELLS }, (_, at) => exports.get(at))).toEqual(copy.cells);
  expect(exports.store.live()).toBe(copy.items.filter((value) => value !== undefined).length);
  items.forEach((item, index) => {
    const value = copy.items[index];
    if (item !== undefined && value !== undefined) expect(item.add(0)).toBe(value);
  });
}

/** Disposes the snapshot. */
function verifyFile(snapshot: Snapshot, node: Node): void {
  const vm = snapshot.fork() as ComponentMachine<Counter>;
  const items = node.items.map((item, index) => {
    if (item === undefined || node.copy.items[index] === undefined) return undefined;
    return vm.resourceOf<Item>(vm.exports.store.Item, node.vm.handleOf(item));
  });
  verify({ ...node, vm, items });
  for (const item of items) item?.dispose();
  const held = node.copy.items.filter((value) => value !== undefined).length;
  const known = items.filter((item) => item !== undefined).length;
  expect(vm.exports.store.live()).toBe(held - known);
  vm.dispose();
  snapshot.dispose();
}
