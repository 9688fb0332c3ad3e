/** The example of Perl with files runs, in few children; it proves by itself that each has its own. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = (...args: string[]): string => execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });

test('Perl writes, reads and renames files in children of one template', () => {
  run('node_modules/typescript/bin/tsc', '-b');
  const printed = run('examples/perl-files/main.mjs', '8');
  expect(printed.match(/^ {2}ok {2}/gm)).toHaveLength(7);
}, 300_000);
