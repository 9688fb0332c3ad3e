#!/usr/bin/env node
/**
 * `npm run test:package`: the package as users get it. Packs it, installs the tarball into an empty folder as each engine's own
 * tool does, and runs the command line there: `fork`, `demo`, `demo --serve`, and an import of every door. A line an engine; exit
 * code 1 if one fails.
 *
 * `node test/package-engines.mjs [ENGINE...]`. Engines come from npm, into `.engines`; the package's dependencies too.
 */

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { ENGINES, programOf, versionOf } from './engines/engines.mjs';
import { ROOT } from './engines/repository.mjs';

const TIMEOUT_MS = 120_000;
const COUNT = 50;
/** Doors that need a test engine of their own are left to test/fixtures. */
const DOORS = ['fargo-wasm', 'fargo-wasm/node', 'fargo-wasm/browser', 'fargo-wasm/js'];

const DOOR_SCRIPT = `
import { readFileSync } from 'node:fs';
${DOORS.map((door, index) => `import * as door${index} from '${door}';`).join('\n')}
if (![${DOORS.map((_, index) => `door${index}`).join(', ')}].every((door) => Object.keys(door).length > 0)) throw new Error('a door is empty');
for (const { Host } of [door0, door2]) {
  const host = await Host.create();
  const vm = await (await host.build(readFileSync('node_modules/fargo-wasm/dist/guests/counter.wasm'))).boot();
  vm.call('add', 41);
  const [a, b] = vm.snapshot().fork(2);
  if (a.call('increment') !== 42 || b.call('value') !== 41) throw new Error('a child saw what another wrote');
  const there = await (await Host.create()).load(await a.save());
  if (there.fork().call('value') !== 42) throw new Error('what was loaded is not what was saved');
  // An empty component: jco is not installed here.
  const refused = await host.build(Uint8Array.of(0, 0x61, 0x73, 0x6d, 13, 0, 1, 0)).catch(({ code }) => code);
  if (refused !== 'missing-dependency') throw new Error('a component without jco: ' + refused);
  host.dispose();
}
console.log('doors are open');
`;

/** How each kind of engine runs a tarball's command in an empty folder, where it can, installs it, and runs its command and a script. */
const TOOLS = {
  node: (program) => ({
    once: (tarball, args) => ['npx', ['--yes', `--package=${tarball}`, 'fargo-wasm', ...args]],
    install: (tarball) => ['npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', tarball]],
    command: (args) => ['npx', ['--no-install', 'fargo-wasm', ...args]],
    script: (file) => [program, [file]],
  }),
  bun: (program) => ({
    install: (tarball) => [program, ['add', '--silent', tarball]],
    command: (args) => [program, ['x', '--bun', '--no-install', 'fargo-wasm', ...args]],
    script: (file) => [program, [file]],
  }),
  deno: (program) => ({
    // Deno installs no tarballs: npm does, and Deno runs what is there.
    install: (tarball) => ['npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', tarball]],
    command: (args) => [program, ['run', '--allow-all', 'npm:fargo-wasm', ...args]],
    script: (file) => [program, ['run', '--allow-all', file]],
  }),
};

/** One engine. @returns what to say of it */
async function tryEngine(engine, tarball, work) {
  const program = programOf(engine);
  const kind = engine.program;
  const tools = TOOLS[kind](program);
  const folder = join(work, engine.name);
  mkdirSync(folder);
  // The engine's own `node` comes first, so that npm and npx run on it too.
  const env = {
    ...process.env,
    NO_COLOR: '1',
    npm_config_cache: join(work, 'npm'),
    npm_config_update_notifier: 'false',
  };
  env.PATH = `${dirname(program)}${delimiter}${env.PATH}`;
  const run = ([command, args]) =>
    execFileSync(command, args, {
      cwd: folder,
      env,
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    });

  const forking = ['fork', '--count', String(COUNT), '--json', '--no-compare'];
  const once = tools.once === undefined ? undefined : JSON.parse(run(tools.once(tarball, forking)));
  run(tools.install(tarball));
  const fork = JSON.parse(run(tools.command(forking)));
  const demo = JSON.parse(run(tools.command(['demo', '--count', String(COUNT), '--json'])));
  const wrong = [];
  for (const { platform, children, results } of once === undefined ? [fork] : [once, fork]) {
    if (!platform.runtime.startsWith(kind)) wrong.push(`it ran on ${platform.runtime}`);
    if (children.forked !== COUNT || results[0]?.value !== 42) wrong.push('fork gave something else');
  }
  if (demo.trap.pagesLeft !== 0 || demo.family.machines !== COUNT + 6) wrong.push('demo gave something else');
  writeFileSync(join(folder, 'doors.mjs'), DOOR_SCRIPT);
  if (!run(tools.script('doors.mjs')).includes('doors are open')) wrong.push('a door is shut');
  wrong.push(...(await served(tools.command(['demo', '--serve', '--port', '0']), { cwd: folder, env })));
  if (wrong.length > 0) throw new Error(wrong.join('; '));
  return `${(fork.fork.p50Ns / 1000).toFixed(2)} µs a fork, demo ${(demo.totalMs / 1000).toFixed(1)} s`;
}

/** Asks the server of the demo for its page. @returns what was wrong */
async function served([command, args], options) {
  // A group of its own: npx has the server as a child.
  const server = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  const ended = new Promise((resolve) => server.once('close', resolve));
  try {
    const line = await Promise.race([
      new Promise((resolve) => server.stdout.once('data', (bytes) => resolve(String(bytes)))),
      ended.then((code) => `ended with ${code}`),
      new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS, 'said nothing').unref()),
    ]);
    const [address] = /http:\/\/[\d.:]+\//.exec(line) ?? [];
    if (address === undefined) return [`the server ${line.trim()}`];
    const page = await fetch(address);
    const outside = await fetch(new URL('package.json', address));
    if (!page.ok || !(await page.text()).includes('absent-guests')) return [`the page answered ${page.status}`];
    return outside.status === 404 ? [] : ['more than the page is served'];
  } finally {
    process.kill(-server.pid, 'SIGTERM');
    await ended;
  }
}

const wanted = process.argv.slice(2);
const engines = ENGINES.filter(
  ({ kind, name }) => kind === 'program' && (wanted.length === 0 || wanted.includes(name)),
);
if (engines.length === 0) throw new Error(`no engine of ${wanted.join(', ')}`);
const work = mkdtempSync(join(tmpdir(), 'fargo-package-'));
let failed = false;
try {
  const packing = ['pack', '--json', '--ignore-scripts', '--pack-destination', work];
  const [{ filename, size }] = JSON.parse(
    execFileSync('npm', packing, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  );
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  console.log(`fargo-wasm ${version}, ${size} bytes packed`);
  for (const engine of engines) {
    const started = performance.now();
    let result;
    try {
      result = `ok    ${await tryEngine(engine, join(work, filename), work)}`;
    } catch (error) {
      failed = true;
      result = `FAILED  ${error.message}\n${error.stderr ?? ''}`;
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `${engine.name.padEnd(8)}${/\d[\d.]*/.exec(versionOf(programOf(engine)))[0].padEnd(8)}  ${result}  (${seconds} s)`,
    );
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
