/**
 * Makes of the test files what every engine runs: plain ES modules, and one pack of the files that tests read.
 *
 * The test files stay as they are. What they import is replaced where an engine lacks it:
 * - `vitest` by inside/vitest.ts, over vitest's own `expect`;
 * - `node:fs` and the like by inside/node/*, which read from the pack;
 * - test/spec/scripts.ts by inside/scripts.ts;
 * - the text parser (`@bytecodealliance/jco`) is bundled, its WebAssembly comes from the pack.
 */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { filesBelow, ROOT } from './repository.mjs';

const inside = fileURLToPath(new URL('inside/', import.meta.url));

/** A package as another one sees it: they are not dependencies of this project. */
function resolveFrom(file, name) {
  return createRequire(file).resolve(name);
}
const require = createRequire(import.meta.url);
const vitest = require.resolve('vitest/package.json');
/** The bundler that vitest brings along. */
const { rolldown } = await import(pathToFileURL(resolveFrom(resolveFrom(vitest, 'vite'), 'rolldown')).href);

const NODE = ['fs', 'url', 'path', 'child_process', 'v8', 'module'];

/** Builds `worker.js` and `cli.js` into a folder. */
export async function bundle(suites, into) {
  const parser = join(
    dirname(resolveFrom(resolveFrom(ROOT, '@bytecodealliance/jco'), '@bytecodealliance/jco-transpile')),
    'wasm-tools.js',
  );
  const build = await rolldown({
    input: { cli: join(inside, 'cli.ts'), worker: join(inside, 'worker.ts') },
    platform: 'browser',
    logLevel: 'warn',
    transform: { target: 'es2022' },
    // The package says that its modules have no side effects: tests have.
    treeshake: false,
    // What node:fs has and the pack has not is missed where it is used.
    shimMissingExports: true,
    plugins: [
      {
        name: 'engines',
        resolveId: {
          handler(source, importer) {
            if (source === 'virtual:suites') return '\0suites';
            if (source === 'virtual:parser' || source === '@bytecodealliance/jco') return parser;
            if (source === 'vitest') return join(inside, 'vitest.ts');
            if (source.startsWith('vitest:')) return importPath(vitest, `@vitest/${source.slice('vitest:'.length)}`);
            if (source.startsWith('node:')) {
              const name = source.slice('node:'.length);
              return NODE.includes(name) ? join(inside, 'node', `${name}.ts`) : { id: `\0absent:${name}` };
            }
            if (importer?.includes(`${sep}spec${sep}`) && source === './scripts.ts') return join(inside, 'scripts.ts');
            return undefined;
          },
        },
        load: {
          handler(id) {
            if (id === '\0suites') return suitesModule(suites);
            if (id.startsWith('\0absent:'))
              return `throw new Error('node:${id.slice(8)} is not to be had on every engine');`;
            return undefined;
          },
        },
        transform: { handler: edited },
      },
    ],
  });
  await build.write({
    dir: into,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
  });
}

/** The scripts of the specification, converted, by their place in the pack; none where they are not to be had. */
export async function conformanceAssets(into) {
  // The module that finds and converts them is TypeScript, and where it lies decides where its cache is.
  const source = join(ROOT, 'test/spec/scripts.ts');
  const build = await rolldown({
    input: source,
    platform: 'node',
    plugins: [
      {
        name: 'place',
        transform: {
          handler: (code) => code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(source).href)),
        },
      },
    ],
  });
  const file = join(into, 'scripts.mjs');
  await build.write({ file, format: 'esm' });
  const { findScripts } = await import(pathToFileURL(file).href);
  const found = findScripts();
  if (found.kind === 'absent') return { reason: found.reason, contents: {} };
  const contents = {};
  for (const { name, folder } of found.scripts) {
    for (const each of readdirSync(folder)) contents[`conformance/${name}/${each}`] = readFileSync(join(folder, each));
  }
  return { reason: undefined, contents };
}

