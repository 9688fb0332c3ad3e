/**
 * The functions of a package in a worker thread, where the platform has `node:worker_threads`: Node, Bun and Deno.
 *
 * A port that stands below all layers and imports none of them. What it needs of the platform it looks for when it is asked,
 * so that a page can load it too, and learns that there are no threads.
 */

import type * as Modules from 'node:module';
import type * as Urls from 'node:url';
import type * as Threads from 'node:worker_threads';

/** How one call went. `error` is the name of the class of what was thrown. */
export type ThreadAnswer =
  | { readonly value: unknown }
  | { readonly error: string; readonly message: string }
  /** The package can't be loaded in the thread. */
  | { readonly missing: string };

export interface PackageThread {
  /** Calls a function of the package, by its name. One call at a time: its answer is the next one told. */
  call(name: string, args: readonly unknown[]): void;
  /** Who is told from now on: of answers, and of an end that nobody asked for. */
  onAnswer: ((answer: ThreadAnswer) => void) | undefined;
  onEnd: ((why: unknown) => void) | undefined;
  /** Whether the thread keeps the process running. */
  keepsRunning(yes: boolean): void;
  /** Ends it, whatever it is doing. */
  end(): void;
}

/** Names that are looked up at run time only: no bundler follows them. */
const BUILT_IN = ['node:worker_threads', 'node:module', 'node:url'] as const;

/** A module's memory is given a maximum where it has one and no maximum: in its section of memories 1, flags 0, pages. */
const CODE = `
const { parentPort, workerData: { url, pages } } = require('node:worker_threads');
const leb = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)]);
function limited(bytes) {
  for (let at = 8; at < bytes.length;) {
    const from = at;
    const id = bytes[at++];
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      size += (bytes[at] & 127) * 2 ** shift;
      if (bytes[at++] < 128) break;
    }
    if (id === 5 && bytes[at] === 1 && bytes[at + 1] === 0) {
      const body = [1, 1, ...bytes.subarray(at + 2, at + size), ...leb(pages)];
      const section = Buffer.from([5, ...leb(body.length), ...body]);
      return Buffer.concat([bytes.subarray(0, from), section, bytes.subarray(at + size)]);
    }
    at += size;
  }
  return bytes;
}
const { compile } = WebAssembly;
WebAssembly.compile = (bytes) => compile.call(WebAssembly, limited(new Uint8Array(bytes)));
const loading = import(url);
loading.catch(() => {});
parentPort.on('message', async ({ name, args }) => {
  let loaded;
  try { loaded = await loading; } catch (error) { return parentPort.postMessage({ missing: String(error?.message ?? error) }); }
  try { parentPort.postMessage({ value: await loaded[name](...args) }); }
  catch (error) {
    parentPort.postMessage({ error: String(error?.constructor?.name), message: String(error?.message ?? error) });
  }
});`;

/**
 * A thread that has a package, as this one would import it.
 *
 * @param limits in MiB: what its JavaScript and each of its WebAssembly memories may have; one that needs more ends, or fails
 * @returns undefined where there are no threads
 * @throws Error where the package is not installed
 */
export async function startPackageThread(
  name: string,
  { heapMb, memoryMb }: { readonly heapMb: number; readonly memoryMb: number },
): Promise<PackageThread | undefined> {
  let found: [typeof Threads, typeof Modules, typeof Urls];
  try {
    found = (await Promise.all(BUILT_IN.map((each: string) => import(/* @vite-ignore */ each)))) as typeof found;
  } catch {
    return undefined;
  }
  const [{ Worker }, { createRequire }, { pathToFileURL }] = found;
  const { href: url } = pathToFileURL(createRequire(import.meta.url).resolve(name));
  const workerData = { url, pages: memoryMb * 16 };
  // Its output is kept from the process's.
  const quiet = { stdout: true, stderr: true };
  const resourceLimits = { maxOldGenerationSizeMb: heapMb };
  const worker = new Worker(CODE, { eval: true, workerData, execArgv: [], resourceLimits, ...quiet });
  const thread: PackageThread = {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
    call: (called, args) => worker.postMessage({ name: called, args }),
    onAnswer: undefined,
    onEnd: undefined,
    keepsRunning: (yes) => (yes ? worker.ref() : worker.unref()),
    end: () => void worker.terminate(),
  };
  worker.on('message', (answer: ThreadAnswer) => thread.onAnswer?.(answer));
  for (const event of ['error', 'exit'] as const) worker.on(event, (why: unknown) => thread.onEnd?.(why));
  return thread;
}
