/**
 * The file system through WASI functions, on real machines, against `node:fs`: random operations on paths and open
 * descriptors, forks whose children go their own ways, disposals. Same answers, same trees; at the end every frame is
 * accounted for and a host directory beneath is bit for bit what it was.
 */

import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';

import { Host } from '../../src/index.ts';
import type { Snapshot, WasiOptions } from '../../src/index.ts';
import { E } from '../../src/devices/fs/errno.ts';
import { hostDirectory } from '../../src/platform/node/index.ts';
import { fingerprint } from './fingerprint.ts';
import { BUFFER_BYTES, WasiMachine, wrapperModule } from './machine-calls.ts';
import type { Opening, Stat } from './machine-calls.ts';
import { NodeModel, ROOT, treeOf } from './node-model.ts';

const LONG = Boolean(process.env['FARGO_LONG']);
const scratch = mkdtempSync(join(tmpdir(), 'fargo-files-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const SLOTS = 6;
const name = fc.constantFrom('a', 'b', 'd1', 'd2', 'l1', 'l2');
const part = fc.oneof({ weight: 8, arbitrary: name }, { weight: 1, arbitrary: fc.constantFrom('.', '..') });
const path = fc
  .record({
    parts: fc.array(part, { minLength: 1, maxLength: 3 }),
    separator: fc.constantFrom('/', '/', '/', '//'),
    end: fc.constantFrom('', '', '', '', '/'),
  })
  .map(({ parts, separator, end }) => parts.join(separator) + end);
const slot = fc.nat(SLOTS - 1);
/** A directory to start from, most often the root. */
const base = fc.oneof({ weight: 3, arbitrary: fc.constant(ROOT) }, { weight: 1, arbitrary: slot });
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.constantFrom(1, 4095, 4096, 4097, 9000).map((size) => new Uint8Array(size).fill(size % 251)),
);
const offset = fc.oneof(fc.nat(10_000), fc.constantFrom(0, 1, 4095, 4096, 4097, 8192, 100_000));
const opening = fc.record(
  {
    create: fc.boolean(),
    exclusive: fc.boolean(),
    truncate: fc.boolean(),
    append: fc.boolean(),
    follow: fc.boolean(),
  },
  { requiredKeys: [] },
);

const pathStep = fc.oneof(
  fc.record({ do: fc.constant('mkdir' as const), base, path }),
  fc.record({ do: fc.constant('rmdir' as const), base, path }),
  fc.record({ do: fc.constant('unlink' as const), base, path }),
  fc.record({ do: fc.constant('readlink' as const), base, path }),
  fc.record({ do: fc.constant('stat' as const), base, path, follow: fc.boolean() }),
  fc.record({ do: fc.constant('times' as const), base, path, follow: fc.boolean(), seconds: fc.nat(2_000_000_000) }),
  fc.record({ do: fc.constant('symlink' as const), base, path, target: path }),
  fc.record({ do: fc.constant('rename' as const), base, path, to: path, toBase: base }),
  fc.record({ do: fc.constant('link' as const), base, path, to: path, toBase: base }),
);
const openStep = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('open' as const), slot, base, path, how: opening }) },
  fc.record({
    do: fc.constant('open' as const),
    slot,
    base,
    path,
    how: fc.constant<Opening>({ directory: true }),
  }),
);
const handleStep = fc.oneof(
  fc.record({ do: fc.constant('close' as const), slot }),
  fc.record({ do: fc.constant('renumber' as const), slot, to: slot }),
  fc.record({ do: fc.constant('read' as const), slot, length: fc.constantFrom(0, 1, 100, 4096, 9000) }),
  fc.record({ do: fc.constant('pread' as const), slot, length: fc.constantFrom(1, 5000), offset }),
  fc.record({ do: fc.constant('write' as const), slot, bytes }),
  fc.record({ do: fc.constant('pwrite' as const), slot, bytes, offset }),
  fc.record({
    do: fc.constant('seek' as const),
    slot,
    offset: fc.integer({ min: -5000, max: 20_000 }),
    whence: fc.nat(2),
  }),
  fc.record({ do: fc.constant('resize' as const), slot, size: offset }),
  fc.record({ do: fc.constant('allocate' as const), slot, size: fc.integer({ min: 1, max: 20_000 }) }),
  fc.record({ do: fc.constant('fstat' as const), slot }),
  fc.record({ do: fc.constant('list' as const), slot, length: fc.constantFrom(30, 64, 4096) }),
);
const operation = fc.oneof(
  { weight: 10, arbitrary: pathStep },
  { weight: 6, arbitrary: openStep },
  { weight: 12, arbitrary: handleStep },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
const lifeStep = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('fork', 'fork', 'dispose', 'save', 'back') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('undo'), operations: fc.array(operation, { maxLength: 8 }) }) },
);
type Life = typeof lifeStep extends fc.Arbitrary<infer T> ? T : never;
const step = fc.record({
  on: fc.nat(3),
  what: fc.oneof({ weight: 12, arbitrary: operation }, { weight: 1, arbitrary: lifeStep }),
});