/** The module of a package for `import`, which its `require` may not have. */
function importPath(from, name) {
  for (const folder of createRequire(from).resolve.paths(name) ?? []) {
    const file = join(folder, name, 'dist', 'index.js');
    if (existsSync(file)) return file;
  }
  throw new Error(`${name} is not installed: run npm install`);
}

const loader = (file) => `{ path: ${JSON.stringify(file)}, load: () => import(${JSON.stringify(join(ROOT, file))}) }`;

function suitesModule(suites) {
  const entries = suites.map(({ name, files }) => `${JSON.stringify(name)}: [${files.map(loader).join(',\n')}]`);
  return `export const suites = {${entries.join(',\n')}};`;
}

/** Changes of the text of single modules; `undefined` for no change. */
function edited(code, id) {
  if (id.endsWith(`${sep}vendor${sep}wasm-tools.js`)) {
    // It would fetch its modules from beside itself.
    return replaceOnce(
      code,
      /async function fetchCompile \(url\) \{/,
      (start) =>
        `${start} return WebAssembly.compile(globalThis.fargoTestAsset(PARSER + String(url).replace(/.*\\//, '')));`,
    )
      .replace('"use components";', '')
      .replace('const isNode =', `const PARSER = ${JSON.stringify(PARSER_ASSETS)};\nconst isNode =`);
  }
  if (!id.startsWith(ROOT) || id.includes('node_modules')) return undefined;
  const path = relative(ROOT, id).split(sep).join('/');
  // Where a file is, wherever the bundle is.
  let text = code.replaceAll('import.meta.url', JSON.stringify(`file:///repo/${path}`));
  if (path === 'src/wasm/text.ts') {
    text = replaceOnce(
      text,
      /import\(\/\* @vite-ignore \*\/ specifier\)/,
      () => `(specifier === PARSER_PACKAGE ? import('virtual:parser') : import(specifier))`,
    );
  }
  return text === code ? undefined : text;
}

function replaceOnce(text, pattern, by) {
  if (!pattern.test(text)) throw new Error(`${pattern} is not in the module that is to be changed`);
  return text.replace(pattern, by);
}

/** Where the parser's modules lie in the pack. */
const PARSER_ASSETS = 'node_modules/@bytecodealliance/jco-transpile/vendor/';

/** Packs the files that tests read. @param {Record<string, Uint8Array>} extra by path */
export function packAssets(extra, into) {
  const jco = resolveFrom(ROOT, '@bytecodealliance/jco');
  const packages = {
    'node_modules/@bytecodealliance/jco/lib/': join(dirname(jco), '../lib'),
    'node_modules/@6over3/zeroperl-ts/dist/esm/': dirname(fileURLToPath(import.meta.resolve('@6over3/zeroperl-ts'))),
    [PARSER_ASSETS]: join(dirname(resolveFrom(jco, '@bytecodealliance/jco-transpile')), '../vendor'),
  };
  const paths = [
    ...filesBelow('guests/build').filter((each) => /build\/[^.].*\.wasm$/.test(each)),
    ...filesBelow('guests/hostile'),
    ...filesBelow('bench/kernels').filter((each) => each.endsWith('.json')),
    ...filesBelow('test/snapshot/golden'),
    ...['test', 'src', 'docs'].flatMap(filesBelow).filter((each) => each.endsWith('.wat') || each.endsWith('.md')),
  ];
  const contents = new Map(paths.map((path) => [path, readFileSync(join(ROOT, path))]));
  for (const [path, folder] of Object.entries(packages)) {
    for (const name of readdirSync(folder)) {
      if (name.endsWith('.wasm')) contents.set(path + name, readFileSync(join(folder, name)));
    }
  }
  for (const [path, bytes] of Object.entries(extra)) contents.set(path, bytes);
  const list = {};
  let at = 0;
  for (const [path, bytes] of contents) {
    list[path] = [at, bytes.length];
    at += bytes.length;
  }
  writeFileSync(join(into, 'assets.json'), JSON.stringify(list));
  writeFileSync(join(into, 'assets.bin'), Buffer.concat([...contents.values()]));
  return { files: contents.size, bytes: at };
}
