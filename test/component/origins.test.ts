/** Components that others have made, and in other ways: of Rust, of C, of two components, and by other tools. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { componentNew, parse, preview1AdapterCommandPath, print } from '@bytecodealliance/jco';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ComponentError, filesOf, Host, type ComponentMachine, type OutputChunk } from '../../src/index.ts';
import { composedComponent } from './composed.ts';
import { wasmToolsComponent, type WasmTools } from './wasm-tools.ts';

let host: Host;
let folder: string;

beforeAll(async () => {
  host = await Host.create();
  folder = mkdtempSync(join(tmpdir(), 'fargo-origins-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  expect(host.audit().faults).toEqual([]);
  expect(host.usage().machines).toBe(0);
  host.dispose();
});

function module(i: number): string {
  return `(module (func (export "f${i}") (result i32) (i32.const ${i})))`;
}

/** The text of a world that the guest has read from its disk. */
function worldOf(machine: ComponentMachine<WasmTools>, world: string): string {
  const { componentEmbed, componentNew: wrap, componentWit } = machine.exports.tools;
  return componentWit(wrap(componentEmbed({ witPath: 'wit', dummy: true, world }), undefined));
}

describe('jco’s own wasm-tools, a program in Rust', () => {
  let vm: ComponentMachine<WasmTools>;

  beforeAll(async () => {
    const wit = { 'world.wit': 'package test:embedded; world embedded { export run: func() -> u32; }' };
    const image = await host.build<WasmTools>(await wasmToolsComponent(), { wasi: { files: { wit } } });
    vm = await image.boot();
  });

  afterAll(() => vm.dispose());

  test('modules are parsed in children, as outside', async () => {
    vm.exports.tools.parse(module(0));
    const children = vm.fork(20);
    const parsed = children.map((child, i) => child.exports.tools.parse(module(i)));
    // Each goes on with what it parsed, by itself and forked once more.
    for (const [i, child] of children.entries()) {
      const bytes = parsed[i]!;
      expect(bytes).toEqual(await parse(module(i)));
      const grandchild = child.fork();
      expect(grandchild.exports.tools.print(bytes)).toBe(await print(bytes));
      grandchild.dispose();
      child.dispose();
    }
  });

  test('what it refuses is an error, and a machine goes on after it', () => {
    const child = vm.fork();
    expect(() => child.exports.tools.parse('(module')).toThrow(ComponentError);
    expect(() => child.exports.tools.parse('(module')).toThrow('expected `)`');
    expect(child.exports.tools.parse('(module)')).toHaveLength(8);
    child.dispose();
  });

  test('it reads a world from the machine’s disk, which children have changed', () => {
    const changed = vm.fork();
    filesOf(changed).write('/wit/world.wit', 'package test:embedded; world changed { export walk: func(); }');
    expect(worldOf(vm, 'embedded')).toContain('export run: func() -> u32;');
    expect(worldOf(changed, 'changed')).toContain('export walk: func();');
    expect(() => worldOf(changed, 'embedded')).toThrow(ComponentError);
    expect(worldOf(vm, 'embedded')).toContain('export run: func() -> u32;');
    changed.dispose();
  });
});

