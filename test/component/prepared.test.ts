/** What was made of a component before: with it nothing of jco is needed, and no text becomes code. */

import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parse } from '@bytecodealliance/jco';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPrepared, writePrepared } from '../../src/component/prepared.ts';
import {
  Host,
  prepareComponent,
  preparedModule,
  type ComponentImports,
  type ComponentMachine,
  type ComponentSnapshot,
  type PreparedComponent,
} from '../../src/index.ts';
import { Host as PageHost } from '../../src/platform/browser/index.ts';
import { componentCache } from '../../src/platform/node/index.ts';
import { componentOf, COMPOSED, COUNTER_WAT, COUNTER_WIT } from './components.ts';

let folder: string;
let host: Host;
let counter: Uint8Array;
let prepared: PreparedComponent;
const imports: ComponentImports = { log: () => {} };
const inProject = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fargo-prepared-'));
  host = await Host.create();
  counter = await componentOf(COUNTER_WIT, COUNTER_WAT);
  prepared = await prepareComponent(counter);
});

afterAll(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
  rmSync(folder, { recursive: true });
});

async function bumped(given: PreparedComponent): Promise<unknown> {
  const image = await host.build(counter, { imports, prepared: given });
  using vm = (await image.boot()) as ComponentMachine;
  const item = new vm.exports.store.Item(2);
  return [vm.exports.bump(2), item.add(1), vm.fork().exports.store.live()];
}

test('is plain data without the component, from which the same machine boots', async () => {
  expect(await bumped(structuredClone(prepared))).toEqual([2, 3, 1]);
  expect(prepared.modules.every((each) => 'at' in each)).toBe(true);
});

test('as a module of JavaScript it is no text that becomes code', async () => {
  const path = join(folder, 'counter.mjs');
  writeFileSync(path, preparedModule(prepared));
  const { prepared: imported } = (await import(pathToFileURL(path).href)) as { prepared: PreparedComponent };
  const before = globalThis.Function;
  globalThis.Function = new Proxy(before, {
    construct() {
      throw new EvalError('text may not become code here');
    },
  });
  try {
    await expect(bumped(prepared)).rejects.toMatchObject({ code: 'unsupported' });
    expect(await bumped(imported)).toEqual([2, 3, 1]);
  } finally {
    globalThis.Function = before;
  }
});

test('modules that stand nowhere in the component are in it', async () => {
  const composed = await parse(COMPOSED);
  const made = await prepareComponent(composed);
  const kinds = made.modules.map((each) => ('hex' in each ? 'whole' : 'place'));
  expect(kinds).toContain('place');
  using image = await host.build(composed, { prepared: made, imports: { greet: () => 'x' } });
  using vm = (await image.boot()) as ComponentMachine;
  expect(Object.keys(vm.exports)).toContain('hello');
});

test('of another component, or another version, it is refused', async () => {
  const other = await componentOf(COUNTER_WIT, COUNTER_WAT.replace('bumped', 'dumped'));
  const refused = { code: 'bad-argument' };
  await expect(host.build(other, { imports, prepared })).rejects.toMatchObject(refused);
  await expect(host.build(counter, { imports, prepared: { ...prepared, version: 0 } })).rejects.toMatchObject(refused);
  await expect(host.build(await parse('(module)'), { prepared })).resolves.toBeDefined();
});

test('names that would be code are refused before anything is made of them', async () => {
  const evil = await parse(`(component (core module (func (export "x'];globalThis.polluted=1;['"))))`);
  await expect(prepareComponent(evil)).rejects.toMatchObject({ code: 'unsupported' });
});

test('a saved machine is loaded with it in a process that has no jco', async () => {
  const image = await host.build(counter, { imports });
  using vm = (await image.boot()) as ComponentMachine;
  vm.exports.bump(41);
  const files = { 'warm.fargo': await vm.save(), 'prepared.json': await writePrepared(prepared) };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  // The package with what it depends on, and nothing else.
  cpSync(inProject('dist'), join(folder, 'dist'), { recursive: true, filter: (path) => !path.endsWith('/web') });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(folder, 'node_modules'));
  for (const name of ['fflate', '@noble']) {
    symlinkSync(inProject(`node_modules/${name}`), join(folder, 'node_modules', name), 'junction');
  }
  const script = join(folder, 'load.mjs');
  writeFileSync(
    script,
    `import { readFileSync } from 'node:fs';
    import { Host } from './dist/index.js';
    import { readPrepared } from './dist/component/prepared.js';
    const [file, stored] = process.argv.slice(2).map((path) => new Uint8Array(readFileSync(path)));
    const host = await Host.create();
    const imports = { log() {} };
    const without = await host.load(file, { imports }).catch(({ code }) => code);
    const snapshot = await host.load(file, { imports, prepared: await readPrepared(stored) });
    console.log(without, snapshot.fork().exports.bump(1));
    host.dispose();`,
  );
  const paths = Object.keys(files).map((name) => join(folder, name));
  expect(execFileSync(process.execPath, [script, ...paths], { encoding: 'utf8' })).toBe('missing-dependency 42\n');
});

