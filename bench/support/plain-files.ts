/**
 * The guest that works on files under Node's own `node:wasi`, in a thread of its own, which is waited for.
 *
 * In the thread of machines Node 20 crashes: a collection of garbage that falls into its fast path for calls of WASI frees
 * what is in use (gone with `--no-turbo-fast-api-calls`, and without machines, which make the garbage).
 */

import { WASI } from 'node:wasi';
import { MessageChannel, receiveMessageOnPort, Worker, workerData, type MessagePort } from 'node:worker_threads';
import type { FilesGuest } from './files-guest.ts';
import { guestBytes } from './places.ts';

interface Start {
  readonly directory: string;
  readonly port: MessagePort;
  /** Becomes 1 when an answer has been sent. */
  readonly answered: Int32Array<SharedArrayBuffer>;
}

type Request = { readonly put: string } | { readonly call: string; readonly args: (number | bigint)[] };
type Answer = { readonly value: unknown } | { readonly error: string };

/** Starts the thread, over a directory of the host. `close` ends it. */
export function plainFiles(directory: string): FilesGuest & { close(): void } {
  const { port1: port, port2 } = new MessageChannel();
  const answered = new Int32Array(new SharedArrayBuffer(4));
  const start: Start = { directory, port: port2, answered };
  const worker = new Worker(new URL(import.meta.url), { workerData: start, transferList: [port2] });
  const ask = (request: Request): unknown => {
    port.postMessage(request);
    Atomics.wait(answered, 0, 0);
    Atomics.store(answered, 0, 0);
    const answer = receiveMessageOnPort(port)?.message as Answer | undefined;
    if (answer === undefined || 'error' in answer) throw new Error(`node:wasi: ${answer?.error ?? 'no answer'}`);
    return answer.value;
  };
  return {
    call: (call, ...args) => ask({ call, args }),
    put: (text) => ask({ put: text }) as number,
    close: () => {
      port.close();
      void worker.terminate();
    },
  };
}

function serve({ directory, port, answered }: Start): void {
  const wasi = new WASI({ version: 'preview1', preopens: { '/': directory } });
  const module = new WebAssembly.Module(guestBytes('files') as Uint8Array<ArrayBuffer>);
  const instance = new WebAssembly.Instance(module, wasi.getImportObject() as WebAssembly.Imports);
  wasi.initialize(instance);
  const exports = instance.exports as Record<string, (...args: (number | bigint)[]) => unknown>;
  const memory = instance.exports['memory'] as WebAssembly.Memory;
  const handle = (request: Request): unknown => {
    if ('call' in request) return exports[request.call]!(...request.args);
    const bytes = new TextEncoder().encode(request.put);
    new Uint8Array(memory.buffer).set(bytes, exports['buffer']!() as number);
    return bytes.length;
  };
  port.on('message', (request: Request) => {
    let answer: Answer;
    try {
      answer = { value: handle(request) };
    } catch (error) {
      answer = { error: String(error) };
    }
    port.postMessage(answer);
    Atomics.store(answered, 0, 1);
    Atomics.notify(answered, 0);
  });
}

const start = workerData as Start | null;
if (start !== null) serve(start);
