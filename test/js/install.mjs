/**
 * `node test/js/install.mjs`: componentize-js, in a folder of its own (it is large, and no part of the project). Without it the tests
 * of JavaScript guests are skipped.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGES = ['@bytecodealliance/componentize-js@0.22.0', '@bytecodealliance/preview2-shim@0.26.0'];

export const folder = fileURLToPath(new URL('../../.engines/componentize-js', import.meta.url));

/** Their doors open to `import` alone, and only from where they lie. */
const DOOR = `
  export { componentize } from '@bytecodealliance/componentize-js';
  export { WASIShim } from '@bytecodealliance/preview2-shim/instantiation';`;

export function install() {
  if (existsSync(join(folder, 'node_modules'))) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }));
  writeFileSync(join(folder, 'door.mjs'), DOOR);
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...PACKAGES], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) install();
