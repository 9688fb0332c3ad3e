#!/usr/bin/env node
/**
 * `npm run docs:api`: the API reference as a static site, `dist-docs`, made by TypeDoc of the declarations that are published:
 * so of every door in `exports`, and of nothing else. A warning is a failure: a type that is used and not to be found, a link that
 * leads nowhere.
 *
 * TypeDoc needs the API of TypeScript, which TypeScript 7 does not have: it and the last one that has are installed into `.engines`.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { toolFolder } from '../../test/tools.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = join(root, 'dist-docs');

/** Types of the inside that show in a signature, and that nobody has to know: what goes in and comes out is opaque. */
const OPAQUE = ['ClockState', 'Descriptor', 'FileTreeState', 'ForkSource', 'Holder', 'SeededStream', 'Storage'];

const folder = toolFolder('typedoc', { typedoc: '0.28.20', typescript: '5.9.3' });
const { Application, LogLevel, TSConfigReader } = await import(
  pathToFileURL(createRequire(join(folder, 'package.json')).resolve('typedoc')).href
);

const { exports, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entryPoints = Object.values(exports).flatMap((each) =>
  each.types === undefined ? [] : [join(root, each.types)],
);
const missing = entryPoints.filter((path) => !existsSync(path));
if (missing.length > 0) throw new Error(`${missing.join(', ')} missing: run npm run build`);

const tsconfig = join(folder, 'tsconfig.json');
writeFileSync(
  tsconfig,
  JSON.stringify({
    compilerOptions: {
      noEmit: true,
      strict: true,
      target: 'ES2022',
      module: 'NodeNext',
      allowImportingTsExtensions: true,
      lib: ['ES2023', 'ESNext.Disposable', 'DOM'],
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    },
    files: entryPoints,
  }),
);
const app = await Application.bootstrap(
  {
    name: `fargo-wasm ${version}`,
    entryPoints,
    tsconfig,
    out,
    basePath: join(root, 'dist'),
    readme: join(root, 'docs/reference/start.md'),
    disableSources: true,
    excludeInternal: true,
    excludePrivate: true,
    sort: ['kind', 'alphabetical'],
    intentionallyNotExported: OPAQUE,
    validation: { notExported: true, invalidLink: true, invalidPath: true, rewrittenLink: true },
    logLevel: LogLevel.Warn,
  },
  [new TSConfigReader()],
);
const project = await app.convert();
if (project !== undefined) {
  app.validate(project);
  await app.generateDocs(project, out);
}
const faults = app.logger.errorCount + app.logger.warningCount;
const named = (project?.children ?? []).map(({ name }) => name);
const expected = Object.keys(exports).filter((door) => exports[door].types !== undefined);
const absent = expected.map((door) => door.replace('.', 'fargo-wasm')).filter((name) => !named.includes(name));
if (absent.length > 0) console.error(`not in the reference: ${absent.join(', ')}`);
console.log(`${out}: ${named.join(', ')}; ${faults} warnings`);
process.exitCode = faults > 0 || absent.length > 0 || project === undefined ? 1 : 0;
