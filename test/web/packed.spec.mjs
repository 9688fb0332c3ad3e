/** The page as the package holds it, served by `fargo-wasm demo --serve`: isolated, and honest about the guest that is not there. */

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { axeFaults, browserPath, launch, openPage } from './browsers.mjs';
import { boot, machines, selected, stepCount, terminalText, warm } from './lab.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const output = join(root, '.cache', 'web');
/** `fargo-wasm demo --serve` of the package has no `dist-web` beside it. */
const SERVE = `
  const { serveDemo } = await import(${JSON.stringify(pathToFileURL(join(root, 'dist/cli/demo/serve.js')).href)});
  console.log((await serveDemo(0, [new URL(${JSON.stringify(pathToFileURL(join(root, 'dist/web/')).href)})])).address);`;

let server;
let address;

beforeAll(async () => {
  mkdirSync(output, { recursive: true });
  server = spawn(process.execPath, ['--input-type=module', '-e', SERVE], { stdio: ['ignore', 'pipe', 'inherit'] });
  address = await new Promise((resolve, reject) => {
    server.stdout.once('data', (line) => resolve(String(line).trim()));
    server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
});

afterAll(() => server?.kill());

describe.each(['chromium', 'firefox'])('%s', (name) => {
  if (browserPath(name) === undefined) {
    test.skip(`${name} is not on this machine: nothing of it was tested`);
    return;
  }
  let browser;

  beforeAll(async () => {
    browser = await launch(name);
  });

  afterAll(async () => browser?.close());

  test('says that Perl and JavaScript are not there, and forks the others', async () => {
    const { page, context, seen } = await openPage(browser, { address, origin: new URL(address).origin });
    await page.waitForSelector('[data-guest=kv]');
    expect(await page.evaluate('crossOriginIsolated')).toBe(true);
    for (const guest of ['perl', 'javascript']) {
      expect(await page.isDisabled(`[data-guest=${guest}]`)).toBe(true);
      expect(await page.textContent(`[data-guest=${guest}]`)).toContain('not in the npm package');
    }
    for (const guest of ['kv', 'mandelbrot', 'repl']) expect(await page.isEnabled(`[data-guest=${guest}]`)).toBe(true);
    expect(await axeFaults(page)).toEqual([]);
    await page.screenshot({ path: join(output, `${name}-packed-home.png`) });

    await boot(page, 'kv');
    await warm(page);
    await page.click('#fork-first');
    await machines(page, 2);
    expect(await selected(page)).toBe(2);

    // A store without a string key crashes, too.
    const steps = await stepCount(page);
    await page.focus('.console textarea');
    await page.keyboard.type('crash');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.tree-node.trapped');
    expect(await terminalText(page)).toContain('out-of-bounds-memory');
    expect(await stepCount(page)).toBe(steps);
    expect(seen).toMatchObject({ errors: [], elsewhere: [] });
    await context.close();
  });
});
