/** Components on the command line: run, forked, saved, inspected; arguments by their types. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { componentNew, preview1AdapterCommandPath, preview1AdapterReactorPath, print } from '@bytecodealliance/jco';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { ALLOCATOR, componentOf, COUNTER_WAT, COUNTER_WIT } from '../component/components.ts';
import { ECHO_WAT, ECHO_WIT } from './echo.ts';
import { build, cli, expectGolden, guest, Report, ROOT, type Ran } from './cli.ts';

let folder: string;
let counter: string;
let echo: string;
let hello: string;

function file(name: string, contents: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, contents);
  return path;
}

beforeAll(async () => {
  await build();
  folder = mkdtempSync(join(tmpdir(), 'fargo-cli-components-'));
  counter = file('counter.wasm', await componentOf(COUNTER_WIT, COUNTER_WAT));
  echo = file('echo.wasm', await componentOf(ECHO_WIT, ECHO_WAT));
  const adapter: [string, Uint8Array] = ['wasi_snapshot_preview1', readFileSync(preview1AdapterCommandPath())];
  hello = file('hello.wasm', await componentNew(readFileSync(guest('hello')), [adapter]));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function invoke(path: string, expression: string, ...args: string[]): Ran {
  return cli(['run', '--unknown-imports-trap', ...args, '--invoke', expression, path]);
}

describe('run', () => {
  test('a program of preview 1 behind an adapter runs as it is, with its own exit code', () => {
    expect(cli(['run', hello, 'Ada', '42'])).toEqual({ code: 42, stdout: 'hello, Ada\n', stderr: '' });
    expect(cli(['run', hello, 'Ada'])).toMatchObject({ code: 0, stdout: 'hello, Ada\n' });
  });

  test('so does its component, called by name', () => {
    expect(cli(['run', '--invoke', 'wasi:cli/run#run', hello])).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^hello.*\nok\n$/s) as string,
      stderr: '',
    });
  });

  test('what a function returns is printed as WAVE, and an error fails', () => {
    expect(invoke(counter, 'echo("hä\\n")')).toEqual({ code: 0, stdout: '"hä\\x0a"\n', stderr: '' });
    expect(invoke(counter, 'divide(7, 2)')).toEqual({ code: 0, stdout: 'ok(3)\n', stderr: '' });
    expect(invoke(counter, 'divide(7, 0)')).toEqual({ code: 1, stdout: 'err("division by zero")\n', stderr: '' });
  });

  test('text is a component as well as bytes are', async () => {
    const text = file('counter.wat', await print(readFileSync(counter)));
    expect(invoke(text, 'test:counter/store#live')).toEqual({ code: 0, stdout: '0\n', stderr: '' });
  });

  test('a trap, an import that is missing, a call that is wrong', () => {
    expect(invoke(counter, 'crash')).toMatchObject({
      code: 134,
      stderr: expect.stringMatching(/^fargo-wasm: the guest trapped: unreachable/) as string,
    });
    expect(invoke(counter, 'bump(1)')).toMatchObject({
      code: 134,
      stderr: expect.stringContaining('nothing provides log') as string,
    });
    expect(invoke(counter, 'get(-1)')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'fargo-wasm: bad-argument: at of get is -1; u32 takes a whole number from 0 to 2^32 - 1\n',
    });
  });

  test('imports that nothing provides are refused by name', () => {
    expect(cli(['run', '--invoke', 'get(1)', counter])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'fargo-wasm: link: the component imports log; --unknown-imports-trap lets it run until it calls one\n',
    });
  });

  test('what is no command says what there is', () => {
    const { code, stderr } = cli(['run', echo]);
    expect(code).toBe(1);
    expect(stderr).toContain('echo.wasm exports no wasi:cli/run, so it is no command; --invoke calls one of greet, ');
  });
});

describe('fork', () => {
  test('children start where the parent was warmed, and a file of it too', () => {
    const saved = join(folder, 'counter.fargo');
    const args = ['--unknown-imports-trap', '-n', '20', '--boot', 'put(3, 7)', '--call', 'get(3)'];
    const { code, stdout, stderr } = cli(['fork', ...args, '--save', saved, counter]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^All 20 children answered 7\.$/m);
    expect(stdout).toMatch(/^build: instrument .* become/m);
    // By jco's own glue over the modules as they are.
    expect(stdout).toMatch(/^boot each, to first result \(measured on \d+\) .*~/m);
    expect(stdout).toMatch(/^copy the memory for each \(measured on \d+\) .*~/m);
    expect(invoke(saved, 'get(3)')).toEqual({ code: 0, stdout: '7\n', stderr: '' });
    expect(cli(['fork', '--unknown-imports-trap', '-n', '5', '--call', 'get(3)', saved]).stdout).toContain(
      'All 5 children answered 7.',
    );
    expect(cli(['inspect', saved]).stdout).toMatch(/^component: sha256:[0-9a-f]{64}$/m);
  });
});

describe('files', () => {
  test('a snapshot of a command takes files, and goes on with other arguments', () => {
    const saved = join(folder, 'hello.fargo');
    expect(cli(['fork', '-n', '1', '--no-compare', '--save', saved, hello])).toMatchObject({ code: 0 });
    const text = file('text.txt', 'into the machine');
    expect(cli(['cp', text, `${saved}::/text.txt`])).toMatchObject({ code: 0, stdout: 'copied 1 file\n' });
    const back = join(folder, 'back.txt');
    expect(cli(['cp', `${saved}::/text.txt`, back])).toMatchObject({ code: 0 });
    expect(readFileSync(back, 'utf8')).toBe('into the machine');
    expect(cli(['run', saved, 'Bob'])).toEqual({ code: 0, stdout: 'hello, Bob\n', stderr: '' });
  });

  test('a component has directories and environment as modules do, and keeps what it writes', async () => {
    // Of preview 1, behind the adapter for libraries: so it is the component that is called.
    const wat = `(module
      (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
      ${ALLOCATOR}
      (data (i32.const 1024) "a.txt")
      (func (export "cat") (result i32)
        (if (call $open (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 5) (i32.const 0)
              (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 512)) (then unreachable))
        (i32.store (i32.const 520) (i32.const 2048)) (i32.store (i32.const 524) (i32.const 100))
        (if (call $read (i32.load (i32.const 512)) (i32.const 520) (i32.const 1) (i32.const 68)) (then unreachable))
        (i32.store (i32.const 64) (i32.const 2048))
        (i32.const 64)))`;
    const adapter: [string, Uint8Array] = ['wasi_snapshot_preview1', readFileSync(preview1AdapterReactorPath())];
    const cat = file(
      'cat.wasm',
      await componentOf('package test:cat; world cat { export cat: func() -> string; }', wat, [adapter]),
    );
    file('a.txt', 'from the host');
    expect(cli(['run', '--dir', `${folder}::/:ro`, '--invoke', 'cat', cat])).toEqual({
      code: 0,
      stdout: '"from the host"\n',
      stderr: '',
    });
    expect(cli(['run', '--invoke', 'cat', cat])).toMatchObject({ code: 134 });
    const disk = file('disk.raw', Buffer.from('from the disk'.padEnd(1024, '\0')));
    const ran = cli(['run', '--disk', `${disk}::/a.txt`, '--invoke', 'cat', cat]);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toBe(`"from the disk${'\\x00'.repeat(100 - 13)}"\n`);
  });
});

/** What depends on the instrumentation's state of the art, on the clock, and on jco's version. */
function settled(text: string): string {
  return text
    .replace(/^ {2}(?:code|module|time): .*$/gm, '  <size or time>')
    .replace(/with [\d,]+ marks?/, 'with <marks>')
    .replace(/@0\.2\.\d+/g, '@0.2.x');
}

