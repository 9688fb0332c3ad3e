/**
 * The engines of the matrix, and how each is had: programs from npm packages, in a folder of their own that benches use
 * too, never by this project's `npm install`; browsers from Debian's packages, which are only looked for here.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './repository.mjs';

/** Where programs, bundles and results go; ignored by git. */
export const ENGINES_FOLDER = join(ROOT, '.engines');

/**
 * @typedef {object} Engine
 * @property {string} name
 * @property {'program' | 'browser'} kind
 * @property {string} [wanted] the npm package
 * @property {string} [program] its command
 * @property {readonly string[]} [options] before the script
 * @property {readonly string[]} [binaries] of a browser, the first that exists is taken
 * @property {string} [debian] the packages that have them
 */

/** @type {readonly Engine[]} */
export const ENGINES = [
  { name: 'node20', kind: 'program', wanted: 'node@20.19', program: 'node' },
  { name: 'node22', kind: 'program', wanted: 'node@22', program: 'node' },
  { name: 'node24', kind: 'program', wanted: 'node@24', program: 'node' },
  { name: 'node26', kind: 'program', wanted: 'node@26', program: 'node' },
  { name: 'bun', kind: 'program', wanted: 'bun@1', program: 'bun' },
  { name: 'deno', kind: 'program', wanted: 'deno@2', program: 'deno', options: ['run', '--allow-all', '--no-config'] },
  { name: 'chromium', kind: 'browser', binaries: ['/usr/bin/chromium', '/usr/bin/google-chrome'], debian: 'chromium' },
  { name: 'firefox', kind: 'browser', binaries: ['/usr/bin/firefox-esr', '/usr/bin/firefox'], debian: 'firefox-esr' },
  {
    name: 'webkit',
    kind: 'browser',
    binaries: [
      '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
      '/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
    ],
    debian: 'webkit2gtk-driver xvfb',
  },
];

/**
 * The program of an engine, installed where it is missing and can be.
 *
 * @param {Engine} engine
 * @returns {string | undefined} its path; undefined for a browser that is not installed
 */
export function programOf(engine) {
  if (engine.kind === 'browser') return engine.binaries.find((each) => existsSync(each));
  const home = join(ENGINES_FOLDER, engine.name);
  const program = join(home, 'node_modules', '.bin', engine.program + (process.platform === 'win32' ? '.cmd' : ''));
  if (!existsSync(program)) install(home, engine.wanted);
  return program;
}

/** What an engine calls itself. */
export function versionOf(program) {
  return execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .trim()
    .split('\n')[0];
}

function install(home, wanted) {
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error', wanted];
  execFileSync('npm', args, { cwd: home, stdio: ['ignore', 'ignore', 'inherit'], shell: process.platform === 'win32' });
}
