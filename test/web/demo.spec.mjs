/**
 * The demo in real browsers: everything that its page offers, its figures, and what it must not do. Screenshots and figures
 * are kept in `.cache/web`.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { callWithBytes, Host } from 'fargo-wasm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TILE, TILES_ACROSS, TILES_DOWN } from '../../web/tiles.ts';
import { axeFaults, browserPath, launch, openPage } from './browsers.mjs';
import {
  answerStats,
  askAll,
  boot,
  expectClean,
  figure,
  lastAnswer,
  machines,
  select,
  selected,
  stepCount,
  terminalText,
  type,
  warm,
} from './lab.mjs';
import { serve } from './serve.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const output = join(root, '.cache', 'web');
const FORK_US_MAX = 10;
const PAGE_BYTES_MAX = 1_000_000;
const CHILDREN_BYTES_MAX = 80_000_000;

const figures = {};
let server;

beforeAll(async () => {
  mkdirSync(output, { recursive: true });
  server = await serve();
  const kv = join(root, 'guests/build/kv.wasm');
  const script = join(root, '.cache/web-node/node-figure.js');
  const { forkUs, firstResultUs, copyUs } = JSON.parse(
    execFileSync(process.execPath, [script, kv], { encoding: 'utf8' }),
  );
  figures.node = { version: process.version, forkUs, firstUs: firstResultUs, copyUs };
});

afterAll(() => {
  server?.close();
  writeFileSync(join(output, 'figures.json'), `${JSON.stringify(figures, undefined, 2)}\n`);
  console.log(JSON.stringify(figures, undefined, 2));
});

describe.each(['chromium', 'firefox'])('%s', (name) => {
  const path = browserPath(name);
  if (path === undefined) {
    test.skip(`${name} is not on this machine: nothing of it was tested`);
    return;
  }
  let browser;
  const shot = (page, what) => page.screenshot({ path: join(output, `${name}-${what}.png`) });
  // Firefox can not be told the colours by its driver.
  const dark = name === 'chromium' ? { colorScheme: 'dark' } : {};
  const open = (options = {}) =>
    openPage(browser, { address: server.plain, origin: server.origin, ...dark, ...options });

  beforeAll(async () => {
    browser = await launch(name);
    figures[name] = { version: browser.version() };
  });

  afterAll(async () => browser?.close());

  test('a machine is booted, warmed, forked, run, trapped, rolled back, saved, and goes on after a reload', async () => {
    const { page, context, seen } = await open();
    await page.waitForSelector('[data-guest=kv]');
    expect(seen.bytes).toBeGreaterThan(10_000);
    expect(seen.bytes).toBeLessThan(PAGE_BYTES_MAX);
    figures[name].pageBytes = seen.bytes;
    await shot(page, 'home');

    await boot(page, 'kv');
    await warm(page);
    for (const key of ['fork', 'first', 'copy']) figures[name][`${key}Us`] = await figure(page, key);
    expect(figures[name].forkUs).toBeGreaterThan(0.01);
    figures[name].forkToNode = figures[name].forkUs / figures.node.forkUs;
    if (name === 'chromium') expect(figures[name].forkUs).toBeLessThan(FORK_US_MAX);
    expect(figures[name].copyUs).toBeGreaterThan(figures[name].forkUs);

    // A child of its own, which its parent does not see.
    await page.click('#fork-first');
    await machines(page, 2);
    const child = await selected(page);
    expect(await type(page, 'set colour teal')).toBe('ok');
    expect(await type(page, 'get colour')).toBe('teal');
    await select(page, 1);
    expect(await type(page, 'get colour')).toBe('(none)');
    await select(page, child);

    // A trap: the pages are as they were, and so is what they say.
    const digest = await type(page, 'digest');
    const steps = await stepCount(page);
    await page.focus('.console textarea');
    await page.keyboard.type('crash');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.tree-node.trapped');
    await page.waitForTimeout(300);
    expect(await terminalText(page)).toMatch(/trapped: out-of-bounds-memory[^]*rolled back: 0 pages/);
    expect(await stepCount(page)).toBe(steps);
    expect(await type(page, 'digest')).toBe(digest);

    // Back along the time line, and forth again.
    await page.click('.timeline li:nth-child(1) button');
    await page.waitForSelector('.timeline li:nth-child(1) [aria-current=step]');
    await page.click('.timeline li:nth-child(3) button');
    await page.waitForSelector('.timeline li:nth-child(3) [aria-current=step]');
    await page.click('.timeline li:nth-child(1) button');
    await page.waitForSelector('.timeline li:nth-child(1) [aria-current=step]');
    await page.focus('.console textarea');
    await page.keyboard.type('get colour');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelectorAll('.timeline li').length === 2);
    expect(await lastAnswer(page)).toBe('(none)');
    await type(page, 'set colour ochre');
    await type(page, 'scatter 200');
    await shot(page, 'machine');

    // Saved, and gone on with in a page that knows nothing of it.
    const saved = join(output, `${name}-machine.fargo`);
    await saveMachine(page, { name, path: saved });
    await page.reload();
    await page.setInputFiles('#file', saved);
    await page.waitForSelector('#fork-first', { timeout: 60_000 });
    expect(await type(page, 'get colour')).toBe('ochre');
    expect(await type(page, 'size')).toBe('50001');
    await page.click('#fork-one');
    await machines(page, 2);
    expect(await type(page, 'get colour')).toBe('ochre');
    // Once more into a page that has it: a second root of the same family.
    await page.setInputFiles('#file', saved);
    await machines(page, 3);
    expect(await type(page, 'get colour')).toBe('ochre');
    // And by drag and drop.
    await drop(page, saved);
    await machines(page, 4);
    expect(await page.$$eval('.tree-node .under', (all) => all.map(({ textContent }) => textContent))).toEqual([
      'from a file',
      expect.stringMatching(/^\+\d+ pages$/),
      'from a file',
      'from a file',
    ]);
    expect(await type(page, 'get colour')).toBe('ochre');
    await shot(page, 'loaded');
    expect(await savedColour(saved)).toBe('ochre');
    expectClean(seen);
    await context.close();
  });

  test('a thousand children, a thousand answers', async () => {
    const { page, context, seen } = await open();
    await boot(page, 'repl');
    await warm(page);
    const facts = await askAll(page, { count: 1000, line: 'x + {n}' });
    expect(facts).toMatch(/^1,000 answers in /);
    // x is fib(16), and each child added its own number to it.
    expect(await answerStats(page)).toEqual({ answers: 1000, different: 1000, mean: 987 + 499.5 });
    const estimates = await askAllAgain(page, 'pi(150)');
    expect(estimates.different).toBeGreaterThan(20);
    expect(estimates.mean).toBeGreaterThan(3.1);
    expect(estimates.mean).toBeLessThan(3.18);
    await shot(page, 'thousand');
    expect(await figure(page, 'machines')).toBeGreaterThanOrEqual(1001);

    // One of them becomes a machine of the tree.
    await page.click('.swarm-canvas', { position: { x: 200, y: 200 } });
    await page.waitForFunction(() => document.querySelectorAll('.timeline li').length === 2);
    expect(await type(page, 'x')).toBe('987');
    expectClean(seen);
    await context.close();
  });

  test('a thousand machines compute a picture, and each tile is what a plain engine computes', async () => {
    const { page, context, seen } = await open();
    await boot(page, 'mandelbrot');
    await warm(page);
    await askAll(page, { count: 1000, line: '-0.65 0 3.4' });
    const pixels = Buffer.from(
      await page.$eval('.swarm-canvas', (canvas) => {
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let text = '';
        for (let i = 0; i < data.length; i += 8192) text += String.fromCharCode(...data.subarray(i, i + 8192));
        return btoa(text);
      }),
      'base64',
    );
    expect(pixels.equals(await plainPicture({ x: -0.65, y: 0, across: 3.4 }))).toBe(true);
    await shot(page, 'picture');
    await page.click('.swarm-canvas', { position: { x: 300, y: 200 } });
    await page.waitForFunction(() => !document.querySelector('#swarm-line').value.startsWith('-0.65 0'));
    expectClean(seen);
    await context.close();
  });

  test('Perl: boots, warms, forks, loops for ever and is stopped, and its files differ', async () => {
    const { page, context, seen } = await open();
    await boot(page, 'perl');
    await warm(page);
    figures[name].perl = {};
    for (const key of ['fork', 'first', 'copy']) figures[name].perl[`${key}Us`] = await figure(page, key);
    await page.click('#fork-first');
    await machines(page, 2);
    expect(await type(page, '%table = (); print scalar keys %table')).toBe('0');
    expect(await type(page, '6 * 7')).toBe('=> 42');
    await page.click('.chip.danger');
    await page.waitForSelector('.tree-node.trapped', { timeout: 60_000 });
    await page.waitForTimeout(300);
    expect(await terminalText(page)).toMatch(/trapped: budget-spent[^]*rolled back: 0 pages/);
    expect(await type(page, 'print scalar keys %table')).toBe('0');
    await type(page, 'open(my $f, ">>", "/notes.txt"); print $f "by the child"; close $f');
    await page.waitForSelector('.files li');
    expect(await page.textContent('.files li')).toMatch(/changed.*\/notes\.txt/);
    await page.click('.files button.link');
    await page.waitForFunction(() => /by the child/.test(document.querySelector('.file-contents')?.textContent ?? ''));
    await shot(page, 'perl');
    await select(page, 1);
    expect(await type(page, 'print scalar keys %table')).toBe('50000');
    await askAll(page, { count: 1000, line: 'print $table{{n} + 1}' });
    expect(await answerStats(page)).toMatchObject({ answers: 1000, different: 1000 });
    await shot(page, 'perl-thousand');

    // The child is saved, with its files, and goes on in a page that has fetched no Perl.
    if (name === 'chromium') {
      await select(page, 2);
      const saved = join(output, `${name}-perl.fargo`);
      await saveMachine(page, { name, path: saved });
      await page.reload();
      await page.setInputFiles('#file', saved);
      await page.waitForSelector('#fork-first', { timeout: 120_000 });
      expect(await type(page, 'print scalar keys %table')).toBe('0');
      expect(await type(page, 'open(my $f, "<", "/notes.txt"); local $/; print scalar <$f>')).toMatch(/by the child/);
      expect(await figure(page, 'machines')).toBe(1);
    }
    expectClean(seen);
    await context.close();
  });

  test('JavaScript: what is typed into one fork no other sees, numbers differ, an endless loop is undone', async () => {
    const { page, context, seen } = await open();
    await boot(page, 'javascript');
    await warm(page);
    figures[name].javascript = {};
    for (const key of ['fork', 'first', 'copy']) figures[name].javascript[`${key}Us`] = await figure(page, key);
    await page.click('#fork-first');
    await machines(page, 2);
    expect(await type(page, 'handle("key7")')).toBe('"key7 is 49, visit 201"');
    expect(await type(page, 'const twice = (x) => 2 * x')).toBe('');
    expect(await type(page, 'squares.clear(); console.log("gone"); twice(21)')).toBe('gone\n42');
    expect(await type(page, 'missing')).toContain('ReferenceError: missing is not defined');
    await page.click('.chip.danger');
    await page.waitForSelector('.tree-node.trapped', { timeout: 60_000 });
    await page.waitForTimeout(300);
    expect(await terminalText(page)).toMatch(/trapped: budget-spent[^]*rolled back: 0 pages/);
    expect(await type(page, 'visits')).toBe('201');
    await shot(page, 'javascript');
    await select(page, 1);
    expect(await type(page, 'typeof twice + " " + squares.size + " " + visits')).toBe('"undefined 20000 200"');
    await askAll(page, { count: 1000, line: 'handle("key{n}")' });
    expect(await answerStats(page)).toMatchObject({ answers: 1000, different: 1000 });
    await shot(page, 'javascript-thousand');
    await select(page, 1);
    await askAll(page, { count: 1000, line: 'Math.random()' });
    expect(await answerStats(page)).toMatchObject({ answers: 1000, different: 1000 });

    // A child is saved, and goes on in a page that has fetched no engine: what is code comes from the page, not from the file.
    await select(page, 2);
    if (name === 'chromium') {
      const saved = join(output, `${name}-javascript.fargo`);
      await saveMachine(page, { name, path: saved });
      await page.reload();
      await page.setInputFiles('#file', saved);
      await page.waitForSelector('#fork-first', { timeout: 120_000 });
      expect(await type(page, 'twice(4) + " " + visits')).toBe('"8 201"');
    }
    expectClean(seen);
    await context.close();
  });

  test('by keyboard alone the tree grows, is walked and shrinks', async () => {
    const { page, context, seen } = await open();
    await page.focus('[data-guest=kv]');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#warm', { timeout: 60_000 });
    await page.focus('[role=treeitem][data-id="1"]');
    for (const key of ['f', 'f', 'ArrowUp', 'f']) {
      const before = await page.$$eval('.tree-node', (all) => all.length);
      await page.keyboard.press(key);
      if (key === 'f') {
        await page.waitForFunction((count) => document.querySelectorAll('.tree-node').length === count + 1, before);
      }
      await page.focus(`[role=treeitem][data-id="${await selected(page)}"]`);
    }
    expect(await page.$$eval('.tree-node', (all) => all.map((each) => each.getAttribute('aria-level')))).toEqual([
      '1',
      '2',
      '3',
      '3',
    ]);
    expect(await selected(page)).toBe(4);
    await page.keyboard.press('ArrowLeft');
    expect(await selected(page)).toBe(3);
    await page.keyboard.press('Home');
    expect(await selected(page)).toBe(1);
    await page.keyboard.press('ArrowDown');
    expect(await selected(page)).toBe(2);
    await page.keyboard.press('Delete');
    await machines(page, 3);
    // Its children live on, and hang below its parent.
    expect(await page.$$eval('.tree-node', (all) => all.map((each) => each.dataset.id))).toEqual(['1', '3', '4']);
    expectClean(seen);
    await context.close();
  });

  test('what can not be opened is said, and the page goes on', async () => {
    const { page, context } = await open();
    await page.setInputFiles('#file', {
      name: 'noise.fargo',
      mimeType: 'application/octet-stream',
      buffer: Buffer.alloc(4096, 7),
    });
    await page.waitForSelector('[role=alert]:not([hidden])');
    expect(await page.textContent('[role=alert]')).toMatch(/noise\.fargo could not be loaded/);
    await page.click('text=Back');
    await page.waitForSelector('[data-guest=kv]');
    await page.route?.('**/kv.wasm.gz', (route) => route.abort());
    await page.click('[data-guest=kv]');
    await page.waitForSelector('[role=alert]');
    expect(await page.textContent('main')).toMatch(/could not be fetched/);
    await page.unroute('**/kv.wasm.gz');
    await page.click('text=Try again');
    await page.waitForSelector('#warm', { timeout: 60_000 });
    await context.close();
  });

  test('a file that no page could hold is not read, and a worker that did not start is said', async () => {
    const { page, context } = await open();
    const huge = join(output, `${name}-huge.fargo`);
    writeFileSync(huge, '');
    truncateSync(huge, 2 ** 30 + 1);
    await page.setInputFiles('#file', huge);
    await page.waitForSelector('[role=alert]:not([hidden])');
    rmSync(huge);
    expect(await page.textContent('[role=alert]')).toMatch(
      /could not be loaded: it has 1(\.0+)? GiB, and this page takes/,
    );
    expect(await page.evaluate(() => document.activeElement.textContent)).toBe('Back');
    await page.click('text=Back');
    await page.waitForSelector('[data-guest=kv]');
    await context.close();

    const other = await open();
    await other.page.route('**/assets/main-*.js', (route) => route.abort());
    await other.page.reload();
    await other.page.click('[data-guest=kv]');
    await other.page.waitForSelector('[role=alert]:not([hidden])');
    expect(await other.page.textContent('[role=alert]')).toMatch(/the worker could not be started/);
    await other.context.close();
  });

  test('groups outlive their machine, and what is said of one is not said of another', async () => {
    const { page, context, seen } = await open();
    await boot(page, 'repl');
    await warm(page);
    await page.click('#fork-first');
    await machines(page, 2);
    const facts = await askAll(page, { count: 1000, line: 'x + {n}' });
    await select(page, 2);
    await page.click('.machine .actions button:text-is("End")');
    await machines(page, 1);
    await page.click('.tree-swarm');
    await page.waitForSelector('#run-all');
    expect(await page.textContent('#swarm-title')).toBe('1,000 children of machine 1');
    expect(await page.textContent('.swarm .facts')).toBe(facts);

    // One group runs while another is looked at; then a line that is stopped by the next one.
    await page.fill('#swarm-line', 'fib(20)');
    await page.click('#run-all');
    await select(page, 1);
    await page.click('[data-fork="1000"]');
    await page.waitForSelector('.tree-swarm >> nth=1');
    await page.waitForFunction(() => document.querySelector('.swarm .facts')?.textContent.startsWith('forked in'));
    expect(await page.textContent('#run-all')).toBe('Run in all');
    await page.fill('#swarm-line', 'fib(21)');
    await page.click('#run-all');
    await page.click('.swarm .chip');
    await page.waitForFunction(() =>
      document.querySelector('.swarm .facts').textContent.startsWith('1,000 answers in '),
    );
    expect(await page.textContent('#run-all')).toBe('Run in all');
    expect((await answerStats(page)).answers).toBe(1000);
    expect(await page.isVisible('.lab > .notice')).toBe(false);

    // Away from it all is away: the machines go.
    await page.click('#change-guest');
    await boot(page, 'kv');
    await page.waitForFunction(() => document.querySelector('[data-figure=machines]').dataset.value === '1');
    expectClean(seen);
    await context.close();
  });

  test('the focus stays with who works by keyboard', async () => {
    const { page, context, seen } = await open();
    const focused = () =>
      page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute('role') || '');
    await page.focus('[data-guest=kv]');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#warm');
    expect(await focused()).toBe('main');
    await page.focus('#warm');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#fork-first');
    expect(await focused()).toBe('fork-first');
    await page.keyboard.press('Enter');
    await machines(page, 2);
    expect(await focused()).toBe('treeitem');
    await type(page, 'add 7 1');
    await page.focus('.timeline li:nth-child(1) button');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.timeline li:nth-child(1) [aria-current=step]');
    expect(await page.evaluate(() => document.activeElement.getAttribute('aria-current'))).toBe('step');
    // A child of a group is looked at, and taken out of it.
    await select(page, 1);
    await askAll(page, { count: 1000, line: 'add 7 {n}' });
    await page.focus('#swarm-child');
    await page.keyboard.type('41');
    expect(await page.textContent('#live')).toMatch(/^child 41: /);
    expect(await page.textContent('.swarm-caption')).toBe(await page.textContent('#live'));
    await page.keyboard.press('Enter');
    await machines(page, 3);
    expect(await focused()).toBe('treeitem');
    await page.focus('#change-guest');
    await page.keyboard.press('Enter');
    expect(await focused()).toBe('main');
    expectClean(seen);
    await context.close();
  });

  test.each(['dark', 'light'])('axe finds no serious fault, %s', async (scheme) => {
    const { page, context } = await open();
    await page.evaluate((wanted) => (document.documentElement.dataset.theme = wanted), scheme);
    expect(await axeFaults(page)).toEqual([]);
    await boot(page, 'kv');
    await warm(page);
    await page.click('#fork-first');
    await machines(page, 2);
    await type(page, 'scatter 100');
    expect(await axeFaults(page)).toEqual([]);
    await askAll(page, { count: 1000, line: 'add 7 {n}' });
    expect(await axeFaults(page)).toEqual([]);
    await shot(page, `group-${scheme}`);
    await context.close();
  });

  test('nothing hangs over the edge of a phone', async () => {
    const { page, context } = await open({ viewport: { width: 390, height: 844 } });
    const overhang = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(await overhang()).toBeLessThanOrEqual(0);
    await shot(page, 'phone-home');
    await boot(page, 'kv');
    await warm(page);
    await page.click('#fork-thousand');
    await page.waitForSelector('#run-all');
    expect(await overhang()).toBeLessThanOrEqual(0);
    await page.screenshot({ path: join(output, `${name}-phone.png`), fullPage: true });
    await select(page, 1);
    expect(await overhang()).toBeLessThanOrEqual(0);
    await page.screenshot({ path: join(output, `${name}-phone-machine.png`), fullPage: true });
    await context.close();
  });

  test('10,000 children of a small guest, each with a page of its own', async () => {
    const { page, context, seen } = await open({ address: server.isolated });
    await boot(page, 'kv');
    await warm(page);
    const before = await tabBytes(page);
    await askAll(page, { count: 10_000, line: 'add 7 {n}' });
    expect(await answerStats(page)).toMatchObject({ answers: 10_000, different: 10_000 });
    expect(await figure(page, 'machines')).toBe(10_001);
    const held = await figure(page, 'memory');
    const after = await tabBytes(page);
    figures[name].tenThousand = { frameBytes: held, tabBytesBefore: before, tabBytes: after };
    expect(held).toBeLessThan(CHILDREN_BYTES_MAX);
    if (after !== undefined) expect(after).toBeLessThan(CHILDREN_BYTES_MAX);
    await shot(page, 'ten-thousand');
    expectClean(seen);
    await context.close();
  });
});

