/**
 * What a page downloads that makes a host, builds a guest, boots and forks it: less than 60 kB, compressed, without the guest.
 * WASI, saving and loading come when they are first needed. Bundled with what Vite bundles with, from the sources.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LIMIT_BYTES = 60_000;

const PAGE = `
import { fetchBytes, Host } from 'fargo-wasm/browser';
export async function page(address) {
  const host = await Host.create();
  const image = await host.build(await fetchBytes(address));
  const vm = await image.boot();
  vm.call('warm', 1000);
  const [a, b] = vm.snapshot().fork(2);
  a.call('put', 7, 1);
  b.call('put', 7, 2);
  return [host, vm, a.call('lookup', 7), b.call('lookup', 7)];
}`;

interface Chunk {
  readonly type: 'chunk';
  readonly fileName: string;
  readonly isEntry: boolean;
  readonly code: string;
  readonly imports: readonly string[];
  readonly moduleIds: readonly string[];
}

interface Bundler {
  rolldown(options: object): Promise<{
    generate(options: object): Promise<{ output: readonly (Chunk | { type: 'asset' })[] }>;
    write(options: object): Promise<unknown>;
  }>;
}

function resolve(from: string, name: string): string {
  return createRequire(from).resolve(name);
}

/** The bundler that vitest brings along. */
async function bundler(): Promise<Bundler> {
  const vite = resolve(resolve(join(ROOT, 'package.json'), 'vitest/package.json'), 'vite/package.json');
  return (await import(pathToFileURL(resolve(vite, 'rolldown')).href)) as Bundler;
}

async function bundled(source: string): ReturnType<Bundler['rolldown']> {
  const { rolldown } = await bundler();
  return rolldown({
    input: 'page',
    platform: 'browser',
    logLevel: 'warn',
    transform: { target: 'es2022' },
    resolve: {
      alias: {
        'fargo-wasm/browser': join(ROOT, 'src/platform/browser/index.ts'),
        'fargo-wasm': join(ROOT, 'src/index.ts'),
      },
    },
    plugins: [
      {
        name: 'page',
        resolveId: (id: string) => (id === 'page' ? join(ROOT, 'test/package/page.js') : undefined),
        load: (id: string) => (id.endsWith('test/package/page.js') ? source : undefined),
      },
    ],
  });
}

/** The chunks that are there before anything is asked for, and all others. */
async function chunksOf(source: string): Promise<{ first: Chunk[]; later: Chunk[] }> {
  const { output } = await (await bundled(source)).generate({ format: 'esm', minify: true });
  const chunks = new Map(output.filter((each) => each.type === 'chunk').map((each) => [each.fileName, each]));
  const first = new Set<Chunk>([...chunks.values()].filter(({ isEntry }) => isEntry));
  for (const { imports } of first) for (const name of imports) first.add(chunks.get(name)!);
  return { first: [...first], later: [...chunks.values()].filter((each) => !first.has(each)) };
}

const compressed = (chunks: readonly Chunk[]): number =>
  chunks.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0);

describe('what a page downloads', () => {
  test('is less than 60 kB, and nothing of what it does not use', async () => {
    const { first, later } = await chunksOf(PAGE);
    const bytes = compressed(first);
    console.log(`fargo-wasm/browser: ${bytes} bytes gzip; ${compressed(later)} more for WASI, saving and loading`);
    expect(bytes).toBeGreaterThan(20_000);
    expect(bytes).toBeLessThan(LIMIT_BYTES);
    const modules = first.flatMap(({ moduleIds }) => moduleIds);
    expect(modules.some((id) => id.endsWith('src/instrument/instrument.ts'))).toBe(true);
    expect(modules.filter((id) => /src\/(devices|image\/(tar|deflate|disk|zstd))\/|fflate|noble/.test(id))).toEqual([]);
  });

  test('with the host of fargo-wasm it is all at once', async () => {
    const { first } = await chunksOf(
      PAGE.replace(
        "import { fetchBytes, Host } from 'fargo-wasm/browser'",
        "import { Host } from 'fargo-wasm'",
      ).replace('await fetchBytes(address)', 'new Uint8Array(await (await fetch(address)).arrayBuffer())'),
    );
    const bytes = compressed(first);
    console.log(`fargo-wasm: ${bytes} bytes gzip`);
    expect(first.flatMap(({ moduleIds }) => moduleIds).some((id) => id.includes('/devices/wasi'))).toBe(true);
    expect(bytes).toBeLessThan(2 * LIMIT_BYTES);
  });

  test('one function of fargo-wasm alone brings that function', async () => {
    const { first, later } = await chunksOf(`export { memoryLayer } from 'fargo-wasm';`);
    expect(compressed([...first, ...later])).toBeLessThan(5_000);
  });
});

function guest(name: string): Uint8Array {
  return readFileSync(join(ROOT, `guests/build/${name}.wasm`));
}

function address(name: string): string {
  return `data:application/wasm;base64,${Buffer.from(guest(name)).toString('base64')}`;
}

describe('the page runs', () => {
  type Machine = { call(name: string): number; fork(): Machine; snapshot(): { save(): Promise<Uint8Array> } };
  type Host = {
    build(
      bytes: Uint8Array,
      options?: object,
    ): Promise<{ boot(): Promise<Machine & { tryCall(name: string): unknown }> }>;
    buildSync(bytes: Uint8Array): unknown;
    load(bytes: Uint8Array): Promise<{ fork(): Machine }>;
    dispose(): void;
  };
  let folder: string;
  let page: (address: string) => Promise<[Host, Machine, number, number]>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fargo-door-'));
    await (await bundled(PAGE)).write({ dir: folder, format: 'esm', entryFileNames: 'page.mjs', minify: true });
    ({ page } = (await import(/* @vite-ignore */ pathToFileURL(join(folder, 'page.mjs')).href)) as {
      page: typeof page;
    });
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('forks, and fetches WASI, saving and loading when they are needed', async () => {
    const [host, vm, a, b] = await page(address('kv'));
    expect([a, b]).toEqual([1, 2]);

    expect(() => host.buildSync(guest('hello'))).toThrow(expect.objectContaining({ code: 'missing-dependency' }));
    const image = await host.build(guest('hello'), { wasi: { args: ['hello', 'page', '4'] } });
    expect((await image.boot()).tryCall('_start')).toEqual({ kind: 'exit', code: 4 });
    host.buildSync(guest('hello'));

    await expect(host.build(new TextEncoder().encode('(module (memory 1)'))).rejects.toMatchObject({
      code: expect.stringMatching(/^(invalid-module|missing-dependency)$/) as string,
    });

    const file = await vm.snapshot().save();
    const loaded = await host.load(file);
    expect(loaded.fork().call('size')).toBe(1000);
    host.dispose();
  });
});
