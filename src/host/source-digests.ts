/** Modules by their digest: how a file names them. For saving and loading alone. */

import { digestOf } from '../image/snapshot/digest.ts';
import type { Program } from '../machine/program.ts';
import { componentOf } from './component-sources.ts';
import { sourceOf, type UnitSource } from './sources.ts';

const digests = new WeakMap<UnitSource, Promise<string>>();

/** Digest of a module's bytes, computed once. */
export function sourceDigest(source: UnitSource & { readonly kind: 'module' }): Promise<string> {
  let digest = digests.get(source);
  if (digest === undefined) digests.set(source, (digest = digestOf(source.bytes)));
  return digest;
}

/** What a file names by digest of a program: its modules, or the component that they are made of. */
export async function modulesOf(program: Program): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const component = componentOf(program);
  if (component !== undefined) return new Map([[component.digest, component.bytes]]);
  const modules = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const { compiled } of program.units) {
    const source = sourceOf(compiled);
    if (source.kind === 'module') modules.set(await sourceDigest(source), source.bytes);
  }
  return modules;
}
