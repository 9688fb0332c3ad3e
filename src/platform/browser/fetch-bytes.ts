/** Bytes from an address: what a page needs to get a module. */

import { FargoError } from '../../base/errors.ts';

/**
 * Fetches `address` whole. Throws `FargoError` `io` when the server does not answer with success.
 *
 * ```ts
 * const image = await host.build(await fetchBytes(new URL('counter.wasm', import.meta.url)));
 * ```
 */
export async function fetchBytes(address: string | URL): Promise<Uint8Array<ArrayBuffer>> {
  let response: Response;
  try {
    response = await fetch(address);
  } catch (error) {
    throw new FargoError('io', `"${address}" can't be fetched`, { cause: error });
  }
  if (!response.ok) throw new FargoError('io', `"${address}" answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
