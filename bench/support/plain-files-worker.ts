/** The thread of `plain-files.ts`: answers calls of the guest's exports, one at a time. */

import { WASI } from 'node:wasi';
import { workerData } from 'node:worker_threads';
import { guestBytes } from './places.ts';
import type { Answer, Request, Start } from './plain-files.ts';

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

serve(workerData as Start);
