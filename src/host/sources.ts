/**
 * What each compiled module was made of, kept for as long as that is: a snapshot is saved with the modules as they were
 * given. The bytes are one copy, shared by all images, machines and snapshots of them.
 */

import { digestOf } from '../image/snapshot/digest.ts';
import { instrument } from '../instrument/instrument.ts';
import { rememberCode } from '../machine/code-places.ts';
import type { Program } from '../machine/program.ts';
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
const digests = new WeakMap<UnitSource, Promise<string>>();

/** Notes what `compiled` was made of. The bytes must not change any more. */
export function rememberSource(compiled: WebAssembly.Module, source: UnitSource): void {
  sources.set(compiled, source);
  if (source.kind === 'module') rememberCode(compiled, () => instrument(source.bytes, source).bytes);
}

/** What `compiled` was made of. */
export function sourceOf(compiled: WebAssembly.Module): UnitSource {
  return sources.get(compiled)!;
}

/** Digest of a module's bytes, computed once. */
export function sourceDigest(source: UnitSource & { readonly kind: 'module' }): Promise<string> {
  let digest = digests.get(source);
  if (digest === undefined) digests.set(source, (digest = digestOf(source.bytes)));
  return digest;
}

/** The modules of a program by digest. */
export async function modulesOf({ units }: Program): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const modules = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const { compiled } of units) {
    const source = sourceOf(compiled);
    if (source.kind === 'module') modules.set(await sourceDigest(source), source.bytes);
  }
  return modules;
}
