/** The example of a component runs; it proves by itself that children are apart. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = (...args: string[]): string => execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });

test('a thousand customers buy in a shop of their own', () => {
  run('node_modules/typescript/bin/tsc', '-b');
  expect(run('examples/component/main.mjs', '1000')).toMatch(
    /^1000 customers, each in a shop of his own: 700 were served, 100 bought the last\n\d+ µs each/,
  );
}, 300_000);
