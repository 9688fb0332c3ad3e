/**
 * jco's own tools, at a distance: they are a component themselves, and what they do with hostile bytes is not known.
 *
 * Some hundred bytes can keep them busy for hours, and where they panic they refuse every component after that one. So
 * they run in a thread where the platform has threads (Node, Bun, Deno): it has a time limit, and is ended when it ran into
 * that or into a panic. Elsewhere (a page) they run here, and both has to be lived with: a page that builds components of
 * strangers should do so in a worker of its own.
 */

import { FargoError } from '../base/errors.ts';
import { startPackageThread, type PackageThread, type ThreadAnswer } from '../platform/threads/package-thread.ts';
import { loadJco, missingJco, PACKAGE, type Jco } from './jco.ts';

/** No component that is meant well takes this long: a JavaScript engine of 13 MB takes 3 s, and 7 on a very busy machine. */
const TIME_MAX_MS = 60_000;
/** How long a thread waits for the next component before it ends. */
const IDLE_MS = 3000;
const HEAP_MAX_MB = 1024;
/** Of jco itself, which takes that engine apart in a fifth of it. */
const MEMORY_MAX_MB = 1024;
const RUNNING_MAX = 2;

/** jco's error over a component. Any other that it throws leaves it broken. */
const REFUSAL = 'ComponentError';

/** The thread that waits for work, and what will end it. */
let idle: { readonly thread: PackageThread; readonly end: unknown } | undefined;

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
  let answer: ThreadAnswer;
  try {
    const thread = takeIdle() ?? (await newThread());
    if (thread === undefined) return await callHere(name, args);
    // A view would be sent with all of its buffer.
    const [component, ...rest] = args;
    answer = await ask(thread, name, [component.slice(), ...rest]);
  } finally {
    endTurn();
  }
  if ('missing' in answer) throw missingJco(answer.missing);
  if ('error' in answer) throw refused(answer.message);
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
function ask(thread: PackageThread, name: string, args: readonly unknown[]): Promise<ThreadAnswer> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer);
      thread.onAnswer = thread.onEnd = undefined;
    };
    const fail = (why: string): void => {
      done();
      thread.end();
      reject(new FargoError('limit', `jco was stopped over the component: ${why}`));
    };
    const timer = setTimeout(() => fail(`it took more than ${TIME_MAX_MS / 1000} s`), TIME_MAX_MS);
    thread.onAnswer = (answer) => {
      done();
      if ('error' in answer && answer.error !== REFUSAL) thread.end();
      else keepIdle(thread);
      resolve(answer);
    };
    thread.onEnd = (why) => fail(why instanceof Error ? why.message : `it ended with ${String(why)}`);
    thread.keepsRunning(true);
    thread.call(name, args);
  });
}

/** Undefined where there are no threads. @throws FargoError `missing-dependency` */
async function newThread(): Promise<PackageThread | undefined> {
  try {
    return await startPackageThread(PACKAGE, { heapMb: HEAP_MAX_MB, memoryMb: MEMORY_MAX_MB });
  } catch (cause) {
    throw missingJco(cause);
  }
}

function takeIdle(): PackageThread | undefined {
  if (idle === undefined) return undefined;
  const { thread, end } = idle;
  clearTimeout(end);
  idle = undefined;
  return thread;
}

/** One is kept, and keeps no process running. */
function keepIdle(thread: PackageThread): void {
  thread.keepsRunning(false);
  takeIdle()?.end();
  const forget = (): void => {
    if (idle?.thread === thread) takeIdle();
  };
  thread.onEnd = forget;
  const end = setTimeout(() => {
    forget();
    thread.end();
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