const ERRNO_OF: Readonly<Record<string, number>> = {
  ENOENT: E.noent,
  ENOTDIR: E.notdir,
  EISDIR: E.isdir,
  EEXIST: E.exist,
  ENOTEMPTY: E.notempty,
  ELOOP: E.loop,
  EINVAL: E.inval,
  EPERM: E.perm,
  EBUSY: E.busy,
};

/** A machine, its model, and the descriptor of each slot; and all three as they were at a snapshot. */
interface Pair {
  readonly machine: WasiMachine;
  model: NodeModel;
  fds: (number | undefined)[];
  saved: { readonly snapshot: Snapshot; readonly model: NodeModel; readonly fds: Pair['fds'] } | undefined;
}

const DIRECTORY = 3;
const LINK = 7;

/** What must be the same on both sides of what is there: links and sizes of directories are a file system's own business. */
function short(stat: Stat | Stats | number | string): unknown {
  if (typeof stat !== 'object') return stat;
  if ('type' in stat) {
    if (stat.type === DIRECTORY) return 'directory';
    return `${stat.type === LINK ? 'link' : 'file'} ${stat.links} ${stat.size}`;
  }
  if (stat.isDirectory()) return 'directory';
  return `${stat.isSymbolicLink() ? 'link' : 'file'} ${stat.nlink} ${stat.size}`;
}

/** Without what every directory has, and what only the root of a machine has. */
function listed(names: readonly string[]): string[] {
  expect(names.slice(0, 2)).toEqual(['.', '..']);
  return names
    .slice(2)
    .filter((each) => each !== 'dev')
    .toSorted();
}