describe('inspect', () => {
  test.each([
    ['counter', () => counter],
    ['echo', () => echo],
    ['hello', () => hello],
  ])('the world of %s', (name, path) => {
    const ran = cli(['inspect', path()]);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expectGolden(`inspect-component-${name}.txt`, settled(ran.stdout));
  });

  test('--json has all of it', () => {
    const report = new Report(cli(['inspect', '--json', counter]).stdout);
    expect(report.at('format')).toBe('component');
    expect(report.at('world.imports')).toEqual([{ name: 'log', kind: 'function', type: '(text: string)' }]);
    expect(report.at('unknownImports')).toEqual(['log']);
    expect(report.at('modules.0.instrument.functions')).toBeGreaterThan(0);
    expect(report.at('refused')).toBeNull();
    expectGolden('json-inspect-component.txt', report.shape);
  });

  test('--types writes declarations that fit', () => {
    const types = join(folder, 'types');
    const { code, stdout, stderr } = cli(['inspect', '--types', types, counter]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const files = [join(types, 'component.d.ts'), join(types, 'interfaces/test-counter-store.d.ts')];
    expect(stdout.trim().split('\n').toSorted()).toEqual(files);
    const use = file(
      'use.mts',
      `import { Host } from '${join(ROOT, 'dist/index.js')}';
       import type { Root } from './types/component.js';
       const image = await new Host().build<Root>(new Uint8Array());
       using vm = await image.boot();
       const sum: number = vm.exports.bump(1);
       const item = new vm.exports.store.Item(sum);
       const child = vm.fork();
       child.carry(item);
       // @ts-expect-error a text is no number
       vm.exports.bump('1');`,
    );
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--types', 'node'];
    const how = [
      '--target',
      'esnext',
      '--lib',
      'esnext',
      '--module',
      'nodenext',
      '--typeRoots',
      join(ROOT, 'node_modules/@types'),
    ];
    const tsc = spawnSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), ...options, ...how, use], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(tsc.stdout).toBe('');
    expect(cli(['inspect', '--types', types, guest('kv')])).toMatchObject({
      code: 2,
      stderr: 'fargo-wasm: bad-argument: --types is for components; kv.wasm is none\n',
    });
  });

  test('damaged components are malformed, and what is not known is refused', () => {
    const damaged = file('damaged.wasm', readFileSync(counter).subarray(0, 200));
    expect(cli(['inspect', damaged])).toMatchObject({ code: 1, stdout: '' });
    const start = file('start.wasm', new Uint8Array([0, 0x61, 0x73, 0x6d, 13, 0, 1, 0, 9, 1, 0]));
    expect(cli(['inspect', start]).stdout).toContain('refused: unsupported: a section of kind 9');
  });
});
