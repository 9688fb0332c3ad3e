/**
 * What each compiled module was made of, kept for as long as that is: a snapshot is saved with the modules as they were
 * given. The bytes are one copy, shared by all images, machines and snapshots of them.
 */

import { instrument } from '../instrument/instrument.ts';
import { rememberCode } from '../machine/code-places.ts';
import type { ProvidedItem } from './provider.ts';

export type UnitSource =
  | {
      readonly kind: 'module';
      readonly bytes: Uint8Array<ArrayBuffer>;
      /** How it was instrumented. */
      readonly budget: boolean;
      readonly exactCalls: boolean;
    }
  | { readonly kind: 'provider'; readonly items: readonly ProvidedItem[]; readonly exactCalls: boolean };

const sources = new WeakMap<WebAssembly.Module, UnitSource>();

/** Notes what `compiled` was made of. The bytes must not change any more. */
export function rememberSource(compiled: WebAssembly.Module, source: UnitSource): void {
  sources.set(compiled, source);
  if (source.kind === 'module') rememberCode(compiled, () => instrument(source.bytes, source).bytes);
}

/** What `compiled` was made of. */
export function sourceOf(compiled: WebAssembly.Module): UnitSource {
  return sources.get(compiled)!;
}
