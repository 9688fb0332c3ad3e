/**
 * A host directory that another process changes all the time, while guests read it: a directory on the way is replaced by
 * a link out and put back, over and over. A guest may get an error or not find what it looks for, never what lies outside.
 */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { expect, test } from 'vitest';

import { E } from '../../src/devices/fs/errno.ts';
import { FargoError, Host } from '../../src/index.ts';
import { hostDirectory } from '../../src/platform/node/index.ts';
import type { NodeHostDirectory } from '../../src/platform/node/index.ts';
import { WasiMachine, wrapperModule } from './machine-calls.ts';

const LONG = Boolean(process.env['FARGO_LONG']);
const SECONDS = LONG ? 60 : 2;

/** Swaps `d` and `link` until it is told to end. */
const SWAPPER = `
  const { renameSync } = require('node:fs');
  const { workerData, parentPort } = require('node:worker_threads');
  const { root, ended } = workerData;
  const rename = (from, to) => renameSync(root + '/' + from, root + '/' + to);
  let swaps = 0;
  parentPort.postMessage('ready');
  while (Atomics.load(ended, 0) === 0) {
    rename('d', 'aside');
    rename('link', 'd');
    rename('d', 'link');
    rename('aside', 'd');
    swaps++;
  }
  parentPort.postMessage(swaps);
`;

test('a directory that becomes a link out and back, thousands of times a second', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'fargo-race-'));
  const root = join(outside, 'root');
  mkdirSync(join(root, 'd/e'), { recursive: true });
  mkdirSync(join(outside, 'private/e'), { recursive: true });
  writeFileSync(join(root, 'd/f'), 'inside');
  writeFileSync(join(root, 'd/e/f'), 'inside');
  for (const name of ['f', 'only', 'e/f', 'e/only']) writeFileSync(join(outside, 'private', name), 'SECRET');
  symlinkSync('../private', join(root, 'link'));
  const ended = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(SWAPPER, { eval: true, workerData: { root, ended } });
  await new Promise((resolve) => worker.once('message', resolve));

  using directory = hostDirectory(root);
  using host = await Host.create();
  const image = await host.build(wrapperModule(), { wasi: { preopens: { '/': directory } } });
  const warm = (await image.boot()).snapshot();
  const seen = new Map<string, number>();
  const count = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
  const end = Date.now() + SECONDS * 1000;
  while (Date.now() < end) {
    const machine = new WasiMachine(warm.fork());
    for (const path of ['d/f', 'd/e/f', 'd/only', 'd/e/only']) {
      const fd = machine.open(3, path, {});
      const got = fd < 0 ? fd : machine.read(fd, 100);
      count(typeof got === 'number' ? `${path} errno ${-got}` : `${path} ${new TextDecoder().decode(got)}`);
    }
    const d = machine.open(3, 'd', { directory: true });
    const names = d < 0 ? d : machine.list(d, 4096);
    count(typeof names === 'number' ? `d errno ${-names}` : `d/ ${names.join(' ')}`);
    machine.vm.dispose();
  }
  const leaks = readPort(directory, SECONDS * 500);
  Atomics.store(ended, 0, 1);
  const swaps = await new Promise<number>((resolve) => worker.once('message', resolve));
  await worker.terminate();
  rmSync(outside, { recursive: true });

  expect(swaps).toBeGreaterThan(SECONDS * 10);
  const answers = [...seen.keys()];
  expect(answers).toContain('d/f inside');
  expect(answers).toContain(`d/f errno ${E.notcapable}`);
  expect(answers.filter((each) => each.includes('SECRET') || /^d\/ .*only/.test(each))).toEqual([]);
  // Without descriptors to go by, a parent can be exchanged between the check and the use: see host-directory.ts.
  if (platform() === 'linux') expect(leaks).toEqual([]);
});

/** What lies outside, asked of the port itself as fast as it goes, for some time. */
function readPort(directory: NodeHostDirectory, forMs: number): string[] {
  const leaks = new Set<string>();
  for (const end = Date.now() + forMs; Date.now() < end;) {
    attempt(() => directory.stat('d/only') !== undefined && leaks.add('stat'));
    attempt(() => directory.list('d', 10).includes('only') && leaks.add('list'));
    attempt(() => directory.list('d/e', 10).includes('only') && leaks.add('list below'));
    attempt(() => directory.stat('d/e/only') !== undefined && leaks.add('stat below'));
  }
  return [...leaks];
}

/** Does `work`, whose errors of the host are no surprise. */
function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof FargoError)) throw error;
  }
}
