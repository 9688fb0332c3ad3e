import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { FargoError, Host } from '../index.ts';
import type { NodeDiskImage } from '../platform/node/index.ts';
import { saveDisks } from './guest-disks.ts';

const GUEST = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1))`;

test('a disk that can not be read to its end leaves no file behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fargo-save-'));
  using host = await Host.create();
  const image: NodeDiskImage = {
    format: 'raw',
    sizeBytes: 200_000,
    read: (offset, into) => {
      if (offset + into.length > 100_000) throw new FargoError('io', 'the disk is worn out');
      into.fill(1);
    },
    nextData: (offset) => offset,
    paths: [join(folder, 'base')],
    close: () => {},
    [Symbol.dispose]: () => {},
  };
  const machine = await (await host.build(GUEST, { wasi: { disks: { '/dev/vda': image } } })).boot();
  const path = join(folder, 'saved.raw');
  expect(() => saveDisks(machine, [{ guest: '/dev/vda', format: 'raw', image }], [path])).toThrow(
    expect.objectContaining({ code: 'io' }),
  );
  expect(existsSync(path)).toBe(false);
  rmSync(folder, { recursive: true });
});
