/**
 * The format does not change by accident: files of earlier builds load and are saved again byte for byte, machines built
 * anew give the same bytes, and what stands where is listed.
 *
 * `BLESS=1 npx vitest run test/snapshot/golden.test.ts` makes `golden/*.fargo` and `golden/*.txt` anew, from the
 * machines below. A change of the bytes is a change of the format: see docs/snapshot-format.md, "Versions".
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { gunzipSync, gzipSync } from 'fflate';
import { describe, expect, test } from 'vitest';

import type * as Components from '../component/components.ts';
import { MediaType } from '../../src/image/snapshot/media-types.ts';
import { readMembers } from '../../src/image/tar/members.ts';
import {
  type ComponentMachine,
  filesOf,
  Host,
  type Imports,
  type LoadOptions,
  prepareComponent,
  type PreparedComponent,
  type Snapshot,
} from '../../src/index.ts';
import { wasmFromText } from '../../src/wasm/text.ts';
import { WasiMachine, wrapperModule } from '../wasi/machine-calls.ts';
import { partsOf } from './parts.ts';

const BLESS = Boolean(process.env['BLESS']);
const FOLDER = fileURLToPath(new URL('golden/', import.meta.url));
const imports = { host: { twice: (_vm: unknown, value: number) => 2 * value } };

const BASE = `(module (import "env" "m" (memory 1 4)) (import "host" "twice" (func (param i32) (result i32)))
  (import "env" "c" (global f32)) (table (export "t") 2 5 funcref) (global (export "g") (mut f64) (f64.const nan:0x4))
  (global $v (mut v128) (v128.const i64x2 1 2)) (global $r (mut funcref) (ref.null func)) (global $x (mut externref) (ref.null extern))
  (elem (i32.const 0) func $f) (elem $e func $f) (data (i32.const 4094) "across") (data $d "passive")
  (func $f (export "f") (result i32) (i32.const 7))
  (func (export "change") (global.set $r (ref.func $f)) (table.set (i32.const 1) (ref.func $f))
    (data.drop $d) (drop (memory.grow (i32.const 1))) (drop (table.grow (ref.null func) (i32.const 1)))))`;
const USER = `(module (import "base" "t" (table 3 funcref)) (import "base" "f" (func (result i32))) (memory 1)
  (data (i32.const 10) "own") (func (export "h") (result i32) (call 0)))`;

/**
 * What jco 1.35 made of the component of `component.fargo`, for a newer jco makes other glue. It is no part of the file's format,
 * but without it the file could not be loaded.
 */
const PREPARED = `${FOLDER}component.prepared.gz`;

function preparedOption(): { readonly prepared?: PreparedComponent } {
  if (BLESS) return {};
  const text = new TextDecoder().decode(gunzipSync(readFileSync(PREPARED)));
  return { prepared: JSON.parse(text) as PreparedComponent };
}

const made: Modules = async (_position, text) => {
  if (text !== COMPONENT) return wasmFromText(text);
  // Not for engines that these tests are bundled for.
  const path: string = '../component/components.ts';
  const { componentOf, COUNTER_WAT, COUNTER_WIT } = (await import(/* @vite-ignore */ path)) as typeof Components;
  const component = await componentOf(COUNTER_WIT, COUNTER_WAT);
  const prepared = JSON.stringify({ ...(await prepareComponent(component)), types: {} });
  writeFileSync(PREPARED, gzipSync(new TextEncoder().encode(prepared), { mtime: 0 }));
  return component;
};

const COMPONENT = 'the component of the tests of components';
const noLog = { log() {} } as unknown as Imports;

/** Modules of a machine: those of the golden file, so that no parser of text decides, or newly made ones. */
type Modules = (position: number, text: string) => Promise<Uint8Array>;

interface Case {
  readonly name: string;
  readonly options: LoadOptions;
  make(host: Host, modules: Modules): Promise<{ readonly snapshot: Snapshot; readonly parent?: Snapshot }>;
}

async function bootBase(host: Host, modules: Modules): Promise<Snapshot> {
  const image = await host.build(await modules(0, BASE), {
    imports: { ...imports, env: { c: 1.5, m: { memory: { initial: 2, maximum: 4 } } } },
    budget: true,
  });
  const vm = image.bootSync({ limits: { budget: 5000, memoryPages: 4 } });
  vm.call('change');
  host.name(vm, 'base');
  host.link(vm, await modules(1, USER), { name: 'user', exactCalls: true });
  const snapshot = vm.fork().snapshot();
  return snapshot;
}

