/**
 * The examples in the documents run: each code block marked `ts runnable` is a module of its own, type-checked with the
 * rules of the library, and executed. Their assertions are their own (`node:assert`). Those marked `ts checked`, such as
 * files of tests, are type-checked only.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readDocument, ROOT } from './markdown.ts';

const DOCUMENTS = [
  'README.md',
  'docs/api.md',
  'docs/components.md',
  'docs/disk-images.md',
  'docs/fixtures.md',
  'docs/javascript.md',
  'SECURITY.md',
];
/** Ignored by git and by the tools that read what git ignores. */
const FOLDER = join(ROOT, 'test/docs/.cache');
/** What examples import, as the sources that it is built from. */
const SOURCES: Readonly<Record<string, string>> = {
  'fargo-wasm': 'src/index.ts',
  'fargo-wasm/node': 'src/platform/node/index.ts',
  'fargo-wasm/js': 'src/js/node/index.ts',
  'fargo-wasm/vitest': 'src/fixtures/node/vitest.ts',
  'fargo-wasm/node-test': 'src/fixtures/node/node-test.ts',
};

const examples = DOCUMENTS.filter((path) => existsSync(join(ROOT, path))).flatMap((path) =>
  readDocument(path)
    .blocks.filter(({ info }) => info === 'ts runnable' || info === 'ts checked')
    .map(({ line, text, info }) => ({
      runs: info === 'ts runnable',
      title: `${path}, line ${line}`,
      file: `${path.replaceAll(/\W+/g, '-')}-${line}.ts`,
      text: text.replaceAll(/from '(fargo-wasm[^']*)'/g, (_all, name: string) => {
        const source = SOURCES[name];
        if (source === undefined) throw new Error(`${path}, line ${line}: no module "${name}"`);
        return `from '${join(ROOT, source)}'`;
      }),
    })),
);

beforeAll(() => {
  execFileSync(process.execPath, [join(ROOT, 'guests/build.mjs'), '--quiet'], { stdio: 'inherit' });
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  for (const { file, text } of examples) writeFileSync(join(FOLDER, file), `${text}\nexport {};\n`);
  const config = {
    extends: '../../../tsconfig.base.json',
    compilerOptions: {
      noEmit: true,
      composite: false,
      declaration: false,
      isolatedDeclarations: false,
      rewriteRelativeImportExtensions: false,
      types: ['node'],
      noUnusedLocals: false,
    },
    include: ['*.ts', '../../../src/base/ambient.d.ts'],
  };
  writeFileSync(join(FOLDER, 'tsconfig.json'), JSON.stringify(config));
});

afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

describe('examples', () => {
  test('there are some', () => {
    expect(examples.length).toBeGreaterThan(8);
  });

  test('type-check', () => {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', FOLDER, '--pretty', 'false'], { encoding: 'utf8' });
    expect(stdout).toBe('');
  });

  test.each(examples.filter(({ runs }) => runs).map((each) => [each.title, each] as const))(
    '%s',
    async (_title, { file }) => {
      await import(/* @vite-ignore */ join(FOLDER, file));
    },
  );
});
