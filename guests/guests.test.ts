/** The guests as they are, without this library: what they compute in a plain engine. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';

const here = fileURLToPath(new URL('.', import.meta.url));

beforeAll(() => {
  execFileSync(process.execPath, [`${here}build.mjs`, '--quiet'], { stdio: 'inherit' });
});

type Call = (...args: (number | bigint)[]) => number;
type Calls = Record<string, Call> & { readonly memory: WebAssembly.Memory };

function instantiate(name: string, imports: WebAssembly.Imports = {}): Calls {
  const module = new WebAssembly.Module(readFileSync(`${here}build/${name}.wasm`));
  return new WebAssembly.Instance(module, imports).exports as Calls;
}

/** Copies UTF-8 text into the guest through its own allocator. */
function pass(guest: Calls, text: string): [address: number, length: number] {
  const bytes = new TextEncoder().encode(text);
  const address = guest['malloc']!(bytes.length);
  new Uint8Array(guest.memory.buffer).set(bytes, address);
  return [address, bytes.length];
}

function textAt(guest: Calls, address: number, length: number): string {
  return new TextDecoder().decode(new Uint8Array(guest.memory.buffer, address, length));
}

/** A WASI function that must not matter. */
const unused = (): number => 0;

class Exit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** The least of WASI that the commands need: arguments, standard input given whole, output collected, exit. */
function runCommand(name: string, args: string[], stdin = ''): { code: number | undefined; output: string } {
  const input = new TextEncoder().encode(stdin);
  let read = 0;
  const output: number[] = [];
  const view = (): DataView => new DataView(guest.memory.buffer);
  const encoded = args.map((arg) => new TextEncoder().encode(`${arg}\0`));
  const wasi = {
    args_sizes_get(count: number, bytes: number): number {
      view().setUint32(count, args.length, true);
      view().setUint32(
        bytes,
        encoded.reduce((sum, arg) => sum + arg.length, 0),
        true,
      );
      return 0;
    },
    args_get(pointers: number, at: number): number {
      for (const [index, arg] of encoded.entries()) {
        view().setUint32(pointers + 4 * index, at, true);
        new Uint8Array(guest.memory.buffer).set(arg, at);
        at += arg.length;
      }
      return 0;
    },
    fd_fdstat_get(_fd: number, stat: number): number {
      new Uint8Array(guest.memory.buffer).fill(0, stat, stat + 24);
      return 0;
    },
    fd_write(_fd: number, iovecs: number, count: number, written: number): number {
      let total = 0;
      for (let index = 0; index < count; index++) {
        const at = view().getUint32(iovecs + 8 * index, true);
        const length = view().getUint32(iovecs + 8 * index + 4, true);
        output.push(...new Uint8Array(guest.memory.buffer, at, length));
        total += length;
      }
      view().setUint32(written, total, true);
      return 0;
    },
    fd_read(_fd: number, iovecs: number, _count: number, got: number): number {
      const at = view().getUint32(iovecs, true);
      const length = view().getUint32(iovecs + 4, true);
      const part = input.subarray(read, read + Math.min(length, 7));
      new Uint8Array(guest.memory.buffer).set(part, at);
      read += part.length;
      view().setUint32(got, part.length, true);
      return 0;
    },
    random_get(at: number, length: number): number {
      crypto.getRandomValues(new Uint8Array(guest.memory.buffer, at, length));
      return 0;
    },
    proc_exit(code: number): never {
      throw new Exit(code);
    },
  };
  const guest: Calls = instantiate(name, { wasi_snapshot_preview1: wasi });
  let code: number | undefined;
  try {
    guest['_start']!();
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    code = error.code;
  }
  return { code, output: new TextDecoder().decode(new Uint8Array(output)) };
}

function countPrimes(limit: number): number {
  let count = 0;
  for (let n = 2; n <= limit; n++) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= n && prime; divisor++) prime = n % divisor !== 0;
    if (prime) count++;
  }
  return count;
}

/** A picture of the mandelbrot guest, computed here. */
function mandelbrotModel(width: number, height: number, maxIter: number): number {
  let hash = 0x811c9dc5;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const cre = -0.75 + (x - width / 2) * (3 / width);
      const cim = (y - height / 2) * (3 / width);
      let [re, im, n] = [0, 0, 0];
      while (n < maxIter && re * re + im * im <= 4) {
        [re, im] = [re * re - im * im + cre, 2 * re * im + cim];
        n++;
      }
      const rgb = (((128 + n * 11) & 255) << 16) | (((n * 3) & 255) << 8) | ((n * 7) & 255);
      hash = Math.imul(hash ^ (n >= maxIter ? 0xff000000 : 0xff000000 | rgb), 0x01000193);
    }
  }
  return hash;
}

