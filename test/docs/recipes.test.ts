/** The recipes run as their pages say, and print what is proved by them. They check themselves: a wrong result is exit code 1. */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readDocument, ROOT } from './markdown.ts';

const run = (...args: string[]): string => execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
const MINUTES_MS = 300_000;

beforeAll(() => {
  run('node_modules/typescript/bin/tsc', '-b');
  run('guests/build.mjs', '--quiet');
}, MINUTES_MS);

describe('recipes', () => {
  test('each has a page that names its program', () => {
    const programs = readdirSync(join(ROOT, 'examples/recipes')).toSorted();
    expect(programs).toEqual(['branches', 'fixture', 'sandbox', 'time-travel']);
    for (const name of programs) {
      expect(readDocument(`docs/recipes/${name}.md`).prose).toContain(`(../../examples/recipes/${name}/`);
    }
  });

  test(
    'test fixture: 506 tests, none of which sees another',
    () => {
      const results = join(ROOT, 'node_modules/.cache/fargo-wasm/recipe.json');
      const root = join(ROOT, 'examples/recipes/fixture');
      run('node_modules/vitest/vitest.mjs', 'run', '--root', root, '--reporter=json', `--outputFile=${results}`);
      const { numTotalTests, numPassedTests } = JSON.parse(readFileSync(results, 'utf8')) as Record<string, number>;
      rmSync(results);
      expect([numTotalTests, numPassedTests]).toEqual([506, 506]);
    },
    MINUTES_MS,
  );

  test(
    'request sandbox: programs that end themselves end nothing else',
    () => {
      const printed = run('examples/recipes/sandbox/main.mjs');
      const kinds = [...printed.matchAll(/^ {2}(\d{3}) {2}(\S+)/gm)].map((match) => `${match[1]} ${match[2]}`);
      expect(kinds).toEqual([
        ...Array.from({ length: 4 }, () => '200 done'),
        '422 died',
        '422 died',
        '422 exited',
        '422 budget-spent',
        '422 out-of-bounds-memory',
        '422 limit',
        '422 exited',
        '413 too-large',
        '200 done',
        '422 timed-out',
        '200 done',
        '503 busy',
      ]);
    },
    MINUTES_MS,
  );

  test(
    'branches: the best is found, the root is as it was',
    () => {
      const printed = run('examples/recipes/branches/main.mjs');
      expect(printed).toMatch(/^7 of 7 tests pass after: /m);
      expect(printed).toMatch(/^what changed: changed \/project\/Stats\.pm$/m);
      expect(printed).toMatch(/dead {2}loop until it works: budget-spent/);
    },
    MINUTES_MS,
  );

  test(
    'time travel: the call that broke it, from every checkpoint and from few',
    () => {
      const printed = run('examples/recipes/time-travel/main.mjs', '200');
      expect(printed.match(/^checkpoints every 1: 201 of them/m)).not.toBeNull();
      expect(printed.match(/^checkpoints every 20: 11 of them/m)).not.toBeNull();
      expect(printed.match(/call 123 broke it/g)).toHaveLength(2);
      expect(printed.match(/mended there.*the bank has 50000$/gm)).toHaveLength(2);
    },
    MINUTES_MS,
  );
});
