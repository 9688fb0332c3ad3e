/** The examples with JavaScript guests, and `fargo-wasm build`, as users run them: over what was built. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';
import { MAIN, ROOT, build } from '../cli/cli.ts';
import { BUILD_MS, describeWithTools, tools } from './tools.ts';

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fargo-js-'));
  await build();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs node where componentize-js is found. */
function node(...args: string[]): string {
  return execFileSync(process.execPath, args, {
    cwd: existsSync(tools.packages) ? tools.packages : ROOT,
    env: { ...process.env, FARGO_WASM_CACHE: tools.cache },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function failure(...args: string[]): { readonly status: number; readonly stderr: string } {
  try {
    node(...args);
  } catch (error) {
    return error as { status: number; stderr: string };
  }
  return expect.fail('it did not fail');
}

test('fargo-wasm build says what is wrong, and prints a world without componentize-js', () => {
  const source = join(folder, 'app.ts');
  writeFileSync(source, 'export const add = (a: number, b: number): number => a + b;');
  expect(node(MAIN, 'build', source, '--print-wit')).toBe(
    'package fargo:app;\n\nworld app {\n  export add: func(a: f64, b: f64) -> result<f64, string>;\n}\n',
  );
  const wrong: [text: string, status: number, message: string][] = [
    ['export const = 1;', 1, 'invalid-module'],
    ['export const f = 5;', 2, 'bad-argument: app.ts exports f, which is not declared there as a function'],
    [`import './none.ts';`, 1, 'invalid-module'],
  ];
  for (const [text, status, message] of wrong) {
    writeFileSync(source, text);
    expect(failure(MAIN, 'build', source, '--print-wit')).toMatchObject({
      status,
      stderr: expect.stringContaining(message),
    });
  }
  expect(failure(MAIN, 'build', join(folder, 'none.ts'))).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('io: '),
  });
  expect(failure(MAIN, 'build', source, '--world', 'x').stderr).toContain('--world is for --wit');
});

describeWithTools('examples', () => {
  test(
    'examples/javascript: 1,000 forks of one template',
    () => {
      const said = node(join(ROOT, 'examples/javascript/main.mjs'));
      expect(said).toMatch(/^template in \d+ ms, 1000 requests in \d+ ms, a fork for each\n$/);
    },
    BUILD_MS,
  );

  test(
    'a sandbox as a fixture',
    () => {
      const said = node('--test', '--test-reporter=tap', join(ROOT, 'examples/fixtures/javascript.test.mjs'));
      expect(said).toContain('# pass 2');
    },
    BUILD_MS,
  );

  test(
    'fargo-wasm build, then fork, run and inspect',
    () => {
      const out = join(folder, 'shop.wasm');
      const said = node(MAIN, 'build', join(ROOT, 'test/js/guests/shop.ts'), '-o', out);
      expect(said).toContain('shop.wasm: ');
      expect(said).toContain('export total: func(arg0: order) -> result<f64, string>;');
      expect(node(MAIN, 'inspect', out)).toContain('random-numbers');
      const call = 'pair([1, 2], true)';
      expect(node(MAIN, 'run', '--invoke', call, out)).toContain('1,2');
      const figures = JSON.parse(node(MAIN, 'fork', out, '-n', '20', '--no-compare', '--json', '--call', call)) as {
        readonly options: { readonly count: number };
      };
      expect(figures.options.count).toBe(20);
    },
    BUILD_MS,
  );
});
