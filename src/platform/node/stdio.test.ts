import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import { processInput, processOutput } from './stdio.ts';

const folder = mkdtempSync(join(tmpdir(), 'fargo-stdio-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function decode(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder().decode(bytes);
}

test('input is read in pieces until it ends', () => {
  const path = join(folder, 'in');
  writeFileSync(path, 'hello world');
  const fd = openSync(path, 'r');
  const input = processInput(fd);
  expect([decode(input.read(5)), decode(input.read(100)), input.read(1)]).toEqual(['hello', ' world', undefined]);
  closeSync(fd);
  expect(input.read(1)).toBeUndefined();
  expect(() => processInput(fd).read(1)).toThrow('a standard stream failed: EBADF');
});

test('input waits for a pipe that does not block and has nothing yet', async () => {
  const fifo = join(folder, 'fifo');
  await run('mkfifo', [fifo]);
  // O_RDWR keeps the open from blocking, O_NONBLOCK makes an empty pipe answer EAGAIN.
  const fd = openSync(fifo, 0o4002);
  const writer = spawn('sh', ['-c', 'sleep 0.05; printf late > "$0"', fifo]);
  const bytes = processInput(fd).read(10);
  expect(new TextDecoder().decode(bytes)).toBe('late');
  await new Promise((done) => writer.on('exit', done));
  closeSync(fd);
});

test('output waits for a pipe that is full', async () => {
  const fifo = join(folder, 'full');
  const copy = join(folder, 'copy');
  await run('mkfifo', [fifo]);
  const fd = openSync(fifo, 0o4002);
  const reader = spawn('sh', ['-c', 'sleep 0.05; head -c 1000000 "$0" > "$1"', fifo, copy]);
  const bytes = new Uint8Array(1_000_000).map((_, index) => index % 251);
  processOutput(fd)(bytes);
  await new Promise((done) => reader.on('exit', done));
  closeSync(fd);
  expect(Buffer.compare(readFileSync(copy), bytes)).toBe(0);
});

test('output that can not be written is an error', () => {
  const path = join(folder, 'readable');
  writeFileSync(path, '');
  const fd = openSync(path, 'r');
  expect(() => processOutput(fd)(new Uint8Array(1))).toThrow('a standard stream failed: EBADF');
  closeSync(fd);
});

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve) => spawn(command, args).on('exit', () => resolve()));
}
