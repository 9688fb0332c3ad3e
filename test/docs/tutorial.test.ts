/**
 * The tutorial, done: its files are written into an empty folder, its commands run there, and what it says they print is what
 * they print. Only the installation is different: the package is this repository, as it was built.
 */

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readDocument, ROOT } from './markdown.ts';

const MINUTES_MS = 300_000;
const folder = mkdtempSync(join(tmpdir(), 'fargo-tutorial-'));

function link(name: string, target: string, bin: string, program: string): void {
  symlinkSync(target, join(folder, 'node_modules', name), 'dir');
  const path = join(folder, 'node_modules/.bin', bin);
  writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" "${join(target, program)}" "$@"\n`);
  chmodSync(path, 0o755);
}

beforeAll(() => {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b'], { cwd: ROOT, stdio: 'inherit' });
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "name": "shop", "private": true }');
  link('fargo-wasm', ROOT, 'fargo-wasm', 'dist/cli/main.js');
  link('assemblyscript', join(ROOT, 'node_modules/assemblyscript'), 'asc', 'bin/asc.js');
}, MINUTES_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.skipIf(process.platform === 'win32')(
  'the tutorial does what it says',
  () => {
    const printed: string[] = [];
    let files = 0;
    for (const { info, text, line } of readDocument('docs/tutorial.md').blocks) {
      const name = /^(?:js|ts) (\S+)$/.exec(info)?.[1];
      if (name !== undefined) {
        writeFileSync(join(folder, name), `${text}\n`);
        files++;
      } else if (info === 'sh') {
        const env = { ...process.env, PATH: `${join(folder, 'node_modules/.bin')}:${process.env['PATH']}` };
        // What npx would do once it has found the program, without its asking the registry.
        const script = text.replaceAll(/^npx /gm, '');
        const args = ['-e', '-c', script];
        printed.push(
          execFileSync('sh', args, { cwd: folder, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
        );
      } else if (info === 'text output') expect(printed.at(-1)?.trimEnd(), `line ${line}`).toBe(text);
      else expect(info, `line ${line}`).toBe('sh install');
    }
    expect(files).toBe(3);
    const [, fork, , saved, tests] = printed;
    expect(fork).toMatch(/^All 1,000 children answered 7\.$/m);
    expect(saved?.trimEnd().split('\n').slice(-2)).toEqual(['7', '10']);
    expect(tests).toMatch(/^[#ℹ] pass 2$/m);
  },
  MINUTES_MS,
);
