/** WASI 0.2 over the devices of preview 1: programs of preview 1 behind jco's adapters, with disks and streams that fork. */

import { readFileSync } from 'node:fs';
import { componentNew, preview1AdapterCommandPath } from '@bytecodealliance/jco';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildComponent } from '../../src/component/build.ts';
import type { ComponentImage } from '../../src/component/component-image.ts';
import type { ComponentMachine } from '../../src/component/component-machine.ts';
import { filesOf, Host } from '../../src/index.ts';
import { onMachine } from './components.ts';
import { notesComponent } from './notes.ts';

const hello = readFileSync(new URL('../../guests/build/hello.wasm', import.meta.url));

let host: Host;
let image: ComponentImage;

beforeAll(async () => {
  host = await Host.create();
  image = await buildComponent(host, await notesComponent(), {
    wasi: { files: { data: { 'a.txt': 'first\n' } }, stdin: '0123456789', seed: 'components' },
  });
});

afterAll(() => {
  expect(host.audit().faults).toEqual([]);
  expect(host.usage().machines).toBe(0);
  host.dispose();
});

const withMachine = (work: (vm: ComponentMachine) => void): Promise<void> => onMachine(image, work);

test('a component has a copy-on-write disk, and so has each child', () =>
  withMachine((vm) => {
    expect(vm.exports.append('data/a.txt', 'second\n')).toBe(7);
    const children = vm.fork(50);
    children.forEach((child, i) => expect(child.exports.append('data/a.txt', `child ${i}\n`)).toBeGreaterThan(0));
    children.forEach((child, i) => {
      expect(child.exports.cat('data/a.txt')).toBe(`first\nsecond\nchild ${i}\n`);
      expect(filesOf(child).readText('/data/a.txt')).toBe(`first\nsecond\nchild ${i}\n`);
    });
    expect(vm.exports.cat('data/a.txt')).toBe('first\nsecond\n');
    expect(vm.exports.cat('data/none.txt')).toBe('!');
    expect(vm.exports.append('nowhere/b.txt', 'x')).toBe(-44);
    for (const child of children) child.dispose();
  }));

test('standard input, entropy and the table of what is open are the machine’s', () =>
  withMachine((vm) => {
    expect(vm.exports.input(3)).toBe('012');
    const [a, b] = vm.fork(2) as [ComponentMachine, ComponentMachine];
    expect(a.exports.input(2)).toBe('34');
    expect(b.exports.input(4)).toBe('3456');
    expect(vm.exports.input(7)).toBe('3456789');
    expect(new Set([vm, a, b].map((each) => each.exports.random())).size).toBe(3);
    expect(a.exports.elapsed()).toBeLessThanOrEqual(a.exports.elapsed());
    a.dispose();
    b.dispose();
  }));

test('what a call did to files is undone with it', () =>
  withMachine((vm) => {
    expect(() =>
      vm.transaction(({ exports }) => {
        exports.append('data/a.txt', 'never');
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(vm.exports.cat('data/a.txt')).toBe('first\n');
  }));

test('exit ends the call, commits it, and is no error of the host', () =>
  withMachine((vm) => {
    vm.exports.append('data/a.txt', 'kept\n');
    expect(() => vm.exports.quit(0)).toThrow(expect.objectContaining({ name: 'ExitError', exitCode: 0 }));
    expect(vm.exports.cat('data/a.txt')).toBe('first\nkept\n');
  }));

test('a command of preview 1 runs as a component, with arguments, output and exit code', async () => {
  const adapter: [string, Uint8Array] = ['wasi_snapshot_preview1', readFileSync(preview1AdapterCommandPath())];
  const bytes = await componentNew(hello, [adapter]);
  const command = await buildComponent(host, bytes, { wasi: { args: ['hello', 'wörld', '7'] } });
  const vm = await command.boot();
  const child = vm.fork();
  for (const machine of [vm, child]) {
    let output = '';
    const outcome = machine.runCommand((stream, part) => {
      output += stream === 'stdout' ? new TextDecoder().decode(part) : stream;
    });
    expect(output).toBe('hello, wörld\n');
    // wasi:cli/exit knows success and failure only.
    expect(outcome).toEqual({ kind: 'exit', code: 1 });
    machine.dispose();
  }
  command.dispose();
});
