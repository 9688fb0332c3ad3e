/** The parent's side of turns, against processes that speak the protocol and work nothing. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareWays } from './turns.ts';

/** Workloads of 10 and 20 ms in the way `one`, three times that in `three`, and ways that go wrong. */
const PROCESS = `
import { readSync } from 'node:fs';
const way = process.argv[2];
function answer(said) {
  console.log(said);
  let line = '';
  const byte = Buffer.alloc(1);
  while (readSync(3, byte) === 1 && byte[0] !== 10) line += String.fromCharCode(byte[0]);
  return line;
}
for (const [name, ms] of [['short', 10], ['long', 20]]) {
  let rounds = 0;
  let said = way === 'other' ? name + '-other' : name;
  while (answer(said) === 'round') {
    rounds++;
    if (way === 'dying' && rounds === 3) process.exit(7);
    // The round before those that count is a slow one.
    said = String(rounds === 1 ? 1000 : ms * (way === 'three' ? 3 : 1) * (rounds === 2 ? 50 : 1));
  }
  if (way === 'short-only') break;
}
answer('');
`;

let folder: string;
let script: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fargo-turns-'));
  script = join(folder, 'process.mjs');
  writeFileSync(script, PROCESS);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('the median over the rounds that count, and over the processes, by workload', async () => {
  expect(await compareWays(script, ['one', 'three', 'one'], { rounds: 3, processes: 2 })).toEqual([
    { name: 'short', ms: 10, ratios: [1, 3, 1] },
    { name: 'long', ms: 20, ratios: [1, 3, 1] },
  ]);
});

test.each([
  ['dying', 'a process of the bench ended with code 7'],
  ['other', 'the processes run different workloads: short, short-other'],
  ['short-only', 'the processes run different workloads: long, none'],
])('a way that goes wrong: %s', async (way, message) => {
  await expect(compareWays(script, ['one', way], { rounds: 4, processes: 1 })).rejects.toThrow(message);
});
