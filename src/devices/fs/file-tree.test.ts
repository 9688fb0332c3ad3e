/**
 * The file tree against the real thing: random operations, forks and disposals, on machines over a tree in memory or
 * over a host directory, and on temporary folders by `node:fs`. Same answers, same trees, host untouched.
 */

import {
  appendFileSync,
  cpSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';

import { hostDirectory } from '../../platform/node/host-directory.ts';
import { auditState } from '../testing/audit.ts';
import { FakeGuest } from '../testing/fake-guest.ts';
import { wasi } from '../wasi.ts';
import { E } from './errno.ts';

const LONG = Boolean(process.env['FARGO_LONG']);
const scratch = mkdtempSync(join(tmpdir(), 'fargo-tree-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const name = fc.constantFrom('a', 'b', 'c', 'd1', 'd2');
const path = fc.oneof(
  { weight: 3, arbitrary: name },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom('d1', 'd2', 'a', 'link'), name).map((parts) => parts.join('/')) },
  fc.tuple(fc.constantFrom('d1', 'd2'), fc.constantFrom('d1', 'd2'), name).map((parts) => parts.join('/')),
  fc.constantFrom('link', 'd1/', 'd1/../a', './b', 'd1/./a'),
);
const operation = fc.oneof(
  fc.record({ do: fc.constant('save' as const), path, text: fc.constantFrom('', 'x', 'hello', 'y'.repeat(5000)) }),
  fc.record({ do: fc.constant('append' as const), path, text: fc.constantFrom('+', 'z'.repeat(4096)) }),
  fc.record({ do: fc.constant('resize' as const), path, size: fc.constantFrom(0, 1, 4095, 4096, 9000) }),
  fc.record({ do: fc.constant('mkdir' as const), path }),
  fc.record({ do: fc.constant('rmdir' as const), path }),
  fc.record({ do: fc.constant('unlink' as const), path }),
  fc.record({ do: fc.constant('rename' as const), path, to: path }),
  fc.record({ do: fc.constant('link' as const), path, to: path }),
  fc.record({ do: fc.constant('symlink' as const), path: fc.constantFrom('link', 'd1/link'), to: path }),
  fc.record({ do: fc.constant('cat' as const), path }),
  fc.record({ do: fc.constant('list' as const), path }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ on: fc.nat(3), operation }) },
  fc.record({ on: fc.nat(3), fork: fc.constant(true as const) }),
);

/** Runs an operation on a machine: its result, or the errno. */
function onMachine(guest: FakeGuest, each: Operation): unknown {
  switch (each.do) {
    case 'save':
      return guest.save(each.path, each.text);
    case 'append': {
      const fd = guest.open(each.path, { oflags: 1, fdflags: 1, rights: 64n });
      if (fd < 0) return fd;
      guest.write(fd, each.text);
      return guest.call('fd_close', fd);
    }
    case 'resize': {
      const fd = guest.open(each.path, { rights: (1n << 22n) | 64n });
      if (fd < 0) return fd;
      guest.call('fd_filestat_set_size', fd, BigInt(each.size));
      return guest.call('fd_close', fd);
    }
    case 'mkdir':
      return -guest.path('path_create_directory', each.path);
    case 'rmdir':
      return -guest.path('path_remove_directory', each.path);
    case 'unlink':
      return -guest.path('path_unlink_file', each.path);
    case 'rename':
      return -guest.rename(each.path, each.to);
    case 'link':
      return -guest.link(each.path, each.to);
    case 'symlink':
      return -guest.symlink(each.to, each.path);
    case 'cat':
      return guest.cat(each.path);
    case 'list': {
      const names = guest.list(each.path);
      return typeof names === 'number' ? names : names.filter((entry) => entry !== 'dev').toSorted();
    }
  }
}