async function askAllAgain(page, line) {
  await page.fill('#swarm-line', line);
  await page.click('#run-all');
  await page.waitForFunction(() => document.querySelector('#run-all').textContent === 'Stop');
  await page.waitForFunction(() => document.querySelector('#run-all').textContent === 'Run in all', undefined, {
    timeout: 90_000,
  });
  return answerStats(page);
}

/** What the browser counts for the page and its worker together; only Chromium does, and only for isolated pages. */
async function tabBytes(page) {
  return page.evaluate(async () => {
    if (performance.measureUserAgentSpecificMemory === undefined || !crossOriginIsolated) return undefined;
    return (await performance.measureUserAgentSpecificMemory()).bytes;
  });
}

/** Clicks on Save. Firefox's driver is not told of downloads: there the file is taken where the page hands it over. */
async function saveMachine(page, { name, path }) {
  if (name === 'chromium') {
    const download = page.waitForEvent('download');
    await page.click('#save');
    await (await download).saveAs(path);
    return;
  }
  await page.evaluate(() => {
    const make = URL.createObjectURL.bind(URL);
    URL.createObjectURL = (blob) => make((globalThis.savedBlob = blob));
  });
  await page.click('#save');
  await page.waitForFunction(() => globalThis.savedBlob !== undefined);
  const text = await page.evaluate(async () => {
    const bytes = new Uint8Array(await globalThis.savedBlob.arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  });
  writeFileSync(path, Buffer.from(text, 'base64'));
}

/** Drops a file onto the page. */
async function drop(page, path) {
  await page.evaluate((text) => {
    const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], 'dropped.fargo'));
    for (const kind of ['dragover', 'drop']) {
      document.body.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer }));
    }
  }, readFileSync(path).toString('base64'));
}

