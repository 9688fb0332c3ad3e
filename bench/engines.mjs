#!/usr/bin/env node
/**
 * Installs the engines that benches and tests run on beside the current one, as npm packages, into `.engines` (ignored by
 * git): `node bench/engines.mjs [NAME...]`, by default all. What is there already is left alone. About 320 MB.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const folder = fileURLToPath(new URL('../.engines/', import.meta.url));

/** Package and program of each engine; each in a folder of its own, since both packages offer a `node`. */
const ENGINES = {
  node26: { wanted: 'node@26', program: 'node' },
  bun: { wanted: 'bun@1', program: 'bun' },
};

export const ENGINE_NAMES = Object.keys(ENGINES);

/**
 * The program of an engine, installed where it is missing.
 *
 * @param {string} name
 * @returns {string} its path
 */
export function engineProgram(name) {
  const engine = ENGINES[name];
  if (engine === undefined) throw new Error(`engine ${name} is unknown; known are ${ENGINE_NAMES.join(', ')}`);
  const home = join(folder, name);
  const program = join(home, 'node_modules', '.bin', engine.program + (process.platform === 'win32' ? '.cmd' : ''));
  if (!existsSync(program)) install(home, engine.wanted);
  return program;
}

function install(home, wanted) {
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', wanted], {
    cwd: home,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const names = process.argv.length > 2 ? process.argv.slice(2) : ENGINE_NAMES;
  for (const name of names) {
    const program = engineProgram(name);
    console.log(`${name}: ${execFileSync(program, ['--version'], { encoding: 'utf8' }).trim()}`);
  }
}
