import type * as fs from 'node:fs';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test, vi } from 'vitest';

import { hostDirectory } from './host-directory.ts';

const hooks = vi.hoisted(() => ({ beforeRead: (): void => {} }));

vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>();
  const readSync = (...args: Parameters<typeof fs.readSync>): number => {
    hooks.beforeRead();
    return real.readSync(...args);
  };
  return { ...real, readSync };
});

test('a file that is written just before it is read is an error, on the first read and on later ones', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fargo-changing-'));
  try {
    using directory = hostDirectory(folder);
    const into = new Uint8Array(100);
    for (const reads of [0, 1]) {
      const name = `f${reads}`;
      writeFileSync(join(folder, name), 'as it was');
      const { version } = directory.stat(name)!;
      for (let i = 0; i < reads; i++) expect(directory.read(name, version, 0, into)).toBe(9);
      hooks.beforeRead = () => appendFileSync(join(folder, name), ', and more');
      expect(() => directory.read(name, version, 0, into)).toThrow(expect.objectContaining({ code: 'io' }));
      hooks.beforeRead = () => {};
      expect(() => directory.read(name, version, 0, into)).toThrow(expect.objectContaining({ code: 'io' }));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