test('the host for pages builds, saves and loads with it', async () => {
  const page = await PageHost.create();
  const image = await page.build(counter, { imports, prepared });
  const vm = (await image.boot()) as ComponentMachine;
  vm.exports.bump(6);
  const file = await vm.save();
  page.dispose();
  const another = await PageHost.create();
  const loaded = (await another.load(file, { imports, prepared })) as ComponentSnapshot;
  expect(loaded.fork().exports.bump(1)).toBe(7);
  expect(await loaded.save()).toEqual(file);
  another.dispose();
});

test('a damaged copy of it is refused, or is of no use', async () => {
  const refused = { code: expect.stringMatching(/bad-argument|invalid-module|unsupported|link/) as string };
  const [first] = prepared.modules;
  for (const damaged of [
    { ...prepared, component: `sha256:${'0'.repeat(64)}` },
    { ...prepared, modules: [] },
    { ...prepared, modules: [{ ...first!, at: 0 }, ...prepared.modules.slice(1)] },
    { ...prepared, modules: [{ file: first!.file, hex: '00' }, ...prepared.modules.slice(1)] },
    { ...prepared, imports: ['other'] },
    { ...prepared, glue: 'export function instantiate() {}' },
    { ...prepared, glue: 7 },
  ]) {
    await expect(host.build(counter, { imports, prepared: damaged as PreparedComponent })).rejects.toMatchObject(
      refused,
    );
  }
});

describe('a cache', () => {
  test('is asked before jco, and told what jco made', async () => {
    const kept = new Map<string, Uint8Array>();
    const asked: string[] = [];
    const cache = {
      read: async (digest: string) => {
        asked.push(digest);
        return kept.get(digest);
      },
      write: async (digest: string, bytes: Uint8Array) => void kept.set(digest, bytes),
    };
    const fresh = await componentOf(COUNTER_WIT, COUNTER_WAT.replace('bumped', 'first!'));
    await host.build(fresh, { imports, cache });
    expect([...kept.keys()]).toEqual(asked);
    const [bytes] = kept.values();
    expect(await readPrepared(bytes!)).toMatchObject({ component: asked[0] });
  });

  test('in a folder takes no damaged file, and none of another version of jco', async () => {
    const at = join(folder, 'cache');
    const cache = componentCache(at);
    const { component } = prepared;
    expect(await cache.read(component)).toBeUndefined();
    const bytes = await writePrepared(prepared);
    await cache.write(component, bytes);
    const [name, ...more] = readdirSync(at);
    expect([name, more]).toEqual([expect.stringMatching(/^[0-9a-f]{64}-1\.\d+\.\d+\.json$/), []]);
    expect(new Uint8Array((await cache.read(component))!)).toEqual(bytes);
    const damaged = bytes.slice();
    damaged[5000]! ^= 1;
    expect(await readPrepared(damaged)).toBeUndefined();
    expect(await readPrepared(bytes.subarray(0, 50))).toBeUndefined();
    writeFileSync(join(at, name!.replace(/-1\..*/, '-0.9.0.json')), bytes);
    rmSync(join(at, name!));
    expect(await cache.read(component)).toBeUndefined();
  });

  test('keeps what was used last, and other people’s files', async () => {
    const at = join(folder, 'many');
    const cache = componentCache(at);
    writeFileSync(join(at, 'notes.txt'), 'mine');
    for (let i = 0; i < 70; i++) {
      const digits = i.toString(16).padStart(64, '0');
      await cache.write(`sha256:${digits}`, Uint8Array.of(i));
      const file = readdirSync(at).find((name) => name.startsWith(digits))!;
      utimesSync(join(at, file), i, i);
    }
    await cache.write(`sha256:${'f'.repeat(64)}`, Uint8Array.of(1));
    const names = readdirSync(at);
    expect(names).toContain('notes.txt');
    expect(names.length).toBe(65);
    expect(names.some((name) => name.startsWith('0'.repeat(64)))).toBe(false);
    expect(readFileSync(join(at, 'notes.txt'), 'utf8')).toBe('mine');
  });

  test.skipIf(process.getuid === undefined)('in a folder that others can write is refused', () => {
    const at = join(folder, 'open');
    componentCache(at);
    expect(statSync(at).mode & 0o777).toBe(0o700);
    chmodSync(at, 0o777);
    expect(() => componentCache(at)).toThrow(expect.objectContaining({ code: 'io' }));
  });

  test.skipIf(process.getuid === undefined)('takes no file that others could have written', async () => {
    const at = join(folder, 'files');
    const cache = componentCache(at);
    await cache.write(prepared.component, Uint8Array.of(1));
    const path = join(at, readdirSync(at)[0]!);
    expect(await cache.read(prepared.component)).toEqual(expect.objectContaining({ length: 1 }));
    for (const mode of [0o620, 0o602]) {
      chmodSync(path, mode);
      expect(await cache.read(prepared.component), mode.toString(8)).toBeUndefined();
    }
  });

  test('is never in the working directory unless that is said', () => {
    const before = process.env['XDG_CACHE_HOME'];
    const local = process.env['LOCALAPPDATA'];
    const at = `fargo-relative-${process.pid}`;
    try {
      process.env['XDG_CACHE_HOME'] = process.env['LOCALAPPDATA'] = at;
      expect(() => componentCache()).toThrow(expect.objectContaining({ code: 'io' }));
      expect(existsSync(at)).toBe(false);
    } finally {
      rmSync(at, { recursive: true, force: true });
      for (const [name, value] of Object.entries({ XDG_CACHE_HOME: before, LOCALAPPDATA: local })) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });
});
