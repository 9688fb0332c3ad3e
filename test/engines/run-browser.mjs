/**
 * Suites in a browser: it is started on a page of a server here, which runs each suite in a worker and posts what it hears.
 * So no driver is needed, and Chromium, Firefox and WebKit are all the same.
 *
 * The browser reaches this machine and nothing else: what asks for another address is given none.
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { skippedOn } from './known.mjs';

const page = fileURLToPath(new URL('page/', import.meta.url));
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.bin': 'application/octet-stream',
};

/** How each is started: arguments, variables, and what is written into the folder of its profile. */
const STARTS = {
  chromium: (profile, url) => ({
    args: [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
      `--user-data-dir=${profile}`,
      url,
    ],
  }),
  firefox: (profile, url) => {
    writeFileSync(
      join(profile, 'user.js'),
      FIREFOX.map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`).join(''),
    );
    return { args: ['--headless', '--no-remote', '--profile', profile, url], env: { HOME: profile } };
  },
  webkit: (profile, url) => ({
    args: [url],
    env: { HOME: profile, GDK_BACKEND: 'x11', LIBGL_ALWAYS_SOFTWARE: '1' },
    screen: true,
  }),
};

/** Settings of Firefox: silence, no time limit for scripts, and a proxy that nobody answers for all but this machine. */
const FIREFOX = [
  ['app.update.enabled', false],
  ['browser.aboutwelcome.enabled', false],
  ['browser.shell.checkDefaultBrowser', false],
  ['browser.startup.homepage_override.mstone', 'ignore'],
  ['datareporting.policy.dataSubmissionEnabled', false],
  ['toolkit.telemetry.reportingpolicy.firstRun', false],
  ['network.captive-portal-service.enabled', false],
  ['network.connectivity-service.enabled', false],
  ['network.proxy.type', 1],
  ['network.proxy.http', '127.0.0.1'],
  ['network.proxy.http_port', 9],
  ['network.proxy.ssl', '127.0.0.1'],
  ['network.proxy.ssl_port', 9],
  ['dom.max_script_run_time', 0],
];

/**
 * Runs suites; returns when all have ended, or the browser was ended because nothing was heard of it for too long.
 *
 * @param {import('./engines.mjs').Engine & { path: string }} engine
 * @param {{ suites: readonly string[], folder: string, quietMs: number, tell: (suite: string, told: object) => void }} options
 */
export async function runBrowser(engine, { suites, folder, quietMs, tell }) {
  const profile = mkdtempSync(join(tmpdir(), 'fargo-browser-'));
  const open = new Set(suites);
  let finish;
  const finished = new Promise((resolve) => (finish = resolve));
  const watch = setTimeout(() => finish(`nothing was heard for ${quietMs / 1000} s`), quietMs);
  const server = createServer((request, response) => {
    watch.refresh();
    if (request.method === 'POST') {
      const parts = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        for (const { suite, told } of JSON.parse(Buffer.concat(parts).toString())) {
          if (told.kind === 'finished') finish(undefined);
          else if (told.kind === 'done') open.delete(suite);
          else tell(suite, told);
        }
        response.end();
      });
      return;
    }
    serve(request.url, folder, response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}/index.html?suites=${suites.join(',')}&skip=${encodeURIComponent(JSON.stringify(skippedOn(engine.name)))}`;
  const { args, env, screen } = STARTS[engine.name](profile, url);
  const display = screen ? await startScreen() : undefined;
  const browser = spawn(engine.path, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env, ...(display && { DISPLAY: display.name }) },
    // A group of its own, so that its helpers end with it.
    detached: true,
  });
  let said = '';
  browser.stderr.on('data', (text) => (said = (said + text).slice(-3000)));
  browser.on('error', (error) => finish(String(error)));
  const ended = new Promise((resolve) => browser.on('close', resolve));
  browser.on('exit', (code, signal) => finish(`the browser ended with ${signal ?? code}`));
  const wrong = await finished;
  clearTimeout(watch);
  if (browser.pid !== undefined) {
    try {
      process.kill(-browser.pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
    await ended;
  }
  display?.end();
  server.close();
  server.closeAllConnections();
  rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  for (const suite of open) {
    const error = `${wrong ?? 'it never ended'}\n${said}`;
    tell(suite, { kind: 'ended', file: suite, name: '(the browser)', state: 'failed', ms: 0, error });
  }
}

function serve(url, folder, response) {
  const path = normalize(new URL(url, 'http://localhost').pathname);
  for (const root of [page, folder]) {
    let contents;
    try {
      contents = readFileSync(join(root, path));
    } catch {
      continue;
    }
    response.setHeader('content-type', TYPES[extname(path)] ?? 'text/plain');
    response.end(contents);
    return;
  }
  response.statusCode = 404;
  response.end();
}

/** A screen that nobody sees, for a browser that wants one. */
async function startScreen() {
  const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '800x600x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const number = await new Promise((resolve, reject) => {
    server.on('error', reject);
    server.on('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)));
    server.stdio[3].on('data', (text) => resolve(String(text).trim()));
  });
  return { name: `:${number}`, end: () => server.kill() };
}