/** Runs an operation on both. What they answer must be the same, in words of the model. */
function compare(pair: Pair, each: Operation): void {
  const { machine, model, fds } = pair;
  const fd = (at: number): number => fds[at] ?? 99;
  const slots = 'slot' in each && each.do !== 'open' ? [each.slot] : [];
  if ('base' in each) slots.push(each.base);
  if ('toBase' in each) slots.push(each.toBase);
  if (each.do === 'renumber') slots.push(each.to);
  if (slots.some((at) => fds[at] === undefined)) return;
  const onModel = (got: unknown, work: () => unknown): void => {
    // What would leave the directory is refused here and goes on there, so the model must not do it.
    if (got === -E.notcapable) {
      expect(JSON.stringify([each, treeOf(model.root)])).toContain('..');
      return;
    }
    const wanted = work();
    const failed = typeof wanted === 'string' && /^E[A-Z]+$/.test(wanted);
    const expected = failed ? 0 - (ERRNO_OF[wanted] ?? 1000) : wanted;
    expect(got, `${JSON.stringify(each)} is ${String(wanted).slice(0, 60)} on the host`).toEqual(expected);
  };
  switch (each.do) {
    case 'mkdir':
      return onModel(machine.path('path_create_directory', fd(each.base), each.path), () =>
        model.mkdir(each.base, each.path),
      );
    case 'rmdir':
      return onModel(machine.path('path_remove_directory', fd(each.base), each.path), () =>
        model.rmdir(each.base, each.path),
      );
    case 'unlink':
      return onModel(machine.path('path_unlink_file', fd(each.base), each.path), () =>
        model.unlink(each.base, each.path),
      );
    case 'readlink':
      return onModel(machine.readlink(fd(each.base), each.path), () => model.readlink(each.base, each.path));
    case 'symlink':
      return onModel(machine.symlink(each.target, fd(each.base), each.path), () =>
        model.symlink(each.target, each.base, each.path),
      );
    case 'rename':
      return onModel(machine.rename(fd(each.base), each.path, fd(each.toBase), each.to), () =>
        model.rename(each.base, each.path, each.toBase, each.to),
      );
    case 'link':
      return onModel(machine.link(fd(each.base), each.path, fd(each.toBase), each.to), () =>
        model.link(each.base, each.path, each.toBase, each.to),
      );
    case 'stat':
      return onModel(short(machine.stat(fd(each.base), each.path, each.follow)), () =>
        short(model.stat(each.base, each.path, each.follow)),
      );
    case 'times': {
      const ns = BigInt(each.seconds) * 1_000_000_000n;
      onModel(machine.setTimes(fd(each.base), each.path, ns, each.follow), () =>
        model.setTimes(each.base, each.path, each.seconds, each.follow),
      );
      const stat = machine.stat(fd(each.base), each.path, each.follow);
      if (typeof stat !== 'number') expect([stat.accessedNs, stat.modifiedNs]).toEqual([ns, ns]);
      return;
    }
    case 'open': {
      if (each.slot === ROOT || each.slot === each.base) return;
      if (fds[each.slot] !== undefined) compare(pair, { do: 'close', slot: each.slot });
      const opened = machine.open(fd(each.base), each.path, each.how);
      onModel(Math.min(opened, 0), () => model.open(each.slot, each.base, each.path, each.how));
      if (opened < 0) return;
      expect(fds, 'the lowest number that is free').not.toContain(opened);
      for (let lower = 3; lower < opened; lower++) expect(fds).toContain(lower);
      fds[each.slot] = opened;
      return;
    }
    case 'close':
      if (each.slot === ROOT) return;
      expect(machine.close(fd(each.slot))).toBe(0);
      model.close(each.slot);
      fds[each.slot] = undefined;
      return;
    case 'renumber':
      if (each.slot === ROOT || each.to === ROOT) return;
      expect(machine.call('fd_renumber', fd(each.slot), fd(each.to))).toBe(0);
      model.renumber(each.slot, each.to);
      if (each.slot !== each.to) fds[each.slot] = undefined;
      return;
    case 'read':
      return onModel(machine.read(fd(each.slot), each.length), () => model.read(each.slot, each.length));
    case 'pread':
      return onModel(machine.read(fd(each.slot), each.length, each.offset), () =>
        model.read(each.slot, each.length, each.offset),
      );
    case 'write':
      return onModel(machine.write(fd(each.slot), each.bytes), () => model.write(each.slot, each.bytes));
    case 'pwrite':
      return onModel(machine.write(fd(each.slot), each.bytes, each.offset), () =>
        model.write(each.slot, each.bytes, each.offset),
      );
    case 'seek':
      return onModel(machine.seek(fd(each.slot), each.offset, each.whence), () =>
        model.seek(each.slot, each.offset, each.whence),
      );
    case 'resize':
      return onModel(0 - machine.call('fd_filestat_set_size', fd(each.slot), BigInt(each.size)), () =>
        model.resize(each.slot, each.size),
      );
    case 'allocate':
      return onModel(0 - machine.call('fd_allocate', fd(each.slot), 0n, BigInt(each.size)), () =>
        model.allocate(each.slot, each.size),
      );
    case 'fstat':
      return onModel(short(machine.fstat(fd(each.slot))), () => short(model.fstat(each.slot)));
    case 'list': {
      const names = machine.list(fd(each.slot), each.length);
      return onModel(typeof names === 'number' ? names : listed(names), () => model.list(each.slot));
    }
  }
}

/** Forks, disposals, snapshots and going back to them, transactions that are undone. */
function live(pairs: Pair[], index: number, step: Life): void {
  const pair = pairs[index]!;
  const what = step.do;
  if (what === 'fork' && pairs.length < 4) {
    const machine = new WasiMachine(pair.machine.vm.fork());
    pairs.push({ machine, model: pair.model.fork(), fds: [...pair.fds], saved: undefined });
  } else if (what === 'dispose' && pairs.length > 1) {
    end(pair);
    pairs.splice(index, 1);
  } else if (what === 'save') {
    pair.saved?.snapshot.dispose();
    pair.saved?.model.dispose();
    pair.saved = { snapshot: pair.machine.vm.snapshot(), model: pair.model.fork(), fds: [...pair.fds] };
  } else if ('operations' in step) {
    undo(pair, step.operations);
  } else if (what === 'back' && pair.saved !== undefined) {
    pair.machine.vm.rollback(pair.saved.snapshot);
    pair.model.dispose();
    pair.model = pair.saved.model.fork();
    pair.fds = [...pair.saved.fds];
  }
}

