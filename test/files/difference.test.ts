/**
 * Random trees of machines whose files change at random, over layers or not: what `diffFiles` lists is what comparing
 * everything finds, and the exported difference laid over the parent's export is the child's, by this library and by
 * GNU tar.
 */

import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { diffFiles, exportTar, FargoError, filesOf, Host, stackLayers, tarLayer } from '../../src/index.ts';
import type { Image, Layer, Machine, MachineFiles, SnapshotFiles } from '../../src/index.ts';
import { HAS_GNU_TAR, inTemporaryFolder, shell } from '../../src/image/testing/gnu-tar.ts';
import { contentsOf } from '../../src/image/testing/layers.ts';
import { hostDirectory } from '../../src/platform/node/index.ts';

const LONG = Boolean(process.env['FARGO_LONG']);
const RUNS = LONG ? 4000 : 120;
const GNU_RUNS = LONG ? 300 : 12;
const SEED = 20_261_123;

const GUEST = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1))`;

const name = fc.constantFrom('a', 'b', 'c', 'ü');
const path = fc.array(name, { minLength: 1, maxLength: 3, size: 'max' }).map((names) => `/${names.join('/')}`);
const machine = fc.nat(20);
const operation = fc.oneof(
  fc.record({
    do: fc.constant('write' as const),
    machine,
    path,
    size: fc.constantFrom(0, 1, 4096, 9000),
    offset: fc.constantFrom(0, 0, 1, 8192),
  }),
  fc.record({
    do: fc.constantFrom('mkdir' as const, 'remove' as const, 'list' as const, 'look' as const, 'touch' as const),
    machine,
    path,
  }),
  fc.record({ do: fc.constantFrom('rename' as const, 'link' as const), machine, path, to: path }),
  fc.record({
    do: fc.constant('symlink' as const),
    machine,
    path,
    target: fc.constantFrom('a', '../b', '/c', '/etc/passwd'),
  }),
  fc.record({ do: fc.constant('resize' as const), machine, path, size: fc.constantFrom(0, 5, 4096, 20_000) }),
  fc.record({ do: fc.constantFrom('fork' as const, 'dispose' as const), machine }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

let stamp = 0;
function change(files: MachineFiles, step: Exclude<Operation, { readonly do: 'fork' | 'dispose' }>): void {
  stamp++;
  switch (step.do) {
    case 'write': {
      const bytes = new Uint8Array(step.size).fill(stamp);
      return files.write(step.path, bytes, step.offset === 0 ? {} : { offset: step.offset });
    }
    case 'mkdir':
      return files.mkdir(step.path, { recursive: stamp % 2 === 0 });
    case 'remove':
      return files.remove(step.path, { recursive: stamp % 3 !== 0 });
    case 'list':
      return void files.list(step.path);
    case 'look':
      return void files.stat(step.path);
    case 'touch':
      return files.setTimes(step.path, { modifiedNs: BigInt(stamp) * 1_000_000_007n });
    case 'rename':
      return files.rename(step.path, step.to);
    case 'link':
      return files.link(step.path, step.to);
    case 'symlink':
      return files.symlink(step.target, step.path);
    case 'resize':
      return files.setSize(step.path, step.size);
  }
}

/** Runs the operations on machines that descend from one another; what can't be done is left. */
function grow(image: Image, steps: readonly Operation[]): Machine[] {
  const machines = [image.bootSync()];
  machines.push(machines[0]!.fork());
  for (const step of steps) {
    const at = step.machine % machines.length;
    const vm = machines[at]!;
    if ('path' in step) {
      try {
        change(filesOf(vm), step);
      } catch (error) {
        if (!(error instanceof FargoError) || error.code !== 'file-error') throw error;
      }
    } else if (step.do === 'fork') machines.push(vm.fork());
    else if (machines.length > 2) machines.splice(at, 1)[0]!.dispose();
  }
  return machines;
}

interface Fact {
  readonly kind: string;
  readonly modifiedNs: bigint;
  readonly contents: string;
}

/** All files of a snapshot, the slow way. */
function factsOf(files: SnapshotFiles, at = ''): Map<string, Fact> {
  const facts = new Map<string, Fact>();
  for (const item of files.list(at === '' ? '/' : at)) {
    const below = `${at}/${item.name}`;
    const { kind, modifiedNs } = files.stat(below, { follow: false })!;
    const contents =
      kind === 'file'
        ? Buffer.from(files.read(below)).toString('latin1')
        : kind === 'symlink'
          ? files.readLink(below)
          : '';
    facts.set(below, { kind, modifiedNs, contents });
    if (kind === 'directory') for (const entry of factsOf(files, below)) facts.set(...entry);
  }
  return facts;
}

/** The list that {@link diffFiles} should give, by comparing everything. */
function expectedChanges(child: ReadonlyMap<string, Fact>, parent: ReadonlyMap<string, Fact>): string[] {
  const changes: string[] = [];
  const gone = (at: string): boolean => child.get(at)?.kind !== parent.get(at)?.kind && parent.has(at);
  for (const [at, before] of parent) {
    const above = dirname(at);
    if (gone(at) && (above === '/' || !gone(above))) changes.push(`removed ${at} ${before.kind}`);
  }
  for (const [at, now] of child) {
    const before = parent.get(at);
    if (before?.kind !== now.kind) changes.push(`added ${at} ${now.kind}`);
    else if (before.modifiedNs !== now.modifiedNs || before.contents !== now.contents)
      changes.push(`changed ${at} ${now.kind}`);
  }
  return changes.sort();
}

/** What a layer shows, devices apart. */
function shown(layer: Layer, at = ''): Record<string, string> {
  const facts: Record<string, string> = {};
  for (const one of layer.list(at, 10_000)) {
    const below = at === '' ? one : `${at}/${one}`;
    const { kind, modifiedNs } = layer.stat(below)!;
    if (kind === 'directory') Object.assign(facts, shown(layer, below));
    const contents =
      kind === 'file'
        ? Buffer.from(contentsOf(layer, below)).toString('latin1')
        : kind === 'symlink'
          ? layer.readLink(below)
          : '';
    facts[below] = `${kind} ${modifiedNs} ${contents}`;
  }
  return facts;
}

/** Boots over files in memory, or over a folder with the same files, so that names are met late. */
async function withImage(overFolder: boolean, work: (image: Image, host: Host) => void): Promise<void> {
  const host = await Host.create();
  const files = { 'a/a': '1', 'a/b/c': '2'.repeat(10_000), 'b/a': '', c: '4', 'ü/ü/ü': '5' };
  const folder = join(process.env['TMPDIR'] ?? '/tmp', `fargo-difference-${process.pid}`);
  try {
    for (const [at, contents] of overFolder ? Object.entries(files) : []) {
      mkdirSync(dirname(join(folder, at)), { recursive: true });
      writeFileSync(join(folder, at), contents);
    }
    const wasi = overFolder ? { preopens: { '/': hostDirectory(folder) } } : { files };
    work(await host.build(GUEST, { wasi }), host);
  } finally {
    host.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

test.each([false, true])('a difference is what comparing everything finds, over a folder: %s', async (overFolder) => {
  let differences = 0;
  await withImage(overFolder, (image, host) => {
    const property = fc.property(
      fc.array(operation, { minLength: 20, maxLength: 60, size: 'max' }),
      fc.nat(),
      fc.nat(),
      (steps, one, other) => {
        const machines = grow(image, steps);
        const child = machines[one % machines.length]!.snapshot();
        const parent = machines[(one + 1 + (other % (machines.length - 1))) % machines.length]!.snapshot();
        const changes = diffFiles(child, parent);
        differences += changes.length;
        const factsA = factsOf(filesOf(child));
        const factsB = factsOf(filesOf(parent));
        expect(changes.map(({ kind, path, type }) => `${kind} ${path} ${type}`).sort()).toEqual(
          expectedChanges(factsA, factsB),
        );

        const layer = tarLayer(exportTar(child, { since: parent }).bytes());
        const base = tarLayer(exportTar(parent).bytes());
        const whole = tarLayer(exportTar(child).bytes());
        expect(shown(stackLayers([base, layer]))).toEqual(shown(whole));
        expect([layer.noteCount, base.noteCount, whole.noteCount]).toEqual([0, 0, 0]);
        for (const [at, fact] of factsA) {
          if (fact.kind !== 'null' && fact.kind !== 'zero' && fact.kind !== 'random') {
            expect(shown(whole)[at.slice(1)]).toBe(`${fact.kind} ${fact.modifiedNs} ${fact.contents}`);
          }
        }
        for (const each of [...machines, child, parent]) each.dispose();
        expect(host.audit().faults).toEqual([]);
      },
    );
    fc.assert(property, { numRuns: RUNS, seed: SEED, endOnFailure: LONG });
  });
  expect(differences).toBeGreaterThan(3 * RUNS);
});

/** All of a folder: type, time, contents, and which paths are one file. */
function folderFacts(folder: string): Record<string, string> {
  const facts: Record<string, string> = {};
  const groups = new Map<bigint, string[]>();
  const walk = (at: string): void => {
    for (const one of readdirSync(join(folder, at)).sort()) {
      const below = at === '' ? one : `${at}/${one}`;
      const full = join(folder, below);
      const stats = lstatSync(full, { bigint: true });
      if (stats.isDirectory()) {
        facts[below] = `directory ${stats.mtimeNs}`;
        walk(below);
      } else if (stats.isSymbolicLink()) facts[below] = `link ${readlinkSync(full)}`;
      else {
        groups.set(stats.ino, [...(groups.get(stats.ino) ?? []), below]);
        facts[below] = `file ${stats.mtimeNs} ${createHash('sha1').update(readFileSync(full)).digest('hex')}`;
      }
    }
  };
  walk('');
  for (const paths of groups.values()) for (const each of paths) facts[each] += ` ${paths.join(' = ')}`;
  return facts;
}

test.skipIf(!HAS_GNU_TAR)('GNU tar makes the same of it, hard links too', async () => {
  let linked = 0;
  await withImage(false, (image) => {
    const property = fc.property(
      fc.array(operation, { minLength: 30, maxLength: 80, size: 'max' }),
      fc.nat(),
      fc.nat(),
      (steps, one, other) => {
        const machines = grow(image, steps);
        const child = machines[one % machines.length]!;
        const parent = machines[(one + 1 + (other % (machines.length - 1))) % machines.length]!;
        inTemporaryFolder((folder) => {
          writeFileSync(join(folder, 'parent.tar'), exportTar(parent).bytes());
          writeFileSync(join(folder, 'child.tar'), exportTar(child).bytes());
          writeFileSync(join(folder, 'layer.tar'), exportTar(child, { since: parent }).bytes());
          // What a container engine does: first what is gone, then what is there.
          const output = shell(
            folder,
            `mkdir stack whole; tar -xf parent.tar -C stack 2>&1; tar -xf child.tar -C whole 2>&1
           tar -tf layer.tar --quoting-style=literal | sed -n 's#\\.wh\\.##p' | while IFS= read -r gone; do rm -rf "stack/$gone"; done
           tar -xf layer.tar -C stack --exclude='.wh.*' 2>&1`,
          );
          expect(output).toBe('');
          const whole = folderFacts(join(folder, 'whole'));
          expect(folderFacts(join(folder, 'stack'))).toEqual(whole);
          linked += Object.values(whole).filter((fact) => fact.includes(' = ')).length;
        });
        for (const each of machines) each.dispose();
      },
    );
    fc.assert(property, { numRuns: GNU_RUNS, seed: SEED, endOnFailure: LONG });
  });
  expect(linked).toBeGreaterThan(0);
});
