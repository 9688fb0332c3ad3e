#!/usr/bin/env node
/**
 * `npm run package:types`: whether the types of every door are found, and are right, for all who resolve modules: Node and bundlers.
 * By `attw` (arethetypeswrong.github.io), which is installed into `.engines`.
 *
 * The package is ES modules for Node 20.19 and newer, where `require` takes them too: so the ways of Node 10 and of CommonJS
 * without that are left out (`--profile esm-only`).
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolFolder } from './tools.mjs';

const folder = toolFolder('attw', { '@arethetypeswrong/cli': '0.18.5' });
const { status } = spawnSync(
  process.execPath,
  [
    join(folder, 'node_modules/@arethetypeswrong/cli/dist/index.js'),
    '--pack',
    '.',
    '--no-color',
    '--profile',
    'esm-only',
    '--format',
    'table-flipped',
  ],
  { cwd: fileURLToPath(new URL('..', import.meta.url)), stdio: 'inherit' },
);
process.exitCode = status ?? 1;