/** Operations as one transaction that fails at its end: what they do is right, and then it is as if it never was. */
function undo({ machine, model, fds }: Pair, operations: readonly Operation[]): void {
  const failed = new Error('undone');
  const trial: Pair = { machine, model: model.fork(), fds: [...fds], saved: undefined };
  try {
    machine.vm.transaction(() => {
      for (const each of operations) compare(trial, each);
      throw failed;
    });
  } catch (error) {
    if (error !== failed) throw error;
  }
  trial.model.dispose();
}

/** Compares the whole trees, and lets both go. */
function end({ machine, model, saved }: Pair): void {
  expect(machineTree(machine)).toEqual(treeOf(model.root));
  machine.vm.dispose();
  model.dispose();
  saved?.snapshot.dispose();
  saved?.model.dispose();
}

function machineTree(machine: WasiMachine, at = ''): string[] {
  const fd = machine.open(3, at === '' ? '.' : at, { directory: true });
  const names = listed(machine.list(fd, 4096) as string[]);
  machine.close(fd);
  return names.flatMap((entry) => {
    const inner = at === '' ? entry : `${at}/${entry}`;
    const stat = machine.stat(3, inner, false) as Stat;
    if (stat.type === DIRECTORY) return [`${inner}/`, ...machineTree(machine, inner)];
    if (stat.type === LINK) return [`${inner} -> ${String(machine.readlink(3, inner))}`];
    return [`${inner} ${stat.links} ${contentsOf(machine, inner, stat.size)}`];
  });
}

function contentsOf(machine: WasiMachine, path: string, size: number): string {
  const fd = machine.open(3, path, {});
  const parts: Uint8Array[] = [];
  for (let left = size; left > 0;) {
    const part = machine.read(fd, Math.min(left, BUFFER_BYTES)) as Uint8Array;
    parts.push(part);
    left -= part.length;
  }
  machine.close(fd);
  return Buffer.concat(parts).toString('base64');
}

/** A folder to begin with: files, one of several blocks, a directory, links. */
function seedFolder(): string {
  const root = mkdtempSync(join(scratch, 'seed-'));
  mkdirSync(join(root, 'd1'));
  writeFileSync(join(root, 'a'), 'from below');
  writeFileSync(join(root, 'd1/b'), 'q'.repeat(10_000));
  symlinkSync('d1', join(root, 'l1'));
  return root;
}

const FILES = { a: 'from below', 'd1/b': 'q'.repeat(10_000) };
const wrapper = wrapperModule();

test.skipIf(platform() !== 'linux').each(['memory', 'host directory'])(
  'random operations, forks, snapshots and disposals over files in %s',
  async (kind) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        const seed = seedFolder();
        const before = fingerprint(seed);
        const copy = mkdtempSync(join(scratch, 'copy-'));
        cpSync(seed, copy, { recursive: true, verbatimSymlinks: true });
        using directory = hostDirectory(seed);
        using host = await Host.create();
        const wasi: WasiOptions = kind === 'memory' ? { files: FILES } : { preopens: { '/': directory } };
        const image = await host.build(wrapper, { wasi });
        const machine = new WasiMachine(await image.boot());
        if (kind === 'memory') machine.symlink('d1', 3, 'l1');
        const pairs: Pair[] = [{ machine, model: new NodeModel(copy), fds: [3], saved: undefined }];
        for (const { on, what } of steps) {
          const index = on % pairs.length;
          if (isLife(what)) live(pairs, index, what);
          else compare(pairs[index]!, what);
        }
        for (const pair of pairs) end(pair);
        expect(host.audit().faults).toEqual([]);
        expect(fingerprint(seed)).toEqual(before);
        rmSync(seed, { recursive: true });
      }),
      { numRuns: LONG ? 2000 : 60, ...(!LONG && { seed: 11 }) },
    );
  },
);

function isLife(what: Operation | Life): what is Life {
  return ['fork', 'dispose', 'save', 'back', 'undo'].includes(what.do);
}
