/**
 * What the tests of the demo need: the driver of browsers and the checker of accessibility, at fixed versions in a folder
 * of their own, and the demo itself, built.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, '.engines', 'web');

/** Playwright from 1.64 on asks Firefox for something that 153 ESR does not have. */
const PACKAGES = { 'playwright-core': '1.63.0', 'axe-core': '4.14.1' };

/** Requires what `prepare` has installed. */
export const require = createRequire(join(folder, 'package.json'));

export default async function prepare() {
  mkdirSync(folder, { recursive: true });
  const missing = Object.entries(PACKAGES).filter(([name, version]) => versionOf(name) !== version);
  if (missing.length > 0) {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }));
    const wanted = missing.map(([name, version]) => `${name}@${version}`);
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...wanted], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  const configFile = join(root, 'web', 'vite.config.ts');
  await build({ configFile, logLevel: 'warn' });
  execFileSync(process.execPath, [join(root, 'web', 'pack.mjs')], { stdio: 'inherit' });
  await build({
    configFile,
    logLevel: 'warn',
    build: { ssr: join(root, 'test/web/node-figure.ts'), outDir: join(root, '.cache', 'web-node'), emptyOutDir: true },
  });
}

function versionOf(name) {
  const path = join(folder, 'node_modules', name, 'package.json');
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).version : undefined;
}