/** Reads a file, adds its arguments to it, says what it did, and fails where there is no file. */
const PROGRAM = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv) {
  char text[256] = "";
  FILE *in = fopen("data/notes.txt", "r");
  if (in == NULL) {
    fprintf(stderr, "no notes\\n");
    return 3;
  }
  size_t length = fread(text, 1, sizeof text - 1, in);
  fclose(in);
  FILE *out = fopen("data/notes.txt", "w");
  fwrite(text, 1, length, out);
  for (int i = 1; i < argc; i++) fprintf(out, "%s\\n", argv[i]);
  fclose(out);
  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL) printf("in: %s", line);
  printf("%zu bytes, home %s\\n", length, getenv("HOME"));
  return 0;
}`;

function compiled(): Uint8Array | undefined {
  const out = join(tmpdir(), `fargo-origin-${process.pid}.wasm`);
  try {
    const args = ['-x', 'c', '-', '--target=wasm32-wasi', '-O1', '-Wl,--strip-all', '-o', out];
    execFileSync('clang', args, { input: PROGRAM, stdio: ['pipe', 'ignore', 'ignore'] });
    return readFileSync(out);
  } catch {
    return undefined;
  } finally {
    rmSync(out, { force: true });
  }
}

const program = compiled();

describe.skipIf(program === undefined)(
  `a program in C for preview 1, behind jco’s adapter${program ? '' : ' (skipped: no clang for wasm32-wasi)'}`,
  () => {
    test('it is a command with disk, streams, arguments and exit code; children have disks of their own', async () => {
      const adapter: [string, Uint8Array] = ['wasi_snapshot_preview1', readFileSync(preview1AdapterCommandPath())];
      const image = await host.build(await componentNew(program!, [adapter]), {
        wasi: {
          args: ['notes', 'milk', 'bread'],
          env: { HOME: '/home/fargo' },
          files: { data: { 'notes.txt': 'eggs\n' } },
          stdin: 'one\ntwo\n',
        },
      } as Parameters<typeof host.build>[1]);
      const vm = await image.boot();
      const [run, failing] = vm.fork(2) as [typeof vm, typeof vm];
      filesOf(failing).remove('/data/notes.txt');
      const ran = (machine: typeof vm): { readonly output: string; readonly outcome: unknown } => {
        const chunks: OutputChunk[] = [];
        const outcome = machine.runCommand((stream, bytes) => chunks.push({ stream, bytes: bytes.slice() }));
        const output = chunks.map(({ stream, bytes }) => `${stream}: ${new TextDecoder().decode(bytes)}`).join('');
        return { output, outcome };
      };
      const good = ran(run);
      expect(good.output.replaceAll('stdout: ', '')).toBe('in: one\nin: two\n5 bytes, home /home/fargo\n');
      expect(good.outcome).toEqual({ kind: 'exit', code: 0 });
      expect(filesOf(run).readText('/data/notes.txt')).toBe('eggs\nmilk\nbread\n');
      // `wasi:cli/exit` knows success and failure only.
      expect(ran(failing)).toEqual({ output: 'stderr: no notes\n', outcome: { kind: 'exit', code: 1 } });
      expect(filesOf(vm).readText('/data/notes.txt')).toBe('eggs\n');
      for (const machine of [run, failing, vm]) machine.dispose();
      image.dispose();
    });
  },
);

describe('one composed of two', () => {
  interface Till {
    open(start: number): number;
    pay(till: number, sum: number): number;
    close(till: number): void;
    bump(by: number): number;
    readonly store: { live(): number };
  }

  test('its memories, globals and handles fork, and a resource of one is held by the other', async () => {
    const image = await host.build<Till>(await composedComponent(), { imports: { log: () => {} } });
    const vm = await image.boot();
    const tills = [vm.exports.open(100), vm.exports.open(200)] as const;
    expect(vm.exports.pay(tills[0], 5)).toBe(1105);
    const children = vm.fork(50);
    children.forEach((child, i) => {
      expect(child.exports.pay(tills[0], i)).toBe(2105 + i);
      if (i % 2 === 0) child.exports.close(tills[1]);
    });
    children.forEach((child, i) => {
      expect(child.exports.pay(tills[0], 1)).toBe(3106 + i);
      expect(child.exports.store.live()).toBe(i % 2 === 0 ? 1 : 2);
      if (i % 2 === 0)
        expect(() => child.exports.pay(tills[1], 1)).toThrow(expect.objectContaining({ name: 'TrapError' }));
      else expect(child.exports.pay(tills[1], 1)).toBe(4201);
      expect(child.exports.bump(i)).toBe(i);
      child.dispose();
    });
    expect(vm.exports.store.live()).toBe(2);
    expect(vm.exports.pay(tills[1], 0)).toBe(2200);
    vm.dispose();
    image.dispose();
  });
});

/** `(module (global i32 (i32.add (i32.const 0) (i32.const 0))))`: QuickJS computes its addresses so. */
const EXTENDED_CONSTANT = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x06, 0x09, 0x01, 0x7f, 0x00, 0x41, 0x00, 0x41, 0x00, 0x6a, 0x0b],
);

/** QuickJS, a program in C within one in Rust, from the npm package that jco brings along where it can. */
async function quickJs(): Promise<Uint8Array | string> {
  if (!WebAssembly.validate(EXTENDED_CONSTANT)) return 'this engine has no extended constants';
  try {
    const jco = createRequire(createRequire(import.meta.url).resolve('@bytecodealliance/jco'));
    const { componentize } = jco('componentize-qjs') as {
      componentize(options: object): Promise<{ readonly component: Uint8Array }>;
    };
    const witPath = join(folder, 'js.wit');
    writeFileSync(witPath, 'package test:js; world js { export handle: func(key: string) -> string; }');
    const jsSource = `let count = 0; const seen = new Map();
      export function handle(key) { seen.set(key, ++count); return JSON.stringify([count, ...seen.keys()]); }`;
    return new Uint8Array((await componentize({ witPath, jsSource, sync: true })).component);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test('JavaScript on QuickJS, by another tool', { timeout: 300_000 }, async ({ skip }) => {
  const bytes = await quickJs();
  if (typeof bytes === 'string') return skip(bytes);
  const image = await host.build<{ handle(key: string): string }>(bytes, { wasi: {} });
  const vm = await image.boot();
  expect(vm.exports.handle('warm')).toBe('[1,"warm"]');
  const children = vm.fork(100);
  children.forEach((child, i) => expect(child.exports.handle(`k${i}`)).toBe(`[2,"warm","k${i}"]`));
  children.forEach((child, i) => {
    expect(child.exports.handle('last')).toBe(`[3,"warm","k${i}","last"]`);
    child.dispose();
  });
  expect(vm.exports.handle('parent')).toBe('[2,"warm","parent"]');
  vm.dispose();
  image.dispose();
});
