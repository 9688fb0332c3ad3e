/** Runs one suite in this engine, and tells of it in events. */

import { suites } from 'virtual:suites';
import { asset, setAssets, type AssetList } from './assets.ts';
import { SmallBuffer } from './buffer.ts';
import { collect, describeError, runGroup } from './vitest.ts';
import { setParanoid } from '../../../src/base/assert.ts';

export type Told =
  | { readonly kind: 'begins'; readonly file: string; readonly name: string }
  | {
      readonly kind: 'ended';
      readonly file: string;
      readonly name: string;
      readonly state: 'passed' | 'failed' | 'skipped';
      readonly ms: number;
      readonly error?: string;
    }
  | { readonly kind: 'fact'; readonly name: string; readonly value: string }
  | { readonly kind: 'done' };

export interface Order {
  readonly suite: string;
  readonly assets: { readonly list: AssetList; readonly pack: Uint8Array<ArrayBuffer> };
  /** Tests that are not tried, by file and a pattern of their names: see known.mjs. */
  readonly skip: readonly { readonly file: string; readonly test: string }[];
}

export async function runSuite(order: Order, tell: (told: Told) => void): Promise<void> {
  prepareGlobals(tell);
  setAssets(order.assets);
  setParanoid(true);
  for (const { path, load } of suites[order.suite] ?? []) {
    try {
      const group = await collect(load);
      await runGroup(group, {
        skips: (name) => order.skip.some(({ file, test }) => file === path && new RegExp(test).test(name)),
        begins: (name) => tell({ kind: 'begins', file: path, name }),
        ended: (test) => tell({ kind: 'ended', file: path, ...test }),
      });
    } catch (error) {
      tell({
        kind: 'ended',
        file: path,
        name: '(the file itself)',
        state: 'failed',
        ms: 0,
        error: describeError(error),
      });
    }
    setParanoid(true);
  }
  tell({ kind: 'done' });
}

/** What tests expect of Node; by what they tell facts; where the text parser finds its bytes: see bundle.mjs. */
function prepareGlobals(tell: (told: Told) => void): void {
  const globals = globalThis as Record<string, unknown>;
  globals['fargoFact'] = (name: string, value: string): void => tell({ kind: 'fact', name, value });
  globals['fargoTestAsset'] = asset;
  globals['Buffer'] ??= SmallBuffer;
  globals['process'] ??= { env: {}, versions: { node: '' }, platform: 'browser', execPath: 'none', argv: [] };
}
