/** A source as a sandbox: values, state, errors, entropy, limits. */

import { afterAll, beforeAll, expect, test } from 'vitest';

import { setParanoid } from '../../src/base/assert.ts';
import { Host } from '../../src/component/host.ts';
import {
  GuestError,
  loadSandbox,
  sandbox,
  ValueError,
  type NodeSandboxOptions,
  type Sandbox,
} from '../../src/js/node/index.ts';
import { TrapError } from '../../src/machine/outcome.ts';
import { BUILD_MS, describeWithTools, tools } from './tools.ts';

const SOURCE = `
  import { get, fail, promise } from 'db';
  import * as db from 'db';
  import answer from 'config';

  let count = 0;
  const table = new Map(Array.from({ length: 2000 }, (_, i) => ['key' + i, { square: i * i }]));
  const recent = [];

  export function handle(input) {
    count++;
    recent.push(input);
    if (recent.length > 10) recent.shift();
    return { count, square: table.get('key' + input.length).square, recent };
  }
  export const echo = (...args) => args;
  export const host = (key) => [get(key), db.get(key), answer.value()];
  export function hostFails() {
    try { fail(); } catch (error) { return [error instanceof Error, error.name, error.message]; }
  }
  export const hostPromises = () => promise();
  export const later = () => import('db').then((module) => module.get('late'));
  export const where = () => import.meta.url;
  export function deep() {
    function inner() { null.member; }
    inner();
  }
  export async function rejects() { count++; await null; throw new RangeError('later'); }
  export const throwsValue = () => { throw { code: 7 }; };
  export const recursive = () => recursive() + 1;
  export const never = () => { count++; return new Promise(() => {}); };
  export const spin = () => { count++; for (;;); };
  export const fill = () => { count++; const all = []; for (;;) all.push(new Float64Array(100000).fill(all.length + 1)); };
  export const sleep = (ms) => new Promise((resolve) => setTimeout(() => resolve('slept'), ms));
  export const log = (...args) => { console.log(...args); console.error('fault'); };
  export const noisy = () => { console.log('lost'); for (;;); };
  export const symbol = () => Symbol('no');
  export const draw = () => ({ random: [Math.random(), Math.random()], id: crypto.randomUUID(),
    bytes: crypto.getRandomValues(new Uint8Array(8)), now: Date.now(), monotonic: performance.now() });
  export const counted = () => count;
  export { handle as 'other name', answer };
  export default class {}
`;
const imports = {
  db: {
    get: (key: string) => ({ key, at: new Date(5), big: 5n }),
    fail() {
      throw new RangeError('no such table');
    },
    promise: async () => 1,
  },
  config: { value: () => 42 },
};

const message = (what: string): string => `${what} draws entropy while the template is made`;

