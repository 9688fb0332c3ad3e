/**
 * A source as a component of its own: typed, for any host of WASI 0.2, made by componentize-js.
 *
 * ```
 *   $fargo: surroundings          random numbers that differ in every fork; refused while the source is evaluated
 *   the source, bundled           its imports as they are: interfaces of the world
 *   export { … }                  each function through $fargo
 * ```
 *
 * The top of the source runs when it is built, in a process of componentize-js: this is for sources that are trusted.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import type { Program } from 'acorn';

import { FargoError } from '../../base/errors.ts';
import { bundle, type Bundled } from './bundle.ts';
import { cached, keyOf } from './cache.ts';
import { componentizeVersion, loadComponentize, loadParser, type Parser } from './packages.ts';
import { bundled, folderOf, type EngineOptions } from './sandbox-engine.ts';
import { entryOf, readSource } from './source.ts';
import { inferWorld, type FunctionShape } from './wit.ts';

export interface ComponentBuildOptions extends EngineOptions {
  /** A file or a folder of WIT. Default: the world is inferred from what the source exports. */
  readonly wit?: string;
  /** Which of its worlds. Needed if there are several. */
  readonly world?: string;
  /** Random numbers while the source is evaluated: `'refuse'` (default) throws; `'allow'`: all machines have the same. */
  readonly templateEntropy?: 'refuse' | 'allow';
  /** Of the source, in messages. */
  readonly name?: string;
}

export interface BuiltComponent {
  readonly component: Uint8Array;
  /** The world as it was inferred; undefined where it was given. */
  readonly wit: string | undefined;
}

/** A source as componentize-js takes it, with its world. */
interface Prepared {
  readonly text: string;
  readonly wit: string | undefined;
  readonly name: string;
}

const REFUSAL =
  'draws entropy while the component is built, and every machine would have the same: draw it in a call, or allow it';

/**
 * A component of a source: a file, or a text of JavaScript.
 *
 * @throws SyntaxError; FargoError `missing-dependency`, `bad-argument`, `invalid-module` where componentize-js refuses it
 */
export async function buildJs(source: string | URL, options: ComponentBuildOptions = {}): Promise<BuiltComponent> {
  const { text, wit, name } = await prepare(source, options);
  const { packages, cache, wit: witPath, world } = options;
  const given = witPath === undefined ? '' : witText(witPath);
  const disableFeatures = given.includes('wasi:http') ? [] : ['http', 'fetch-event'];
  const key = keyOf('component', text, wit ?? '', given, world ?? '', componentizeVersion(packages) ?? '');
  const component = await cached(folderOf(cache), key, async () => {
    const { componentize } = await loadComponentize(packages);
    const own = { disableFeatures, sourceName: `${name.replaceAll(/[^\w.-]/g, '_')}.js` };
    const options = wit === undefined ? { witPath: witPath!, ...(world && { worldName: world }) } : { witWorld: wit };
    try {
      return (await componentize(text, { ...own, ...options })).component;
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new FargoError('invalid-module', `${name} can't be made a component: ${message}`, { cause });
    }
  });
  return { component, wit };
}

/** The world that {@link buildJs} infers, as WIT: needs no componentize-js. */
export async function inferWit(source: string | URL, options: ComponentBuildOptions = {}): Promise<string> {
  const { wit: _, ...others } = options;
  return (await prepare(source, others)).wit!;
}

async function prepare(source: string | URL, options: ComponentBuildOptions): Promise<Prepared> {
  const { wit: given, templateEntropy = 'refuse', packages } = options;
  const file = readSource(source, options.name);
  // Interfaces of WIT: the world has them, or componentize-js says that it has not.
  const external = given === undefined ? [] : interfacesIn(file.text);
  const parser = await loadParser(packages);
  const made = await bundle({ entry: entryOf(file), external, packages });
  const { body, locals } = takeApart(parser, made);
  const inferred = given === undefined ? inferWorld(made.statements, [...locals.keys()], file.name) : undefined;
  const exports =
    inferred === undefined
      ? [...locals].map(([name, local], index) => [`$fargo.entered(${local})`, `$fargo_${index}`, name] as const)
      : inferred.functions.map((each, index) => [typed(each, locals), `$fargo_${index}`, each.exportedAs] as const);
  const text = [
    body.imports,
    bundled('surround').trim(),
    templateEntropy === 'refuse' ? `$fargo.refuse(${JSON.stringify(REFUSAL)});` : '',
    body.rest,
    '$fargo.refuse();',
    ...exports.map(([value, local]) => `const ${local} = ${value};`),
    `export { ${exports.map(([, local, name]) => `${local} as ${JSON.stringify(name)}`).join(', ')} };`,
  ].join('\n');
  return { text, wit: inferred?.wit, name: file.name };
}

function typed({ name, params, hasRest, result }: FunctionShape, locals: ReadonlyMap<string, string>): string {
  return `$fargo.typed(${locals.get(name)!}, ${JSON.stringify({ params, hasRest, result })})`;
}

/** The imports of a bundle, what it does, and its exports by the names that they have within it. */
function takeApart(
  { parse }: Parser,
  { code }: Bundled,
): {
  readonly body: { readonly imports: string; readonly rest: string };
  readonly locals: ReadonlyMap<string, string>;
} {
  const program: Program = parse(code, { ecmaVersion: 'latest', sourceType: 'module' });
  const locals = new Map<string, string>();
  const imports: string[] = [];
  let rest = '';
  let at = 0;
  for (const node of program.body) {
    if (node.type === 'ImportDeclaration') imports.push(code.slice(node.start, node.end));
    else if (node.type === 'ExportNamedDeclaration' && !node.declaration && !node.source) {
      for (const { local, exported } of node.specifiers) {
        const name = exported.type === 'Identifier' ? exported.name : String(exported.value);
        locals.set(name, (local as { readonly name: string }).name);
      }
    } else continue;
    rest += code.slice(at, node.start);
    at = node.end;
  }
  return { body: { imports: imports.join('\n'), rest: rest + code.slice(at) }, locals };
}

/** What a source imports by names as WIT has them: `ns:package/interface@1.0.0`. */
function interfacesIn(text: string): string[] {
  const found = text.matchAll(/['"]([a-z][a-z0-9-]*:[a-z][a-z0-9-]*\/[a-z][a-z0-9-]*(?:@[\w.+-]+)?)['"]/g);
  return [...new Set(Array.from(found, ([, name]) => name!))];
}

/** @throws FargoError `io` */
function witText(path: string): string {
  try {
    if (!statSync(path).isDirectory()) return readFileSync(path, 'utf8');
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((each) => each.isFile() && each.name.endsWith('.wit'))
      .map((each) => readFileSync(join(each.parentPath, each.name), 'utf8'))
      .join('\n');
  } catch (cause) {
    throw new FargoError('io', `${path}: ${(cause as Error).message}`, { cause });
  }
}
