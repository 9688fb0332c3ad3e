/** Tools that are too large for `npm install`: packages at fixed versions, each set in a folder of its own below `.engines`. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const engines = fileURLToPath(new URL('../.engines', import.meta.url));

/**
 * Installs what is missing or of another version.
 *
 * @param {string} name of the folder
 * @param {Readonly<Record<string, string>>} packages versions by name
 * @returns {string} the folder
 */
export function toolFolder(name, packages) {
  const folder = join(engines, name);
  const isThere = ([each, version]) => versionIn(folder, each) === version;
  if (Object.entries(packages).every(isThere)) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const wanted = Object.entries(packages).map(([each, version]) => `${each}@${version}`);
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error', ...wanted], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  return folder;
}

function versionIn(folder, name) {
  const path = join(folder, 'node_modules', name, 'package.json');
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).version : undefined;
}
