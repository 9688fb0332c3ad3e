/** What was made of a guest that is a component when the demo was built: the page has no jco. */

import type { PreparedComponent } from 'fargo-wasm';
import type { GuestId } from '../protocol.ts';

/** Beside the guests' files; the worker's own lies in a folder beside theirs. */
const MODULES: Readonly<Partial<Record<GuestId, string>>> = { javascript: '../guests/javascript.component.js' };

export async function preparedOf(guest: GuestId): Promise<PreparedComponent | undefined> {
  const path = MODULES[guest];
  if (path === undefined) return undefined;
  const { href } = new URL(path, globalThis.location.href);
  const { prepared } = (await import(/* @vite-ignore */ href)) as { readonly prepared: PreparedComponent };
  return prepared;
}