describeWithTools('sandboxes', () => {
  let host: Host;
  let template: Sandbox;

  const make = (source: string, options: NodeSandboxOptions = {}): Promise<Sandbox> =>
    sandbox(source, { ...tools, host, ...options });

  beforeAll(async () => {
    // The checks walk all of a memory of 20 MB at each call.
    setParanoid(false);
    host = await Host.create();
    template = await make(SOURCE, {
      imports,
      warm: [
        ['handle', 'warm'],
        ['log', 'warm'],
      ],
    });
  }, BUILD_MS);

  afterAll(() => {
    template?.dispose();
    host?.dispose();
  });

  test('a call gives what the source returns; children diverge, the template stays', () => {
    const [a, b] = template.fork(2);
    expect(a!.call('handle', 'abc')).toEqual({ count: 2, square: 9, recent: ['warm', 'abc'] });
    expect(a!.call('handle', 'abcd')).toEqual({ count: 3, square: 16, recent: ['warm', 'abc', 'abcd'] });
    const grandchild = a!.fork();
    expect(grandchild.call('counted')).toBe(3);
    grandchild.call('handle', 'x');
    expect([grandchild.call('counted'), a!.call('counted'), b!.call('counted')]).toEqual([4, 3, 1]);
    const later = a!.snapshot();
    expect(later.run('counted')).toBe(3);
    a!.reset();
    expect(a!.call('counted')).toBe(1);
    expect(template.run('handle', '')).toEqual({ count: 2, square: 0, recent: ['warm', ''] });
    for (const each of [a!, b!, grandchild, later]) each.dispose();
    expect(host.audit().faults).toEqual([]);
  });

  test('values cross both ways', () => {
    const values = [
      undefined,
      null,
      -0,
      Number.NaN,
      12n ** 40n,
      'ä\u{1f600}\ud800',
      new Date(7),
      { $: [1], a: { b: [] } },
    ];
    const held = [new Map<unknown, unknown>([[{ k: 1 }, new Set([1, undefined])]]), new Uint8Array([0, 255, 3])];
    expect(template.run('echo', ...values, ...held)).toEqual([...values, ...held]);
    expect(() => template.run('echo', () => 1)).toThrow(ValueError);
    expect(() => template.run('symbol')).toThrow('a symbol can');
  });

  test('functions of the host', () => {
    const got = { key: 'k', at: new Date(5), big: 5n };
    expect(template.run('host', 'k')).toEqual([got, got, 42]);
    expect(template.run('hostFails')).toEqual([true, 'RangeError', 'no such table']);
    expect(template.run('later')).toEqual({ ...got, key: 'late' });
    expect(() => template.run('hostPromises')).toThrow("promise of 'db' returned a promise");
    expect(template.run('where')).toBe('app.js');
  });

  test('a host function may call another sandbox: each has its own functions', async () => {
    const inner = await make(`import { name } from 'who'; export const ask = () => name();`, {
      imports: { who: { name: () => 'inner' } },
    });
    const outer = await make(
      `import { name, deeper } from 'who'; export const ask = () => [name(), deeper(), name()];`,
      {
        imports: { who: { name: () => 'outer', deeper: () => inner.run('ask') } },
      },
    );
    expect(outer.run('ask')).toEqual(['outer', 'inner', 'outer']);
    // All of them are machines of one engine, but functions of the host are given to descendants alone.
    const stranger = inner.fork();
    expect(() => outer.adopt(stranger.vm)).toThrow(expect.objectContaining({ code: 'bad-argument' }));
    const child = outer.fork().vm.fork();
    expect(outer.adopt(child).call('ask')).toEqual(['outer', 'inner', 'outer']);
    for (const each of [stranger, child]) each.dispose();
    outer.dispose();
    inner.dispose();
  });

  test('errors have the stack of the source', () => {
    const failed = (name: string): GuestError => {
      try {
        template.run(name);
      } catch (error) {
        if (error instanceof GuestError) return error;
        throw error;
      }
      throw new Error('it did not fail');
    };
    const deep = failed('deep');
    expect(deep.name).toBe('TypeError');
    const line = SOURCE.split('\n').findIndex((each) => each.includes('null.member')) + 1;
    expect(deep.guestStack[0]).toMatch(new RegExp(`^inner \\(app\\.js:${line}:\\d+\\)$`));
    expect(deep.guestStack[1]).toMatch(/^deep \(app\.js:/);
    expect(deep.guestStack).toHaveLength(2);
    expect(deep.stack).toContain('sandbox.test.ts');
    expect(failed('rejects')).toMatchObject({ name: 'RangeError', message: 'later' });
    expect(failed('throwsValue').thrown).toEqual({ code: 7 });
    expect(failed('recursive')).toMatchObject({ name: 'InternalError', message: 'too much recursion' });
    expect(failed('never').message).toBe('app.js: never() gave a promise that never settles; the call is undone');
    const child = template.fork();
    expect(() => child.call('rejects')).toThrow('later');
    expect(child.call('counted')).toBe(2);
    expect(() => child.call('never')).toThrow('never settles');
    expect(child.call('counted')).toBe(2);
    child.dispose();
    expect(() => template.run('nothing')).toThrow(/app\.js exports no function nothing; it exports handle, echo/);
  });

  test('limits end a call and undo it', async () => {
    const small = await make(SOURCE, { imports, limits: { budget: 300_000_000, memoryPages: 640 } });
    const child = small.fork();
    for (const name of ['spin', 'noisy', 'fill']) {
      expect(() => child.call(name), name).toThrow(name === 'fill' ? 'memory' : TrapError);
      // That memory is full is an error in the guest: it might have caught it.
      expect(child.call('counted'), name).toBe(name === 'fill' ? 1 : 0);
    }
    expect(child.takeOutput().filter(({ text }) => text.includes('lost'))).toEqual([]);
    expect(child.call('echo', 1)).toEqual([1]);
    child.dispose();
    small.dispose();
  });

  test('timers sleep, but not for long', async () => {
    const hasty = await make(SOURCE, { imports, sleepMs: 50 });
    const child = hasty.fork();
    expect(child.call('sleep', 10)).toBe('slept');
    expect(() => child.call('sleep', 500)).toThrow('the call would sleep longer than 50 ms');
    expect(child.call('counted')).toBe(0);
    child.dispose();
    hasty.dispose();
  });

  test('what loads for ever ends too', async () => {
    await expect(make('for (;;);', { limits: { budget: 100_000_000 } })).rejects.toThrow('budget');
    await expect(make('await new Promise(() => {});')).rejects.toThrow('never settles');
  });

  test('console output, of the template and of a child', async () => {
    const said: string[] = [];
    const loud = await make(`console.log('top'); ${SOURCE}`, {
      imports,
      onOutput: ({ stream, text }) => said.push(`${stream}: ${text}`),
    });
    loud.run('log', 'text', { a: [1] });
    expect(said).toEqual(['stdout: top\n', 'stdout: text { a: [1] }\n', 'stderr: fault\n']);
    // Longer than the pieces that output comes in, which end anywhere.
    const long = `\ufeff${'€'.repeat(30_000)}`;
    said.length = 0;
    loud.run('log', long);
    expect(
      said
        .filter((each) => each.startsWith('stdout'))
        .map((each) => each.slice('stdout: '.length))
        .join(''),
    ).toBe(`${long}\n`);
    loud.dispose();
    const child = template.fork();
    child.call('log', 1);
    expect(child.takeOutput()).toEqual([
      { stream: 'stdout', text: '1\n' },
      { stream: 'stderr', text: 'fault\n' },
    ]);
    child.call('log', long);
    const [first, ...others] = child.takeOutput().filter(({ stream }) => stream === 'stdout');
    expect([first, ...others].map((each) => each!.text).join('')).toBe(`${long}\n`);
    expect(others.length).toBeGreaterThan(0);
    child.dispose();
  });

  test('100 children: random numbers and clocks of their own', () => {
    const drawn = template.fork(100).map((child) => {
      const [first, second] = [child.call('draw'), child.call('draw')];
      const twin = child.fork();
      const all = [first, second, twin.call('draw'), child.call('draw')];
      for (const each of [child, twin]) each.dispose();
      return all;
    });
    const all = drawn.flat();
    expect(new Set(all.flatMap(({ random }) => random)).size).toBe(800);
    expect(new Set(all.map(({ id }) => id)).size).toBe(400);
    expect(new Set(all.map(({ bytes }) => String(bytes))).size).toBe(400);
    const mean = all.flatMap(({ random }) => random as number[]).reduce((sum, each) => sum + each, 0) / 800;
    expect(mean).toBeGreaterThan(0.4);
    expect(mean).toBeLessThan(0.6);
    for (const { now } of all) expect(Math.abs((now as number) - Date.now())).toBeLessThan(60_000);
    for (const [first, second, , last] of drawn) {
      expect(second!.monotonic).toBeGreaterThan(first!.monotonic as number);
      expect(last!.now).toBeGreaterThanOrEqual(second!.now as number);
    }
  });

  test('a template draws no entropy, unless that is allowed', async () => {
    await expect(make('export const seed = Math.random();')).rejects.toThrow(message('Math.random()'));
    await expect(make(SOURCE, { imports, warm: [['draw']] })).rejects.toThrow(message('Math.random()'));
    await expect(make('const id = crypto.randomUUID(); export const f = () => id;')).rejects.toThrow(
      message('crypto.randomUUID()'),
    );
    const caught = await make(
      `let error; try { Math.random() } catch (e) { error = e.message } export const f = () => error;`,
    );
    expect(caught.run('f')).toContain(message('Math.random()'));
    caught.dispose();
    const allowed = await make('const id = crypto.randomUUID(); export const f = () => [id, Math.random()];', {
      templateEntropy: 'allow',
    });
    const [a, b] = [allowed.run('f'), allowed.run('f')];
    expect(a[0]).toBe(b[0]);
    expect(a[1]).not.toBe(b[1]);
    allowed.dispose();
  });

  test('what a source breaks is its own', async () => {
    const broken = await make(`
      Object.defineProperty(Object.prototype, '$', { get: () => ['undefined'], set() {} });
      export const f = () => ({ __proto__: null, ['__proto__']: { polluted: 1 }, constructor: 1 });
      export const smash = () => {
        Array.prototype.map = () => { throw new Error('map') };
        Map.prototype.get = () => 1;
        JSON.parse = JSON.stringify = Math.random = globalThis.eval = undefined;
      };`);
    const child = broken.fork();
    for (const name of ['f', 'smash', 'f', 'smash']) {
      try {
        const given: unknown = child.call(name);
        if (given !== undefined) expect(Object.getPrototypeOf(given)).toBe(Object.prototype);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }
    child.dispose();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    broken.dispose();
    const odd = await make(`
      const failing = (error, name) => Object.defineProperty(error, name, { get() { throw new Error('get'); } });
      export const stackless = () => { throw failing(new RangeError('kept'), 'stack'); };
      export const nameless = () => { throw failing(new RangeError('kept'), 'name'); };
      export const proxied = () => { throw new Proxy({}, { getPrototypeOf() { throw new Error('trap'); } }); };
      JSON.parse = JSON.stringify = () => '{{{';
      export const echo = (...args) => args;`);
    expect(odd.run('echo', { a: [1] })).toEqual([{ a: [1] }]);
    expect(() => odd.run('stackless')).toThrow(expect.objectContaining({ name: 'RangeError', message: 'kept' }));
    for (const name of ['nameless', 'proxied']) expect(() => odd.run(name), name).toThrow(GuestError);
    odd.dispose();
    expect(template.run('counted')).toBe(1);
  });

  test('a template as a file, in another host', async () => {
    const file = await template.save();
    const other = await Host.create();
    try {
      const said: string[] = [];
      const there = await loadSandbox(file, {
        host: other,
        imports,
        onOutput: ({ text }) => said.push(text),
        cache: tools.cache,
      });
      expect(there.functions).toEqual(template.functions);
      expect(there.run('handle', 'abc')).toEqual({ count: 2, square: 9, recent: ['warm', 'abc'] });
      const got = { key: 'k', at: new Date(5), big: 5n };
      expect(there.run('host', 'k')).toEqual([got, got, 42]);
      const stack = expect.arrayContaining([expect.stringMatching(/^inner \(app\.js:/)]) as string[];
      expect(() => there.run('deep')).toThrow(expect.objectContaining({ guestStack: stack }));
      there.run('log', 'there');
      expect(said).toEqual(['there\n', 'fault\n']);
      const drawn = [there.run('draw'), there.run('draw'), template.run('draw')];
      expect(new Set(drawn.flatMap(({ random }) => random as number[])).size).toBe(6);
      await expect(loadSandbox(file.subarray(0, 1000), { host: other })).rejects.toThrow();
      const counter = await (await other.build('(module (memory (export "memory") 1))')).boot();
      await expect(loadSandbox(await counter.snapshot().save(), { host: other })).rejects.toThrow(
        'without a JavaScript engine',
      );
      for (const budget of [true, false]) {
        const text = '(component (core module $m) (core instance (instantiate $m)))';
        const empty = await (await other.build(text, { budget })).boot();
        const emptyFile = await empty.save();
        const { snapshots, machines } = other.usage();
        await expect(loadSandbox(emptyFile, { host: other })).rejects.toThrow(/without a (sandbox|JavaScript engine)/);
        expect(other.usage()).toMatchObject({ snapshots, machines });
      }
    } finally {
      other.dispose();
    }
  });

  test('what a guest gives is not larger than its host can bear', async () => {
    const large = await make(
      `
      export const text = (length) => 'x'.repeat(length);
      export const throws = (length) => { throw Object.assign(new Error('m'.repeat(length)), { stack: 's@x:1:1\\n'.repeat(length) }); };`,
      { limits: { memoryPages: 16_384 } },
    );
    expect(large.run('text', 1 << 20)).toHaveLength(1 << 20);
    try {
      large.run('throws', 1 << 16);
      expect.fail('it did not throw');
    } catch (error) {
      expect(error).toBeInstanceOf(GuestError);
      expect((error as GuestError).message.length).toBeLessThan(17_000);
      expect((error as GuestError).guestStack).toHaveLength(100);
    }
    large.dispose();
  });

  test('sources that are wrong', async () => {
    const wrong: [source: string, message: string | RegExp][] = [
      ['export const = 1', /Unexpected token \(1:13\)/],
      [`import x from 'node:fs'; x;`, "import of 'node:fs': the host gives nothing"],
      [`export * from 'x'`, 'export * from is not known'],
      ['('.repeat(300_000), /nested too deeply|Not enough stack space/],
      [`export const x = ${'1+'.repeat(50_000)}1`, /too much recursion|nested too deeply|Not enough stack space/],
      [`throw new TypeError('top');`, 'top'],
    ];
    for (const [source, message] of wrong) {
      await make(source).then(
        () => expect.fail(`a source that is wrong was taken: ${source.slice(0, 40)}`),
        (error: Error) => expect(error.message).toMatch(message),
      );
    }
    const withImports = make(`import { put } from 'db'; put();`, { imports });
    await expect(withImports).rejects.toThrow("'db' has no export 'put': it has get, fail, promise");
    expect(host.audit().faults).toEqual([]);
  });
});