const CASES: readonly Case[] = [
  {
    name: 'linked',
    options: { imports },
    make: async (host, modules) => ({ snapshot: await bootBase(host, modules) }),
  },
  {
    name: 'files',
    options: {},
    make: async (host, modules) => {
      const image = await host.build(await modules(0, wrapperModule()), {
        wasi: {
          args: ['program', 'ä'],
          env: { NAME: 'value' },
          files: { directory: { file: 'contents', empty: '' }, gone: 'open, and removed' },
          stdin: 'the input',
          seed: 'a seed',
          time: { freeze: true, realtimeNs: 1_700_000_000_000_000_001n },
          clock: { realtimeNs: () => 5n, monotonicNs: () => 6n },
          terminal: { stdin: false },
        },
      });
      const vm = new WasiMachine(image.bootSync());
      vm.read(0, 4);
      vm.call('random_get', 0, 5);
      vm.read(vm.open(3, 'directory/file', { append: true }), 3);
      vm.open(3, 'gone', {});
      vm.path('path_unlink_file', 3, 'gone');
      filesOf(vm.vm).write('sparse', 'end', { offset: 10_000 });
      vm.link(3, 'sparse', 3, 'directory/hard');
      vm.symlink('directory', 3, 'link');
      return { snapshot: vm.vm.snapshot() };
    },
  },
  {
    name: 'component',
    options: { imports: noLog, ...preparedOption() },
    make: async (host, modules) => {
      const component = await modules(0, COMPONENT);
      const image = await host.build(component, { imports: noLog, ...preparedOption() });
      const vm = (await image.boot()) as ComponentMachine;
      vm.exports.bump(1000);
      vm.exports.put(5, 55);
      const items = vm.exports.store.make(Uint32Array.of(1, 2, 3));
      items[1].dispose();
      return { snapshot: vm.snapshot() };
    },
  },
  {
    name: 'difference',
    options: { imports },
    make: async (host) => {
      const parent = await host.load(readFileSync(`${FOLDER}linked.fargo`), { imports });
      const child = parent.fork();
      child.memoryOf(1, 0).fill(4096, 0, 4096);
      child.memoryOf(1, 0).write(5, Uint8Array.of(1, 2, 3));
      child.setGlobal('g', 0.5, 1);
      return { snapshot: child.snapshot(), parent };
    },
  },
];

function hexOf(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`  ${at.toString(16).padStart(6, '0')}  ${hex.padEnd(47)}  ${text}`);
  }
  // Pages and runs of zeros are long.
  return lines.filter((line, at) => at === 0 || line.slice(8) !== lines[at - 1]!.slice(8));
}

/** What is in a file, to be read by people. */
async function listingOf(file: Uint8Array): Promise<string> {
  const source = {
    sizeBytes: file.length,
    read: (at: number, into: Uint8Array): void => into.set(file.subarray(at, at + into.length)),
  };
  const lines = [`${file.length} bytes`, ''];
  for (const { offset, path, kind, sizeBytes } of readMembers(source)) {
    lines.push(`${String(offset).padStart(8)} ${kind.padEnd(9)} ${String(sizeBytes).padStart(7)} ${path}`);
  }
  const { config, layers } = await partsOf(file);
  lines.push('', JSON.stringify(config, undefined, 2));
  for (const [digest, { mediaType, bytes }] of layers) {
    lines.push('', `${digest} ${mediaType}, ${bytes.length} bytes`);
    if (mediaType !== MediaType.module) lines.push(...hexOf(bytes));
  }
  return `${lines.join('\n')}\n`;
}

const modulesOf = async (file: Uint8Array): Promise<Modules> => {
  const { config, layers } = await partsOf(file);
  if (config.component !== undefined) return async () => layers.get(config.component.module as string)!.bytes;
  const digests = (config.program.units as { module?: string }[]).flatMap(({ module }) => module ?? []);
  return async (position) => layers.get(digests[position]!)!.bytes;
};

describe.each(CASES)('$name', ({ name, options, make }) => {
  const path = `${FOLDER}${name}.fargo`;
  test('machines give the bytes that are kept', async () => {
    const modules: Modules = BLESS ? made : await modulesOf(readFileSync(path));
    using host = new Host();
    const { snapshot, parent } = await make(host, modules);
    const file = await snapshot.save({ ...(parent !== undefined && { parent }) });
    const anonymous = await withoutLineage(file);
    if (BLESS) {
      mkdirSync(FOLDER, { recursive: true });
      writeFileSync(path, file);
      writeFileSync(`${FOLDER}${name}.txt`, await listingOf(file));
    }
    expect(Buffer.compare(anonymous, await withoutLineage(readFileSync(path)))).toBe(0);
  });

  test('files that are kept load, and are saved again byte for byte', async () => {
    const file = readFileSync(path);
    using host = new Host();
    if (name !== 'difference') {
      using loaded = await host.load(file, options);
      expect(Buffer.compare(await loaded.save(), file)).toBe(0);
      expect(host.audit().faults).toEqual([]);
      return;
    }
    const parent = await host.load(readFileSync(`${FOLDER}linked.fargo`), options);
    using loaded = await host.load(file, { parent });
    expect(Buffer.compare(await loaded.save({ parent }), file)).toBe(0);
    expect(loaded.fork().getGlobal('g', 1)).toBe(0.5);
  });

  test('what stands where is as it is listed', async () => {
    expect(await listingOf(readFileSync(path))).toBe(readFileSync(`${FOLDER}${name}.txt`, 'utf8'));
  });
});

/** Ids of machines depend on what else was made in the process. Digests in the config stand for the layers. */
async function withoutLineage(file: Uint8Array): Promise<Uint8Array> {
  const { config } = await partsOf(file);
  config.machine.lineage = '';
  return new TextEncoder().encode(JSON.stringify(config));
}
