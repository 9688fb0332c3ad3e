/**
 * Modules that are cut short, bent and glued: each is refused by a `FargoError` with a clear text, or it runs and traps,
 * or it works. Nothing else ever comes out, and a machine beside it never notices.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { FargoError, Host, type Image, type Machine } from '../../src/index.ts';
import type { FargoErrorCode } from '../../src/base/errors.ts';
import { wasmFromText } from '../../src/wasm/text.ts';

const LONG = Boolean(process.env['FARGO_LONG']);
const MUTATIONS = LONG ? 20_000 : 1000;
const CALLS_MAX = 6;
const guests = fileURLToPath(new URL('../../guests/', import.meta.url));

/** Small enough that many can be tried, and with every section and proposal among them. */
const SEEDS = [
  'kv',
  'grower',
  'hello',
  'forkhook',
  'hostile/mutates-its-table',
  'hostile/swallows-exceptions',
  'hostile/lies-about-lengths',
  'hostile/on-fork',
  'hostile/traps-in-mid-store',
  'kernels/sha256',
  'kernels/saxpy-simd',
];

/** What a module may be refused for. A machine that is busy or disposed has nothing to do with its bytes. */
const CODES: readonly FargoErrorCode[] = ['invalid-module', 'unsupported', 'link', 'limit', 'fork-refused'];

beforeAll(() => {
  execFileSync(process.execPath, [`${guests}build.mjs`, '--quiet'], { stdio: 'inherit' });
});

/** Mulberry32: short, and the same everywhere. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Bytes that mean something somewhere: opcodes, types, LEB128 continuations, section numbers. */
const TELLING = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x0b, 0x40, 0x70, 0x6f, 0x7b, 0xfc, 0xfd, 0xfe, 0x06, 0x1f, 0x3f, 0x36];

function mutate(bytes: Uint8Array, random: (below: number) => number): Uint8Array<ArrayBuffer> {
  const kind = random(10);
  if (kind === 0) return bytes.slice(0, random(bytes.length));
  const copy = bytes.slice() as Uint8Array<ArrayBuffer>;
  const times = 1 + random(kind < 6 ? 1 : 4);
  for (let i = 0; i < times; i++) {
    const at = 8 + random(copy.length - 8);
    if (kind < 6) copy[at]! ^= 1 << random(8);
    else if (kind < 8) copy[at] = TELLING[random(TELLING.length)]!;
    else if (kind === 8) copy.copyWithin(at, 8 + random(copy.length - 8), at + random(24));
    else copy[at] = random(256);
  }
  return copy;
}

function argumentsOf(types: readonly number[], random: (below: number) => number): unknown[] {
  const numbers = [0, 1, -1, 65_535, 4096, 0x7fff_ffff];
  return types.map((type) => {
    if (type === 0x7e) return BigInt(numbers[random(numbers.length)]!);
    if (type === 0x7b) return new Uint8Array(16).fill(random(256));
    if (type === 0x70) return null;
    return type === 0x6f ? 'a thing' : numbers[random(numbers.length)]!;
  });
}

/** Everything that a machine of a strange module may be asked. Its outcomes are values; errors are this library's. */
function use(
  machine: Machine,
  image: Image,
  { random, meet }: { random: (below: number) => number; meet: (what: string) => void },
): void {
  const functions = image.meta.exports.filter((each) => each.kind === 'func');
  for (let i = 0; i < Math.min(CALLS_MAX, functions.length); i++) {
    const { name, type } = functions[random(functions.length)]!;
    meet(machine.tryCall(name, ...argumentsOf(type.params, random)).kind);
  }
  const [child] = machine.fork(1);
  const first = functions[0];
  if (first !== undefined) child!.tryCall(first.name, ...argumentsOf(first.type.params, random));
  child!.dispose();
}

class Reference {
  readonly machine: Machine;
  readonly #memory: Buffer;
  #value = 5;

  constructor(host: Host) {
    this.machine = host.buildSync(readFileSync(`${guests}build/counter.wasm`)).bootSync();
    this.machine.call('add', this.#value);
    this.#memory = this.#read();
  }

  #read(): Buffer {
    return Buffer.from(this.machine.memory.read(0, this.machine.memory.byteLength));
  }