/** The same in a folder of the host. */
function onHost(root: string, each: Operation): unknown {
  const at = `${root}/${each.path}`;
  try {
    switch (each.do) {
      case 'save':
        return void writeFileSync(at, each.text);
      case 'append':
        return void appendFileSync(at, each.text);
      case 'resize':
        return void truncateSync(at, each.size);
      case 'mkdir':
        return void mkdirSync(at);
      case 'rmdir':
        return void rmdirSync(at);
      case 'unlink':
        return void unlinkSync(at);
      case 'rename':
        return void renameSync(at, `${root}/${each.to}`);
      case 'link':
        return void linkSync(at, `${root}/${each.to}`);
      case 'symlink':
        return void symlinkSync(each.to, at);
      case 'cat':
        return readFileSync(at, 'utf8');
      case 'list':
        return readdirSync(at).toSorted();
    }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

const ERRNO_OF: Readonly<Record<string, number>> = {
  ENOENT: E.noent,
  ENOTDIR: E.notdir,
  EISDIR: E.isdir,
  EEXIST: E.exist,
  ENOTEMPTY: E.notempty,
  ELOOP: E.loop,
  EINVAL: E.inval,
  EPERM: E.perm,
};

function sameAnswer(each: Operation, got: unknown, wanted: unknown): void {
  const message = JSON.stringify(each);
  if (typeof wanted !== 'string' || each.do === 'cat') {
    if (typeof got === 'number' && got < 0) expect(ERRNO_OF[wanted as string], message).toBe(-got);
    else if (wanted === undefined) expect(Math.abs(got as number), message).toBe(0);
    else expect(got, message).toEqual(wanted);
  } else expect(-(got as number), `${message} is ${wanted} on the host`).toBe(ERRNO_OF[wanted]);
}

/** Every path below `root` with what is there. */
function hostTree(root: string, at = ''): string[] {
  return readdirSync(join(root, at))
    .toSorted()
    .flatMap((entry) => {
      const inner = at === '' ? entry : `${at}/${entry}`;
      const stats = lstatSync(join(root, inner));
      if (stats.isDirectory()) return [`${inner}/`, ...hostTree(root, inner)];
      if (stats.isSymbolicLink()) return [`${inner} -> ${readlinkSync(join(root, inner))}`];
      return [`${inner} ${stats.nlink} ${readFileSync(join(root, inner), 'utf8')}`];
    });
}

function machineTree(guest: FakeGuest, at = ''): string[] {
  const names = guest.list(at === '' ? '.' : at) as string[];
  return names
    .filter((entry) => at !== '' || entry !== 'dev')
    .toSorted()
    .flatMap((entry) => {
      const inner = at === '' ? entry : `${at}/${entry}`;
      const stat = guest.stat(inner) as { type: number; links: number };
      if (stat.type === 3) return [`${inner}/`, ...machineTree(guest, inner)];
      if (stat.type === 7) return [`${inner} -> ${guest.readlink(inner)}`];
      return [`${inner} ${stat.links} ${guest.cat(inner)}`];
    });
}

function seedFolder(): string {
  const root = mkdtempSync(join(scratch, 'seed-'));
  mkdirSync(join(root, 'd1'));
  writeFileSync(join(root, 'a'), 'from the host');
  writeFileSync(join(root, 'd1/b'), 'q'.repeat(10_000));
  symlinkSync('d1', join(root, 'link'));
  return root;
}

function copyOf(root: string): string {
  const copy = mkdtempSync(join(scratch, 'copy-'));
  cpSync(root, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

/** Hard links of the model don't survive a copy, so steps that make them are left out where there are forks. */
test.each(['memory', 'host'] as const)('random operations and forks over a tree in %s', (kind) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const seed = seedFolder();
      const base = hostTree(seed);
      using directory = hostDirectory(seed);
      const files = { a: 'from the host', 'd1/b': 'q'.repeat(10_000) };
      const factory = kind === 'host' ? wasi({ preopens: { '/': directory } }) : wasi({ files });
      const guest = new FakeGuest(factory);
      if (kind === 'memory') guest.symlink('d1', 'link');
      const machines = [{ guest, root: copyOf(seed) }];
      const forks = steps.some((each) => 'fork' in each);
      for (const each of steps) {
        const { guest: machine, root } = machines[each.on % machines.length]!;
        if ('fork' in each) {
          if (machines.length < 4) machines.push({ guest: machine.fork(), root: copyOf(root) });
        } else if (each.operation.do !== 'link' || !forks) {
          sameAnswer(each.operation, onMachine(machine, each.operation), onHost(root, each.operation));
        }
      }
      for (const { guest: machine, root } of machines) {
        expect(machineTree(machine)).toEqual(hostTree(root));
        auditState(machine.device.commit(), machine.storage);
        rmSync(root, { recursive: true });
      }
      expect(hostTree(seed)).toEqual(base);
      rmSync(seed, { recursive: true });
    }),
    { numRuns: LONG ? 5000 : 150, ...(!LONG && { seed: 3 }) },
  );
});
