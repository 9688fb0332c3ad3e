/**
 * `node test/js/install.mjs`: componentize-js, in a folder of its own (it is large, and no part of the project). Without it the tests
 * of JavaScript guests are skipped.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** 0.22 runs jco's bookkeeping of tasks in JavaScript in the guest, at every call: four times slower. */
const PACKAGES = ['@bytecodealliance/componentize-js@0.23.0', '@bytecodealliance/preview2-shim@0.26.0'];

export const folder = fileURLToPath(new URL('../../.engines/componentize-js', import.meta.url));

/** Their doors open to `import` alone, and only from where they lie. */
const DOOR = `
  export { componentize } from '@bytecodealliance/componentize-js';
  export { WASIShim } from '@bytecodealliance/preview2-shim/instantiation';`;

/** Whether the packages are there, in these versions. */
function isInstalled() {
  return PACKAGES.every((each) => {
    const at = each.lastIndexOf('@');
    try {
      const path = join(folder, 'node_modules', each.slice(0, at), 'package.json');
      return JSON.parse(readFileSync(path, 'utf8')).version === each.slice(at + 1);
    } catch {
      return false;
    }
  });
}

export function install() {
  if (isInstalled()) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }));
  writeFileSync(join(folder, 'door.mjs'), DOOR);
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...PACKAGES], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) install();