  expectUnharmed(): void {
    expect(this.machine.call('value')).toBe(this.#value);
    expect(this.#read().equals(this.#memory)).toBe(true);
  }
}

describe('mutated modules', () => {
  test(`${MUTATIONS} mutations of ${SEEDS.length} modules are refused, trap or work`, () => {
    const host = new Host({ idleCores: 1, spareCores: 0, maxBytes: 64 << 20 });
    const reference = new Reference(host);
    const seeds = SEEDS.map((name) => new Uint8Array(readFileSync(`${guests}build/${name}.wasm`)));
    const limits = { budget: 200_000, callDepth: 400, memoryPages: 64, tableEntries: 1000, outputBytes: 65_536 };
    const met = new Map<string, number>();
    const meet = (what: string): void => void met.set(what, (met.get(what) ?? 0) + 1);
    for (let i = 0; i < MUTATIONS; i++) {
      const random = generator(i);
      const name = SEEDS[i % SEEDS.length]!;
      const bytes = mutate(seeds[i % SEEDS.length]!, random);
      let image: Image | undefined;
      let machine: Machine | undefined;
      try {
        image = host.buildSync(bytes, {
          budget: true,
          imports: { host: { throw: () => undefined, reenter: () => undefined } },
        });
        const booted = image.tryBoot({ limits });
        ({ machine } = booted);
        if (booted.outcome.kind === 'return') use(machine, image, { random, meet });
        meet(`boot: ${booted.outcome.kind}`);
      } catch (error) {
        if (!(error instanceof FargoError)) throw new Error(`mutation ${i} of ${name}`, { cause: error });
        expect(CODES, `mutation ${i} of ${name}: ${error.message}`).toContain(error.code);
        expect(error.message.length, error.message).toBeGreaterThan(15);
        expect(error.message, `mutation ${i} of ${name}`).not.toMatch(/undefined|NaN|\[object/);
        meet(error.code);
      }
      machine?.dispose();
      image?.dispose();
      if (i % 50 === 0) {
        reference.expectUnharmed();
        expect(host.audit().faults).toEqual([]);
      }
    }
    reference.expectUnharmed();
    expect(host.audit().faults).toEqual([]);
    for (const what of ['invalid-module', 'link', 'boot: return', 'return', 'trap'])
      expect(met.get(what), what).toBeGreaterThan(5);
    host.dispose();
    expect(host.usage().frameBytes).toBe(0);
  });
});

describe('modules that this library does not take', () => {
  const host = new Host();
  const refusal = async (text: string): Promise<string> => {
    try {
      await host.build(text);
    } catch (error) {
      if (error instanceof FargoError) return `${error.code}: ${error.message}`;
      throw error;
    }
    return 'taken';
  };

  test.each([
    ['a shared memory', '(module (memory 1 2 shared))', /unsupported: .*shared/],
    ['an import of a v128', '(module (import "host" "f" (func (param v128))))', /link: .*host\.f/],
    [
      'an unknown import',
      '(module (import "host" "missing" (func)))',
      /link: .*host\.missing \(function \(\) -> \(\)\)/,
    ],
    ['an imported tag', '(module (import "host" "tag" (tag)))', /(link|unsupported): .*host\.tag/],
    ['no module at all', 'this is no module', /invalid-module: .*line 1/],
    ['an unclosed one', '(module (func', /invalid-module: .*line 1/],
    ['one that does not validate', '(module (func (result i32)))', /invalid-module: /],
  ])('%s', async (_name, text, words) => {
    expect(await refusal(text)).toMatch(words);
  });

  test.each([
    ['a struct type', '(module (type (struct (field i32))) (func))'],
    ['an array type', '(module (type (array i32)) (func))'],
    ['a typed reference', '(module (type $f (func)) (func (param (ref null $f))))'],
    ['an i31', '(module (func (result i32) (i31.get_s (ref.i31 (i32.const 1)))))'],
  ])('garbage-collected objects: %s', async (_name, text) => {
    expect(await refusal(text)).toMatch(/^(unsupported|invalid-module): .{15}/);
  });

  test.each([
    ['nothing', new Uint8Array(0)],
    ['a magic number alone', Uint8Array.of(0, 0x61, 0x73, 0x6d)],
    ['version 2', Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0)],
    ['a component', Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0)],
    ['a section beyond the end', Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f)],
  ])('%s', (_name, bytes) => {
    expect(() => host.buildSync(bytes)).toThrowError(
      expect.objectContaining({ name: 'FargoError', code: expect.stringMatching(/^(invalid-module|unsupported)$/) }),
    );
  });

  test.each([[null], [undefined], [7], [{}], [[1, 2]], ['text'], [new ArrayBuffer(8)]])('buildSync of %s', (source) => {
    expect(() => host.buildSync(source as unknown as Uint8Array)).toThrowError(
      expect.objectContaining({ code: 'bad-argument' }),
    );
  });

  test.each([[null], [undefined], [7], [{}]])('build of %s', async (source) => {
    await expect(host.build(source as unknown as Uint8Array)).rejects.toMatchObject({ code: 'bad-argument' });
  });

  test('a memory that is larger than the machine may have is refused at boot', async () => {
    const image = host.buildSync(await wasmFromText('(module (memory 3) (table 20 funcref))'));
    expect(() => image.bootSync({ limits: { memoryPages: 2 } })).toThrowError(/3 pages.*2 are allowed/);
    expect(() => image.bootSync({ limits: { tableEntries: 19 } })).toThrowError(/20 entries.*19 are allowed/);
    image.bootSync({ limits: { memoryPages: 3, tableEntries: 20 } }).dispose();
  });

  test('a module that is linked has the limits of its machine', async () => {
    const limits = { memoryPages: 2, tableEntries: 19 };
    const machine = host.buildSync(await wasmFromText('(module (func (export "f")))')).bootSync({ limits });
    const memory = await wasmFromText('(module (memory 3))');
    const table = await wasmFromText('(module (table 20 funcref))');
    expect(() => host.link(machine, memory)).toThrowError(/3 pages.*2 are allowed/);
    expect(() => host.link(machine, table)).toThrowError(/20 entries.*19 are allowed/);
    machine.call('f');
    machine.dispose();
  });

  test('tables are limited together too: an engine out of heap ends the process', async () => {
    const limits = { tableEntries: 100 };
    const large = host.buildSync(await wasmFromText(manyTables(11, '100')));
    expect(() => large.bootSync({ limits })).toThrowError(/together have 1100 entries; 1000 are allowed/);
    const machine = host.buildSync(await wasmFromText(manyTables(10, '40'))).bootSync({ limits });
    expect(machine.call('grow')).toBe(40);
    const many = host.buildSync(await wasmFromText(manyTables(20, '0'))).bootSync({ limits });
    expect(many.call('grow')).toBe(-1);
    machine.dispose();
    many.dispose();
  });
});

function manyTables(count: number, limits: string): string {
  return `(module ${`(table ${limits} funcref) `.repeat(count)}
    (func (export "grow") (result i32) (table.grow 0 (ref.null func) (i32.const 60))))`;
}
