/**
 * Runs commands as a reader would, in a folder of their own where the package is installed, and notes what they print and when.
 * Nothing of the output is written by hand. Commands see no terminal, so colours are asked for by `FORCE_COLOR`.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const STEPS = [
  { says: 'Boot a guest, warm it, fork it 1,000 times', command: 'npx fargo-wasm fork --save warm.fargo | tail -n 3' },
  { says: 'A family: children of children', command: "npx fargo-wasm demo | sed -n '/pages of 4/,/^$/p'" },
  {
    says: 'The warm machine is a file: go on from it',
    command: "npx fargo-wasm run --invoke 'increment(7, 1)' warm.fargo",
  },
  { says: 'What would this program do to my files?', command: 'npx fargo-wasm diff --dir site tidy.wat' },
  { says: 'It did it to a copy', command: 'cat site/draft.txt' },
];

export async function recordTerminal() {
  const folder = await mkdtemp(join(tmpdir(), 'fargo-recording-'));
  try {
    await install(folder);
    const steps = [];
    for (const { says, command } of STEPS) steps.push({ says, ...(await run(command, folder)) });
    return {
      measured: new Date().toISOString().slice(0, 10),
      engine: `Node ${process.versions.node}`,
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      steps,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What `npm install` leaves, with this repository as the package; a folder of files; a program that changes them. */
async function install(folder) {
  const bin = join(folder, 'node_modules/.bin');
  await mkdir(bin, { recursive: true });
  await symlink(ROOT, join(folder, 'node_modules/fargo-wasm'), 'dir');
  await writeFile(join(bin, 'fargo-wasm'), `#!/bin/sh\nexec "${process.execPath}" "${ROOT}dist/cli/main.js" "$@"\n`);
  await chmod(join(bin, 'fargo-wasm'), 0o755);
  await writeFile(join(folder, 'package.json'), '{ "private": true }');
  await mkdir(join(folder, 'site'));
  await writeFile(join(folder, 'site/draft.txt'), 'still here\n');
  await writeFile(join(folder, 'site/index.txt'), 'as it was\n');
  await copyFile(new URL('tidy.wat', import.meta.url), join(folder, 'tidy.wat'));
}

async function run(command, folder) {
  const env = { ...process.env, FORCE_COLOR: '1', npm_config_loglevel: 'error', npm_config_update_notifier: 'false' };
  delete env.NO_COLOR;
  const started = performance.now();
  const child = spawn('sh', ['-c', `exec 2>&1; ${command}`], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = [];
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text) => output.push({ atMs: Math.round(performance.now() - started), text }));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command}: exit code ${code}\n${output.map(({ text }) => text).join('')}`);
  return { command, output, endMs: Math.round(performance.now() - started) };
}
