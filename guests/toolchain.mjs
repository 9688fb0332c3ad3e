/**
 * Compiles guests with npm packages alone: AssemblyScript through `asc`, text format through the parser of
 * `@bytecodealliance/jco`. Plain JavaScript, so that it runs on every supported Node before anything else is built.
 *
 * A target is built again only if the digest of its sources, its options and the compilers' versions changed. Files are
 * put in place by renaming, so two builds at once do no harm.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * @typedef {object} Target
 * @property {string} name Path of the result below the output folder, without `.wasm`.
 * @property {string} source Absolute path: `.ts` (AssemblyScript), `.wat`, or `.wat.mjs` (its default export is the text).
 * @property {string[]} [options] Options of `asc`.
 * @property {string[]} [reads] Other files that the source includes.
 * @property {(text: string) => string} [edit] Changes the text before it is parsed; its own text is part of the digest.
 * @property {string} [variant] What distinguishes targets that share a source.
 */

const require = createRequire(import.meta.url);

/** Options every AssemblyScript guest gets: fast code, and `abort` as a bare trap instead of an import. */
const ASC_OPTIONS = ['-O3', '--use', 'abort=', '--enable', 'simd'];

/** The sources beside `source` in its folder and below, which an import may reach. */
export function sourcesBelow(folder, extension) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .toSorted();
}

function packageVersion(name) {
  // `exports` hides package.json of some packages: look for it in the folders node searches.
  for (const folder of require.resolve.paths(name) ?? []) {
    const text = readOrUndefined(join(folder, name, 'package.json'));
    if (text !== undefined) return JSON.parse(text).version;
  }
  throw new Error(`${name} is not installed: run npm install`);
}

function readOrUndefined(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes a file so that nobody ever sees half of it. */
export function writeInPlace(path, contents) {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.draft`;
  writeFileSync(draft, contents);
  renameSync(draft, path);
}

/** @param {Target} target */
function digestOf(target, versions) {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([versions, target.options ?? [], target.variant ?? '', String(target.edit ?? '')]));
  for (const path of [target.source, ...(target.reads ?? [])]) hash.update(readFileSync(path));
  return hash.digest('hex');
}

let asc;
async function compileAssemblyScript(target) {
  asc ??= (await import('assemblyscript/asc')).default;
  const folder = dirname(target.source);
  let binary;
  const messages = [];
  const log = { write: (text) => messages.push(text) };
  const { error } = await asc.main(
    [basename(target.source), '--outFile', 'out.wasm', ...ASC_OPTIONS, ...(target.options ?? [])],
    {
      stdout: log,
      stderr: log,
      readFile: (name) => readOrUndefined(join(folder, name)) ?? null,
      writeFile: (_name, contents) => void (binary = contents),
    },
  );
  if (error) throw new Error(messages.join('') || error.message);
  return binary;
}

let parseText;
async function compileText(target) {
  const source = target.source.endsWith('.mjs')
    ? (await import(pathToFileURL(target.source).href)).default
    : readFileSync(target.source, 'utf8');
  parseText ??= (await import('@bytecodealliance/jco')).parse;
  try {
    return await parseText(target.edit ? target.edit(source) : source);
  } catch (error) {
    throw new Error(error.message ?? String(error), { cause: error });
  }
}

/**
 * Builds what is out of date, in order, and prints one line a target.
 *
 * @param {Target[]} targets
 * @param {string} outFolder Absolute path.
 * @param {{ quiet?: boolean, force?: boolean }} [options] `quiet`: say nothing of what is up to date.
 * @returns {Promise<number>} How many targets failed; the reasons are printed.
 */
export async function buildAll(targets, outFolder, options = {}) {
  const versions = ['assemblyscript', '@bytecodealliance/jco'].map(packageVersion);
  let failures = 0;
  for (const target of targets) {
    const out = join(outFolder, `${target.name}.wasm`);
    const note = join(outFolder, '.digests', target.name);
    const digest = digestOf(target, versions);
    if (!options.force && readOrUndefined(note) === digest && statSync(out, { throwIfNoEntry: false })) {
      if (!options.quiet) console.log(`${target.name}: up to date`);
      continue;
    }
    const began = performance.now();
    try {
      const binary = await (target.source.endsWith('.ts') ? compileAssemblyScript : compileText)(target);
      writeInPlace(out, binary);
      writeInPlace(note, digest);
      console.log(`${target.name}: ${binary.length} bytes, ${Math.round(performance.now() - began)} ms`);
    } catch (error) {
      failures++;
      rmSync(out, { force: true });
      console.error(`${target.name}: failed (${relative(process.cwd(), target.source)})\n${error.message}`);
    }
  }
  return failures;
}