/** What a machine that a browser saved answers in this process, on another engine. */
async function savedColour(path) {
  const host = await Host.create();
  const snapshot = await host.load(readFileSync(path));
  const machine = snapshot.fork();
  const at = callWithBytes(machine, 'get', new TextEncoder().encode('colour'));
  const colour = machine.memory.readText(at, machine.call('valueLength'));
  host.dispose();
  return colour;
}

/** The same tiles by the same guest, not instrumented, in this process. */
async function plainPicture({ x, y, across }) {
  const module = readFileSync(join(root, 'guests/build/mandelbrot.wasm'));
  const { instance } = await WebAssembly.instantiate(module);
  const { look, render, memory } = instance.exports;
  const width = TILES_ACROSS * TILE;
  const picture = Buffer.alloc(width * TILES_DOWN * TILE * 4);
  const step = across / TILES_ACROSS;
  for (let row = 0; row < TILES_DOWN; row++) {
    for (let column = 0; column < TILES_ACROSS; column++) {
      look(x + (column - (TILES_ACROSS - 1) / 2) * step, y + (row - (TILES_DOWN - 1) / 2) * step, step);
      const address = render(TILE, TILE, 300);
      const tile = Buffer.from(memory.buffer, address, TILE * TILE * 4);
      for (let line = 0; line < TILE; line++) {
        const at = ((row * TILE + line) * width + column * TILE) * 4;
        tile.copy(picture, at, line * TILE * 4, (line + 1) * TILE * 4);
      }
    }
  }
  return picture;
}