test('counter counts', () => {
  const counter = instantiate('counter');
  expect(counter['value']!()).toBe(0);
  expect(counter['increment']!()).toBe(1);
  expect(counter['add']!(41)).toBe(42);
  expect(counter['add']!(-50)).toBe(-8);
  expect(counter['value']!()).toBe(-8);
});

test('hello greets and exits with the code it is given', () => {
  expect(runCommand('hello', ['hello'])).toEqual({ code: undefined, output: 'hello, world\n' });
  expect(runCommand('hello', ['hello', 'Ada'])).toEqual({ code: undefined, output: 'hello, Ada\n' });
  expect(runCommand('hello', ['hello', 'Ada', '42'])).toEqual({ code: 42, output: 'hello, Ada\n' });
});

test('forkhook notes its generation and refuses when told', () => {
  let draws = 0;
  const random_get = (at: number, length: number): number => {
    new Uint8Array(guest.memory.buffer, at, length).fill(++draws);
    return 0;
  };
  const guest: Calls = instantiate('forkhook', { wasi_snapshot_preview1: { random_get } });
  guest['_initialize']!();
  expect(guest['nonce']!()).toBe(0x0101010101010101n);
  expect(guest['fargo_on_fork']!(3)).toBe(0);
  expect([guest['generation']!(), guest['hooks']!()]).toEqual([3, 1]);
  expect(guest['nonce']!()).toBe(0x0202020202020202n);
  guest['refuse']!(1);
  expect(guest['fargo_on_fork']!(4)).toBe(1);
  expect([guest['generation']!(), guest['hooks']!()]).toEqual([3, 2]);
});

test('big has its sizes', () => {
  for (const [name, pages] of [
    ['big-1m', 16],
    ['big-16m', 256],
    ['big-256m', 4096],
    ['big-1g', 16_384],
  ] as const) {
    const big = instantiate(name);
    expect(big['pages']!()).toBe(pages);
    const last = pages * 65_536 - 1;
    big['touch']!(last);
    expect(big['read']!(last)).toBe(1);
    expect(() => big['touch']!(last + 1)).toThrow(WebAssembly.RuntimeError);
    big['touchPages']!(2, 3, 9);
    expect(big['sum']!(0, 65_536)).toBe(27 + (last < 65_536 ? 1 : 0));
  }
});

test('grower grows, and finds headroom again', () => {
  const grower = instantiate('grower');
  const before = grower['pages']!();
  expect(grower['grow']!(2)).toBe(before);
  expect(grower['pages']!()).toBe(before + 2);
  grower['free']!(grower['malloc']!(9 << 20));
  const withHeadroom = grower['pages']!();
  const address = grower['alloc8m']!();
  expect(grower['sum8m']!(address)).toBe((2048 * 2047) / 2);
  expect(grower['pages']!()).toBe(withHeadroom);
  expect(grower['grow']!(100_000)).toBe(-1);
});

test('sieve counts primes', () => {
  const sieve = instantiate('sieve');
  for (const limit of [-5, 0, 1, 2, 3, 100, 1000, 9409]) expect(sieve['sieve']!(limit)).toBe(countPrimes(limit));
  expect(sieve['sieve']!(100)).toBe(25);
  const primes = Array.from({ length: 200 }, (_, n) => n).filter((n) => sieve['isPrime']!(n) === 1);
  expect(primes.length).toBe(46);
  expect(sieve['isPrime']!(2_147_483_647)).toBe(1);
  expect(sieve['sieve']!(2_000_000)).toBe(148_933);
});

describe('kv', () => {
  test('holds what it was warmed with', () => {
    const kv = instantiate('kv');
    expect(kv['lookup']!(1)).toBe(-1);
    expect(instantiate('kv')['increment']!(3, -4)).toBe(-4);
    expect(kv['warm']!(50_000)).toBe(50_000);
    for (const key of [0, 1, 777, 49_999]) expect(kv['lookup']!(key)).toBe(kv['warmValue']!(key));
    expect(kv['lookup']!(50_000)).toBe(-1);
    const digest = kv['digest']!();
    kv['put']!(777, 5);
    expect(kv['lookup']!(777)).toBe(5);
    expect(kv['size']!()).toBe(50_000);
    expect(kv['digest']!()).not.toBe(digest);
    expect(kv['increment']!(777, 7)).toBe(12);
    expect(kv['lookup']!(777)).toBe(12);
    kv['put']!(777, kv['warmValue']!(777));
    expect(kv['digest']!()).toBe(digest);
  });

  test('agrees with a Map about strings', () => {
    const kv = instantiate('kv');
    const model = new Map<string, string>();
    let seed = 12345;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    for (let step = 0; step < 20_000; step++) {
      const key = `key ${random(700)} é`;
      const [at, length] = pass(kv, key);
      const kind = random(3);
      if (kind === 0) {
        const value = 'v'.repeat(random(40)) + String(step);
        const [valueAt, valueBytes] = pass(kv, value);
        kv['set']!(at, length, valueAt, valueBytes);
        kv['free']!(valueAt);
        model.set(key, value);
      } else if (kind === 1) {
        expect(kv['remove']!(at, length)).toBe(model.delete(key) ? 1 : 0);
      } else {
        const found = kv['get']!(at, length);
        const text = found === 0 ? undefined : textAt(kv, found, kv['valueLength']!());
        expect(text).toBe(model.get(key));
      }
      kv['free']!(at);
    }
    expect(kv['size']!()).toBe(model.size);
    expect(model.size).toBeGreaterThan(100);
  });
});

