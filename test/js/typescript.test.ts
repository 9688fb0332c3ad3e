/** TypeScript and files: types are stripped, imports resolved, and places in stacks are those of the sources. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { setParanoid } from '../../src/base/assert.ts';
import { Host } from '../../src/component/host.ts';
import {
  GuestError,
  sandbox,
  type AnyFunctions,
  type NodeSandboxOptions,
  type Sandbox,
} from '../../src/js/node/index.ts';
import { bundle } from '../../src/js/node/bundle.ts';
import { loadable } from '../../src/js/node/source.ts';
import { placeIn } from '../../src/js/places.ts';
import { BUILD_MS, describeWithTools, tools } from './tools.ts';
import type * as cart from './guests/cart.ts';

const imports = { rates: { rate: (currency: string) => (currency === 'EUR' ? 2 : 1) } };

/** The error of a source that is wrong, before any engine has seen it. */
async function refusal(text: string, name = 'app.ts'): Promise<string> {
  try {
    await loadable({ text, name, file: undefined }, { external: ['rates'], packages: undefined });
  } catch (error) {
    return (error as Error).message;
  }
  return expect.fail(`the source was taken: ${text.slice(0, 40)}`);
}

test('a text reads nothing from the disk, whatever it imports', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fargo-js-'));
  const secret = join(folder, 'secret.json');
  writeFileSync(secret, '{"token":"hunter2"}');
  for (const specifier of [
    secret,
    pathToFileURL(secret).href,
    './secret.json',
    'acorn',
    'node:fs',
    '/source/x',
    '/source/app.ts/x',
  ]) {
    const text = `import x from ${JSON.stringify(specifier)}; export const f = (): unknown => x;`;
    expect(await refusal(text)).toContain('the host gives rates, and a text has no files');
    expect(await refusal(text.replace('import x from', 'export * from'))).not.toContain('hunter2');
  }
  expect(await refusal(`export const f = () => import(${JSON.stringify(secret)});`)).toContain('the host gives rates');
});

test('what ends a native parser does not end this process', async () => {
  const deep = 100_000;
  for (const text of [
    `export const x = ${'('.repeat(deep)}1${')'.repeat(deep)}`,
    `export const x = ${'!'.repeat(deep)}1`,
    `type A = ${'['.repeat(deep)}${']'.repeat(deep)}`,
  ]) {
    expect(await refusal(text)).toMatch(/rolldown can't read the source \(SIG[A-Z]+\): is it nested deeply\?|nest/);
  }
  // Its memory is not bounded: a text that is long has no process.
  expect(await refusal(`// ${'x'.repeat(3 << 20)}`)).toContain('2097152 are allowed');
  expect(await refusal('export const = 1')).toMatch(/Unexpected token|Expected/);
});

test('a place in generated code leads to one in a source', async () => {
  const text =
    'interface A {\n  a: number;\n}\n\n\nexport const f = (a: A): number => {\n  return a.a + missing;\n};\n';
  const { code, map } = await bundle({ entry: { text, name: 'app.ts' }, external: [] });
  expect(map.sources).toEqual([expect.stringMatching(/source\/app\.ts$/)]);
  expect(code).not.toContain('interface');
  const { notes } = await loadable({ text, name: 'app.ts', file: undefined }, { external: [], packages: undefined });
  const line = code.split('\n').findIndex((each) => each.includes('missing')) + 1;
  const column = code.split('\n')[line - 1]!.indexOf('missing') + 1;
  expect(placeIn(notes)(line, column)).toBe('app.ts:7:16');
});

describeWithTools('TypeScript and files', () => {
  let host: Host;
  const make = <F = AnyFunctions>(source: string | URL, options: NodeSandboxOptions<F> = {}): Promise<Sandbox<F>> =>
    sandbox<F>(source, { ...tools, host, ...options });

  beforeAll(async () => {
    setParanoid(false);
    host = await Host.create();
    (await make('export {};')).dispose();
  }, BUILD_MS);

  afterAll(() => host?.dispose());

  test('a text in TypeScript', async () => {
    const typed = await make(
      `import { rate } from 'rates';
       enum Kind { A = 'a' }
       type T = { readonly kind: Kind };
       export const f = <X extends T>(x: X): string => \`\${x.kind satisfies Kind}\${rate('EUR')}\`;
       export function fails(this: void): void { (null as unknown as T).kind; }`,
      { name: 'kinds.ts', imports },
    );
    expect(typed.run('f', { kind: 'a' })).toBe('a2');
    expect(() => typed.run('fails')).toThrow(
      expect.objectContaining({
        name: 'TypeError',
        guestStack: [expect.stringMatching(/^fails \(kinds\.ts:5:\d+\)$/)],
      }),
    );
    typed.dispose();
  });

  test('a file of several, with the type of its exports', async () => {
    const template = await make<typeof cart>(new URL('guests/cart.ts', import.meta.url), { imports });
    expect(template.functions.toSorted()).toEqual(['fails', 'total']);
    const sum: number = template.run('total', { currency: 'EUR', items: [{ price: 5 }, { price: 1, count: 3 }] }).sum;
    expect(sum).toBe(16);
    try {
      template.run('fails');
      expect.fail('it did not fail');
    } catch (error) {
      expect(error).toBeInstanceOf(GuestError);
      const { guestStack } = error as GuestError;
      expect(guestStack[0]).toMatch(/^priceOf \(.*guests\/price\.ts:6:\d+\)$/);
      expect(guestStack[1]).toMatch(/^fails \(.*guests\/cart\.ts:20:\d+\)$/);
    }
    template.dispose();
  });

  test('columns of a first line, behind what was put before it', async () => {
    const line = 'export const f = () => { null.x; };';
    const one = await make(line);
    expect(() => one.run('f')).toThrow(
      expect.objectContaining({ guestStack: [`f (app.js:1:${line.indexOf('null.x') + 1})`] }),
    );
    one.dispose();
  });

  test('what is no source', async () => {
    await expect(make('x', { name: 'app.py' })).rejects.toThrow(
      'app.py: a source is .js, .mjs, .jsx, .ts, .mts or .tsx',
    );
    await expect(make(new URL('guests/none.ts', import.meta.url))).rejects.toThrow(/none\.ts: ENOENT/);
    await expect(make(new URL('guests/cart.ts', import.meta.url))).rejects.toThrow("import of 'rates'");
  });
});
