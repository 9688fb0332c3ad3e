/** Whatever a guest passes, a function answers with an errno, leaves the state consistent, and the host unharmed. */

import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { auditState } from '../testing/audit.ts';
import { FakeGuest, GuestExit } from '../testing/fake-guest.ts';
import { wasi } from '../wasi.ts';
import { WASI_SIGNATURES } from './functions.ts';

const LONG = Boolean(process.env['FARGO_LONG']);
const MEMORY = 256 * 1024;
const PATHS = [
  'f',
  'd',
  'd/x',
  'new',
  '.',
  '..',
  '../..',
  '/',
  'd/../f',
  'link',
  'link/x',
  'a\0b',
  'x'.repeat(300),
  '',
];

const address = fc.oneof(
  fc.nat(MEMORY),
  fc.constantFrom(0, 64, 1024, MEMORY - 1, MEMORY - 4, MEMORY, MEMORY + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
);
const small = fc.oneof(fc.nat(12), fc.constantFrom(16, 24, 32, 48, 64, 4096, 65_536));
const word = fc.oneof({ weight: 3, arbitrary: small }, { weight: 2, arbitrary: address }, fc.integer());
const long = fc.oneof(
  fc.bigInt({ min: 0n, max: 10_000n }),
  fc.bigInt({ min: -(1n << 63n), max: (1n << 64n) - 1n }),
  fc.constantFrom(-1n, 0n, (1n << 30n) - 1n, 1n << 42n, 1n << 53n, (1n << 63n) - 1n),
);
/** What lies in memory where the small addresses point: words that look like vectors, subscriptions and paths. */
const contents = fc.array(word, { minLength: 64, maxLength: 64 });

const call = fc.constantFrom(...WASI_SIGNATURES).chain(([name, letters]) =>
  fc.record({
    name: fc.constant(name),
    args: fc.tuple(...[...letters].map((letter) => (letter === 'i' ? word : long))),
    path: fc.constantFrom(...PATHS),
    usePath: fc.boolean(),
    useOpen: fc.constantFrom(undefined, 0, 1, 3, 4, 5),
  }),
);

function freshGuest(): FakeGuest {
  const clock = { realtimeNs: () => 7n, monotonicNs: () => 7n, sleep: () => undefined };
  const limits = { storedBytes: 200_000, inodes: 200, descriptors: 12 };
  const files = { f: 'hello', 'd/x': 'inside' };
  const guest = new FakeGuest(wasi({ args: ['a'], env: { B: 'c' }, files, stdin: 'input', clock, limits }));
  guest.symlink('d', 'link');
  guest.open('f');
  guest.open('d', { oflags: 2 });
  return guest;
}

/** Functions that take a path have it as address and length, first or after a descriptor and flags. */
function withPath(guest: FakeGuest, name: string, args: (number | bigint)[], path: string): void {
  const [at, length] = guest.put(path);
  const index =
    name === 'path_open' || name.includes('filestat') || name === 'path_link' ? 2 : name === 'path_symlink' ? 0 : 1;
  args[index] = at;
  args[index + 1] = length;
}

test('random arguments to every function', () => {
  const answers = new Map<string, Set<number>>();
  fc.assert(
    fc.property(fc.array(call, { minLength: 1, maxLength: 25 }), contents, (calls, words) => {
      const guest = freshGuest();
      words.forEach((value, index) => guest.memory.setUint32(index * 4, value >>> 0));
      words.forEach((value, index) => guest.memory.setUint32(1024 + index * 4, value >>> 0));
      for (const each of calls) {
        const args = [...each.args] as (number | bigint)[];
        if (each.usePath && each.name.startsWith('path_')) {
          withPath(guest, each.name, args, each.path);
          args[each.name === 'path_symlink' ? 2 : 0] = 3;
        }
        if (each.useOpen !== undefined && typeof args[0] === 'number') args[0] = each.useOpen;
        try {
          const errno = guest.call(each.name, ...args);
          expect(Number.isInteger(errno) && errno >= 0 && errno <= 76 && !Object.is(errno, -0)).toBe(true);
          const seen = answers.get(each.name) ?? new Set();
          answers.set(each.name, seen.add(errno));
        } catch (error) {
          if (!(error instanceof GuestExit)) throw error;
        }
      }
      auditState(guest.device.commit(), guest.storage);
    }),
    { numRuns: LONG ? 50_000 : 1500, ...(!LONG && { seed: 3 }) },
  );
  // The test reaches into the functions: nearly all of them also succeed, and answer several errors.
  const succeeding = [...answers].filter(([, seen]) => seen.has(0)).map(([name]) => name);
  expect(succeeding.length).toBeGreaterThan(30);
});

test('only what was asked for is written: memory beyond the results is untouched', () => {
  fc.assert(
    fc.property(call, (each) => {
      const guest = freshGuest();
      const before = guest.bytes.slice();
      let errno = 0;
      try {
        errno = guest.call(each.name, ...(each.args as (number | bigint)[]));
      } catch {
        return;
      }
      const kept = errno === 0 || each.name === 'fd_read' || each.name === 'fd_pread' || each.name === 'poll_oneoff';
      if (!kept) expect(Buffer.compare(guest.bytes, before)).toBe(0);
    }),
    { numRuns: 500 },
  );
});
