/** Suites in Node, Bun or Deno: each in a process of its own, whose standard output tells of it. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { skippedOn } from './known.mjs';

/**
 * Runs one suite; returns when the process has ended, or was ended because nothing was heard of it for too long.
 *
 * @param {import('./engines.mjs').Engine & { path: string }} engine
 * @param {{ suite: string, folder: string, quietMs: number, tell: (told: object) => void }} options
 */
export async function runProgram(engine, { suite, folder, quietMs, tell }) {
  const args = [
    ...(engine.options ?? []),
    join(folder, 'cli.js'),
    suite,
    join(folder, 'assets'),
    JSON.stringify(skippedOn(engine.name)),
  ];
  const child = spawn(engine.path, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let ending;
  let whole = false;
  const watch = setTimeout(() => {
    ending = `nothing was heard for ${quietMs / 1000} s`;
    child.kill('SIGKILL');
  }, quietMs);
  child.stderr.on('data', (text) => (said = (said + text).slice(-4000)));
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    watch.refresh();
    if (!line.startsWith('@')) return;
    const told = JSON.parse(line.slice(1));
    whole ||= told.kind === 'done';
    if (told.kind !== 'done') tell(told);
  });
  const [code, signal] = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (...how) => resolve(how));
  });
  clearTimeout(watch);
  if (!whole || code !== 0) {
    const error = `${ending ?? `the process ended with ${signal ?? code}`}\n${said}`;
    tell({ kind: 'ended', file: suite, name: '(the process)', state: 'failed', ms: 0, error });
  }
}