describe('mandelbrot', () => {
  test('renders what the model renders, whole or by rows', () => {
    const mandelbrot = instantiate('mandelbrot');
    mandelbrot['render']!(64, 48, 100);
    const whole = mandelbrot['checksum']!();
    expect(whole).toBe(mandelbrotModel(64, 48, 100));
    mandelbrot['begin']!(64, 48, 100);
    expect(mandelbrot['checksum']!()).not.toBe(whole);
    for (let y = 47; y >= 0; y--) {
      expect(mandelbrot['renderRow']!(y)).toBe(mandelbrot['pixels']!() + y * 64 * 4);
    }
    expect(mandelbrot['renderRow']!(48)).toBe(0);
    expect(mandelbrot['checksum']!()).toBe(whole);
  });

  test('refuses a picture that no memory can hold', () => {
    const mandelbrot = instantiate('mandelbrot');
    expect(() => mandelbrot['begin']!(100_000, 100_000, 10)).toThrow(WebAssembly.RuntimeError);
  });
});

describe('repl', () => {
  const session = [
    ['x = 6', 'x = 6'],
    ['fact(n) = if(n < 2, 1, n * fact(n - 1))', 'fact(n) defined'],
    ['fact(x)', '720'],
    ['_ / 7 + 0.5', '103.35714285714286'],
    ['-2 ^ 2 * (3 - 1) % 5', '-3'],
    ['2 ^ -1', '0.5'],
    ['1 < 2 == 1', 'error: unexpected ='],
    ['(1 >= 2) != (2 > 1)', '1'],
    ['max(3, min(9, 4)) + abs(-1) + floor(2.7) + sqrt(16)', '11'],
    ['down(n) = if(n == 0, 0, 1 + down(n - 1))', 'down(n) defined'],
    ['down(300)', '300'],
    ['down(1000000)', 'error: calls nested too deep'],
    ['f() = y', 'f() defined'],
    ['f()', 'error: unknown name y'],
    ['y = 2 # two', 'y = 2'],
    ['f() + f()', '4'],
    ['fact(1, 2)', 'error: fact takes 1 arguments'],
    ['g(1)', 'error: no function g of 1 arguments'],
    ['1 / 0', 'error: division by zero'],
    ['1 +', 'error: unexpected end'],
    ['1.2.3', 'error: bad number 1.2.3'],
    ['(1', 'error: missing )'],
    ['('.repeat(500), 'error: nested too deep'],
    ['0 <= rand()', '1'],
    ['names', 'x _ y fact(n) down(n) f()'],
  ] as const;

  test('as a command, until its input ends', () => {
    const input = session.map(([line]) => `${line}\n`).join('') + '\n# nothing\nx + 1';
    const { code, output } = runCommand('repl', ['repl'], input);
    expect(code).toBeUndefined();
    expect(output.split('\n')).toEqual([...session.map(([, printed]) => printed), '7', '']);
    expect(runCommand('repl', ['repl'], '1 + 1\nexit\n2 + 2\n')).toEqual({ code: 0, output: '2\n' });
  });

  test('through eval, a session of 20,000 lines in bounded memory', () => {
    const wasi = {
      fd_read: unused,
      fd_write: unused,
      proc_exit: unused,
      random_get: unused,
      fd_fdstat_get: unused,
    };
    const repl = instantiate('repl', { wasi_snapshot_preview1: wasi });
    const run = (text: string): string => {
      const [at, length] = pass(repl, text);
      const printed = repl['eval']!(at, length);
      repl['free']!(at);
      return textAt(repl, printed, repl['resultLength']!());
    };
    for (const [line, printed] of session) expect(run(line)).toBe(printed);
    expect(run('a = 1\nb = a + 1\n\na + b')).toBe('a = 1\nb = 2\n3');
    for (let index = 0; index < 20_000; index++) run(`a = a + fact(${index % 10}) - fact(${index % 10}) + 1`);
    expect(run('a')).toBe('20001');
    expect(repl.memory.buffer.byteLength).toBeLessThanOrEqual(4 << 20);
  });
});
