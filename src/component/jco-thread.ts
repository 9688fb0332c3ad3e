/**
 * jco's own tools, at a distance: they are a component themselves, and what they do with hostile bytes is not known.
 *
 * Some hundred bytes can keep them busy for hours, and where they panic they refuse every component after that one. So
 * they run in a worker thread where the platform has `node:worker_threads` (Node, Bun, Deno): it has a time limit, and is
 * ended when it ran into that or into a panic. Elsewhere (a page) they run here, and both has to be lived with: a page that
 * builds components of strangers should do so in a worker of its own.
 */

import { FargoError } from '../base/errors.ts';
import { loadJco, missingJco, PACKAGE, type Jco } from './jco.ts';

const THREADS: string = 'node:worker_threads';
const MODULES: string = 'node:module';
const URLS: string = 'node:url';

/** No component that is meant well takes this long: one of 15 MB takes 3 s. */
const TIME_MAX_MS = 60_000;
/** How long a thread waits for the next component before it ends. */
const IDLE_MS = 3000;
const HEAP_MAX_MB = 1024;
const RUNNING_MAX = 2;

interface Threads {
  readonly Worker: new (code: string, options: Readonly<Record<string, unknown>>) => Thread;
}

/** What is used of a worker thread. */
interface Thread {
  on(event: 'message' | 'error' | 'exit', told: (value: unknown) => void): void;
  postMessage(message: unknown): void;
  terminate(): unknown;
  ref(): void;
  unref(): void;
}

/** Of a platform that has threads. */
interface Parts {
  readonly Worker: Threads['Worker'];
  /** Where jco is. */
  readonly url: string;
}

type Answer =
  { readonly value: unknown } | { readonly refused: string; readonly broken: boolean } | { readonly missing: string };

/** What the thread runs. Anything that is no error of jco's own about the component leaves it broken. */
const THREAD_CODE = `
const { parentPort, workerData } = require('node:worker_threads');
const loading = import(workerData);
loading.catch(() => {});
parentPort.on('message', async ({ name, args }) => {
  let jco;
  try { jco = await loading; } catch (error) { return parentPort.postMessage({ missing: String(error?.message ?? error) }); }
  try { parentPort.postMessage({ value: await jco[name](...args) }); }
  catch (error) {
    const broken = error?.constructor?.name !== 'ComponentError';
    parentPort.postMessage({ refused: String(error?.message ?? error), broken });
  }
});`;

/** Who is told of a thread's answer, or of its end. */
const listeners = new WeakMap<Thread, { answered(answer: Answer): void; failed(why: unknown): void }>();

/** The thread that waits for work, and what will end it. */
let idle: { readonly thread: Thread; readonly end: unknown } | undefined;

let running = 0;
/** Calls that wait until fewer than {@link RUNNING_MAX} run. */
const waiting: (() => void)[] = [];

/**
 * Calls jco with a component.
 *
 * @throws FargoError `missing-dependency` without jco, `invalid-module` where jco refuses the component, `limit` where it
 *   takes too long or too much memory
 */
export async function callJco<Name extends keyof Jco>(
  name: Name,
  ...args: Parameters<Jco[Name]>
): Promise<Awaited<ReturnType<Jco[Name]>>> {
  await aTurn();
  let answer: Answer;
  try {
    const thread = takeIdle() ?? (await newThread());
    if (thread === undefined) return await callHere(name, args);
    // A view would be sent with all of its buffer.
    const [component, ...rest] = args;
    answer = await ask(thread, { name, args: [component.slice(), ...rest] });
  } finally {
    endTurn();
  }
  if ('missing' in answer) throw missingJco(answer.missing);
  if ('refused' in answer) throw refused(answer.refused);
  return answer.value as Awaited<ReturnType<Jco[Name]>>;
}

async function aTurn(): Promise<void> {
  if (running < RUNNING_MAX) running++;
  else await new Promise<void>((resolve) => waiting.push(resolve));
}

function endTurn(): void {
  const next = waiting.shift();
  if (next === undefined) running--;
  else next();
}

/** Asks a thread, and keeps it for the next unless it is broken. */
function ask(thread: Thread, message: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer);
      listeners.delete(thread);
    };
    const fail = (why: string): void => {
      done();
      void thread.terminate();
      reject(new FargoError('limit', `jco was stopped over the component: ${why}`));
    };
    const timer = setTimeout(() => fail(`it took more than ${TIME_MAX_MS / 1000} s`), TIME_MAX_MS);
    listeners.set(thread, {
      answered: (answer) => {
        done();
        if ('refused' in answer && answer.broken) void thread.terminate();
        else keepIdle(thread);
        resolve(answer);
      },
      failed: (why) => fail(why instanceof Error ? why.message : `it ended with ${String(why)}`),
    });
    thread.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
    thread.postMessage(message);
  });
}

/** Undefined where there are no threads. @throws FargoError `missing-dependency` */
async function newThread(): Promise<Thread | undefined> {
  const parts = await findParts();
  if (parts === undefined) return undefined;
  // Its output is kept from the process's: a panic is told as an error.
  const thread = new parts.Worker(THREAD_CODE, {
    eval: true,
    workerData: parts.url,
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MB },
  });
  thread.on('message', (answer) => listeners.get(thread)?.answered(answer as Answer));
  for (const event of ['error', 'exit'] as const) {
    thread.on(event, (why) => {
      if (idle?.thread === thread) takeIdle();
      listeners.get(thread)?.failed(why);
    });
  }
  return thread;
}

async function findParts(): Promise<Parts | undefined> {
  type Modules = { createRequire(from: string): { resolve(name: string): string } };
  type Urls = { pathToFileURL(path: string): { readonly href: string } };
  let found: [Threads, Modules, Urls];
  try {
    found = (await Promise.all(
      [THREADS, MODULES, URLS].map((name) => import(/* @vite-ignore */ name)),
    )) as typeof found;
  } catch {
    return undefined;
  }
  const [{ Worker }, { createRequire }, { pathToFileURL }] = found;
  const { url: here } = import.meta as unknown as { readonly url: string };
  try {
    return { Worker, url: pathToFileURL(createRequire(here).resolve(PACKAGE)).href };
  } catch (cause) {
    throw missingJco(cause);
  }
}

function takeIdle(): Thread | undefined {
  if (idle === undefined) return undefined;
  const { thread, end } = idle;
  clearTimeout(end);
  idle = undefined;
  return thread;
}

/** One is kept, and keeps no process running. */
function keepIdle(thread: Thread): void {
  thread.unref();
  void takeIdle()?.terminate();
  const end = setTimeout(() => {
    idle = undefined;
    void thread.terminate();
  }, IDLE_MS) as { unref?: () => void };
  end.unref?.();
  idle = { thread, end };
}

async function callHere<Name extends keyof Jco>(
  name: Name,
  args: Parameters<Jco[Name]>,
): Promise<Awaited<ReturnType<Jco[Name]>>> {
  const jco = await loadJco();
  try {
    return (await (jco[name] as (...args: unknown[]) => unknown)(...args)) as Awaited<ReturnType<Jco[Name]>>;
  } catch (cause) {
    throw refused(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** The error that jco does not take a component. */
function refused(message: string, cause?: unknown): FargoError {
  return new FargoError('invalid-module', `jco refuses the component: ${message}`, { cause });
}
