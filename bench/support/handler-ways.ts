/**
 * The handler of js-component.ts in the ways there are to run it apart from everything else: created anew, made to fill its
 * table, and asked once.
 */

import { spawn } from 'node:child_process';
import { createContext, Script } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { Host } from 'fargo-wasm';
import { sandbox } from 'fargo-wasm/js';
import { CALLS, ENTRIES, jsComponent, plainComponent, SOURCE, type Handler } from './js-component.ts';
import { otherPackage } from './other-package.ts';
import { placeOf } from './places.ts';

export const KEY = 'key77';
export const SQUARE = 77 * 77;

export interface Created {
  readonly answer: string;
  /** Microseconds of processor time that are not this process's. */
  readonly elsewhereUs?: number;
  /** Bytes that are not this process's. */
  readonly elsewhereBytes?: number;
  end(): void;
}

/** Creates one, has it fill `entries` of its table, and asks it. */
export type Create = (entries: number) => Created | Promise<Created>;

export interface Way {
  /** What keeps two of them apart, in words for the table. */
  readonly isolates: string;
  /** How many are alive at once where their memory is measured. */
  readonly many: number;
  /** Whether there is anything to fill: a fork has the table. */
  readonly fills: boolean;
  prepare(mayInstall: boolean): Promise<Create>;
}

const SCRIPT = SOURCE.replaceAll('export function', 'function');
const ASK = (entries: number): string => `warm(${entries}); handle('${KEY}')`;
const REPLY = `(ask) => ({ answer: (warm(ask.entries), handle('${KEY}')) })`;

interface Reply {
  readonly answer: string;
  readonly user: number;
  readonly system: number;
  readonly rss: number;
}

interface QuickJs {
  newContext(): QuickJsContext;
}

interface QuickJsContext {
  evalCode(code: string): { readonly value?: { dispose(): void }; readonly error?: object };
  getString(value: object): string;
  dispose(): void;
}

interface QuickJsPackage {
  getQuickJS(): Promise<QuickJs>;
  newQuickJSWASMModule(): Promise<QuickJs>;
}

function quickJs(mayInstall: boolean): QuickJsPackage {
  const wanted = { folder: 'sandboxes', name: 'quickjs-emscripten', wanted: 'quickjs-emscripten@0.32', mayInstall };
  const found = otherPackage(wanted, (module) => module as QuickJsPackage);
  if ('missing' in found) throw new Error(found.missing);
  return found.value;
}

function askQuickJs(engine: QuickJs, entries: number): Created {
  const context = engine.newContext();
  const { value, error } = context.evalCode(`${SCRIPT}\n${ASK(entries)}`);
  if (value === undefined) throw new Error(`QuickJS refuses the handler: ${JSON.stringify(error)}`);
  const answer = context.getString(value);
  value.dispose();
  return { answer, end: () => context.dispose() };
}

export const WAYS: Readonly<Record<string, Way>> = {
  'fargo-wasm: fork of a warmed machine': {
    isolates:
      'memory, globals, files, clock, entropy; limits of memory, work and output; what a trapped call did is undone',
    many: 500,
    fills: false,
    async prepare() {
      const host = await Host.create();
      const { bytes } = await jsComponent('wasi');
      const vm = await (await host.build<Handler>(bytes, { wasi: {}, name: 'js' })).boot();
      vm.exports.warm(ENTRIES);
      for (let i = 0; i < CALLS; i++) vm.exports.handle(`key${i}`);
      const warm = vm.snapshot();
      return () => {
        const child = warm.fork();
        const answer = child.exports.handle(KEY);
        return { answer, end: () => child.dispose() };
      };
    },
  },
  'fargo-wasm/js: fork of a warmed sandbox': {
    isolates: 'as above; values as JSON',
    many: 500,
    fills: false,
    async prepare() {
      const calls = Array.from({ length: CALLS }, (_, i): ['handle', string] => ['handle', `key${i}`]);
      const packages = placeOf('.engines/componentize-js');
      const warm = await sandbox<Handler>(SOURCE, {
        warm: [['warm', ENTRIES], ...calls],
        packages,
        cache: `${packages}/.cache`,
      });
      return () => {
        const child = warm.fork();
        const answer = child.call('handle', KEY);
        return { answer, end: () => child.dispose() };
      };
    },
  },
  'the same component, instantiated by jco': {
    isolates: 'memory; no limit of work; files and clock are the host’s',
    many: 20,
    fills: true,
    async prepare() {
      const { bytes } = await jsComponent('wasi');
      const instantiate = await plainComponent<Handler>(bytes);
      return (entries) => {
        const { exports } = instantiate();
        exports.warm(entries);
        const answer = exports.handle(KEY);
        return { answer, end: () => void exports };
      };
    },
  },
  'node:vm context': {
    isolates: 'globals alone: one heap, one thread, no limit of memory; “not a security mechanism” (Node)',
    many: 100,
    fills: true,
    async prepare() {
      const script = new Script(SCRIPT);
      return (entries) => {
        const context = createContext({});
        script.runInContext(context);
        const answer = new Script(ASK(entries)).runInContext(context) as string;
        return { answer, end: () => void context };
      };
    },
  },
  'worker thread': {
    isolates:
      'heap and thread; limit of memory, can be ended; all of Node’s modules, files and network, the process’s crash',
    many: 20,
    fills: true,
    async prepare() {
      const code = `${SCRIPT}
        const { parentPort } = require('node:worker_threads');
        parentPort.on('message', (ask) => parentPort.postMessage((${REPLY})(ask)));`;
      return async (entries) => {
        const worker = new Worker(code, { eval: true });
        const { answer } = await new Promise<Reply>((resolve, reject) => {
          worker.once('message', resolve);
          worker.once('error', reject);
          // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
          worker.postMessage({ entries });
        });
        return { answer, end: () => void worker.terminate() };
      };
    },
  },
  'quickjs-emscripten, new context': {
    isolates:
      'heap of the engine, in one WebAssembly memory with the others; limits of memory and work; no files, no clock',
    many: 50,
    fills: true,
    async prepare(mayInstall) {
      const engine = await quickJs(mayInstall).getQuickJS();
      return (entries) => askQuickJs(engine, entries);
    },
  },
  'quickjs-emscripten, new module': {
    isolates: 'memory; limits of memory and work; no files, no clock',
    many: 20,
    fills: true,
    async prepare(mayInstall) {
      const { newQuickJSWASMModule } = quickJs(mayInstall);
      return async (entries) => askQuickJs(await newQuickJSWASMModule(), entries);
    },
  },
  'child process': {
    isolates: 'everything of the process; the user’s rights, files and network are its own',
    many: 5,
    fills: true,
    async prepare() {
      const code = `${SCRIPT}
        process.on('message', (ask) => {
          const reply = (${REPLY})(ask);
          process.send({ ...reply, ...process.cpuUsage(), rss: process.memoryUsage.rss() });
        });`;
      return async (entries) => {
        const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
        const { answer, user, system, rss } = await new Promise<Reply>((resolve, reject) => {
          child.once('message', (reply) => resolve(reply as Reply));
          child.once('error', reject);
          child.send({ entries });
        });
        return { answer, elsewhereUs: user + system, elsewhereBytes: rss, end: () => void child.kill() };
      };
    },
  },
};
