/** The suites in a browser's worker: an order comes as a message, events go out as messages. */

import type { AssetList } from './assets.ts';
import { runSuite, type Order, type Told } from './run.ts';

interface WorkerScope {
  postMessage(message: unknown, options?: object): void;
  addEventListener(kind: 'message', heard: (event: { readonly data: Pick<Order, 'suite' | 'skip'> }) => void): void;
}
const scope = globalThis as unknown as WorkerScope;

async function bytesAt(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

const tell = (told: Told): void => scope.postMessage(told, {});

scope.addEventListener('message', ({ data: { suite, skip } }) => {
  const run = async (): Promise<void> => {
    const [list, pack] = await Promise.all([bytesAt('/assets.json'), bytesAt('/assets.bin')]);
    const assets = { list: JSON.parse(new TextDecoder().decode(list)) as AssetList, pack };
    await runSuite({ suite, skip, assets }, tell);
  };
  run().catch((error: unknown) => {
    tell({ kind: 'ended', file: suite, name: '(the suite)', state: 'failed', ms: 0, error: String(error) });
    tell({ kind: 'done' });
  });
});
