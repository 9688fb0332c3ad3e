/**
 * TypeScript, and files with imports, as one module of JavaScript: by rolldown, which strips types and resolves files and packages.
 *
 * It is native code, which a source that is nested deeply ends with a signal: so it runs in a process of its own, for some seconds
 * at most. That process gets no variable of ours.
 */

import { spawn } from 'node:child_process';
import { pathToFileURL } from 'node:url';

import { FargoError } from '../../base/errors.ts';
import { requireShort } from './modules.ts';
import { findRolldown } from './packages.ts';
import type { SourceMap } from '../source-map.ts';

export interface BundleRequest {
  /** A file, or a text with the name that tells its language. */
  readonly entry: { readonly file: string } | { readonly text: string; readonly name: string };
  /** What the module may import and the host gives: left as it is. */
  readonly external: readonly string[];
  /** Folder to look for rolldown in first. */
  readonly packages?: string | undefined;
}

export interface Bundled {
  readonly code: string;
  readonly map: SourceMap;
  /** The entry's own statements as ESTree has them, without the bodies of functions: for what they say of types. */
  readonly statements: readonly Syntax[];
}

/** A node of a syntax tree. */
export interface Syntax {
  readonly type: string;
  readonly [member: string]: unknown;
}

const TIME_MS = 60_000;
/** Of what the process says. */
const OUTPUT_BYTES = 64 << 20;

/** Runs in the process: a request as JSON on standard input, a {@link Bundled} or `{ error }` on standard output. */
const PROGRAM = `
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { rolldown: door, parser, entry, external } = JSON.parse(Buffer.concat(chunks).toString());
const { parseAst } = await import(parser);
const { readFileSync } = await import('node:fs');
const language = (entry.file ?? entry.name).split('.').at(-1).replace(/^[mc]/, '');
const KEPT = new Set(['ExportNamedDeclaration', 'ExportDefaultDeclaration', 'TSInterfaceDeclaration', 'TSTypeAliasDeclaration', 'FunctionDeclaration', 'VariableDeclaration']);
const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
const prune = (node, key) => {
  if (typeof node === 'bigint' || node instanceof RegExp) return null;
  if (node === null || typeof node !== 'object') return node;
  if (Array.isArray(node)) return node.map((each) => prune(each));
  const isValue = key === 'init' || key === 'right';
  if (isValue && !FUNCTIONS.has(node.type)) return null;
  const out = {};
  for (const [name, each] of Object.entries(node)) {
    if (name === 'body' && FUNCTIONS.has(node.type)) continue;
    out[name] = prune(each, name);
  }
  return out;
};
const given = new Set(external);
const TEXT = '/source/' + entry.name;
const say = (answer) => process.stdout.write(JSON.stringify(answer));
try {
  const { rolldown } = await import(door);
  const bundle = await rolldown({
    input: entry.file ?? TEXT,
    platform: 'neutral',
    tsconfig: false,
    logLevel: 'silent',
    resolve: { mainFields: ['module', 'main'], conditionNames: ['import', 'module', 'default'] },
    plugins: [{
      name: 'fargo',
      resolveId(id, importer) {
        if (given.has(id)) return { id, external: true };
        if (entry.file !== undefined) return null;
        if (id === TEXT) return id;
        throw new Error("import of '" + id + "': the host gives " + (external.join(', ') || 'nothing') + ', and a text has no files');
      },
      load: (id) => (id === TEXT ? { code: entry.text, moduleType: language } : null),
    }],
  });
  const { output } = await bundle.generate({ format: 'esm', sourcemap: true, codeSplitting: false, comments: false, keepNames: true });
  await bundle.close();
  const [{ code, map }] = output;
  const missing = output[0].imports.filter((id) => !given.has(id));
  if (missing.length > 0) say({ error: "import of '" + missing.join("', '") + "': there is no such file or package, and the host gives " + (external.join(', ') || 'nothing') });
  else say({ code: code.replace(/\\n?\\/\\/# sourceMappingURL=.*\\s*$/, ''), map: { sources: map?.sources ?? [], mappings: map?.mappings ?? '' }, statements: prune(parseAst(entry.text ?? readFileSync(entry.file, 'utf8'), { lang: language }).body.filter((each) => KEPT.has(each.type))) });
} catch (error) {
  const [first = error] = error.errors ?? [];
  say({ error: String(first.message ?? first).replaceAll('/source/', '').replace(/\\u001b\\[[0-9;]*m/g, '') });
}`;

/** @throws SyntaxError for a source that can't be bundled; FargoError `missing-dependency`, `limit`, `unsupported` */
export async function bundle({ entry, external, packages }: BundleRequest): Promise<Bundled> {
  if ('text' in entry) requireShort(entry.text);
  const found = findRolldown(packages);
  const [rolldown, parser] = [found.entry, found.door('./parseAst')].map((path) => pathToFileURL(path).href);
  const answer = await run(JSON.stringify({ rolldown, parser, entry, external }));
  if ('error' in answer) throw new SyntaxError(answer.error);
  return answer;
}

function run(request: string): Promise<Bundled | { readonly error: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: process.platform === 'win32' ? { SystemRoot: process.env['SystemRoot'] } : {},
      timeout: TIME_MS,
      killSignal: 'SIGKILL',
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > OUTPUT_BYTES) child.kill('SIGKILL');
    });
    child.on('error', (cause) => reject(new FargoError('unsupported', `no process for rolldown: ${cause.message}`)));
    child.on('close', (code, signal) => {
      if (bytes > OUTPUT_BYTES) {
        reject(new FargoError('limit', `the bundle is larger than ${OUTPUT_BYTES} bytes`));
      } else if (signal === 'SIGKILL') {
        reject(new FargoError('limit', `rolldown took longer than ${TIME_MS / 1000} s`));
      } else if (code !== 0 || signal !== null) {
        reject(
          new SyntaxError(`rolldown can't read the source (${signal ?? `exit code ${code}`}): is it nested deeply?`),
        );
      } else resolve(JSON.parse(Buffer.concat(chunks).toString()) as Bundled | { readonly error: string });
    });
    // It may have ended before it has read all.
    child.stdin.on('error', () => {});
    child.stdin.end(request);
  });
}
