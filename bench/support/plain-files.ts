/**
 * The guest that works on files under Node's own `node:wasi`, in a thread of its own, which is waited for: see
 * `plain-files-worker.ts`.
 *
 * In the thread of machines Node 20 crashes: a collection of garbage that falls into its fast path for calls of WASI frees
 * what is in use (gone with `--no-turbo-fast-api-calls`, and without machines, which make the garbage).
 */

import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import type { FilesGuest } from './files-guest.ts';

/** What the thread starts with. */
export interface Start {
  readonly directory: string;
  readonly port: MessagePort;
  /** Becomes 1 when an answer has been sent. */
  readonly answered: Int32Array<SharedArrayBuffer>;
}

export type Request = { readonly put: string } | { readonly call: string; readonly args: (number | bigint)[] };
export type Answer = { readonly value: unknown } | { readonly error: string };

/** A call takes some milliseconds; a thread that could not start never answers. */
const ANSWER_MS = 60_000;

/** Starts the thread, over a directory of the host. `close` ends it. */
export function plainFiles(directory: string): FilesGuest & { close(): void } {
  const { port1: port, port2 } = new MessageChannel();
  const answered = new Int32Array(new SharedArrayBuffer(4));
  const start: Start = { directory, port: port2, answered };
  const worker = new Worker(new URL('plain-files-worker.js', import.meta.url), {
    workerData: start,
    transferList: [port2],
  });
  const ask = (request: Request): unknown => {
    port.postMessage(request);
    Atomics.wait(answered, 0, 0, ANSWER_MS);
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
