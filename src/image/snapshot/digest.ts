/** SHA-256 by the engine, or by `@noble/hashes` where it is not to be had: a page that did not come over https. */

import { toHex } from '../../base/bytes.ts';

/** What `crypto.subtle` is where there is one. */
export interface Subtle {
  digest(algorithm: 'SHA-256', bytes: Uint8Array): Promise<ArrayBuffer>;
}

/** The digest as OCI writes it: `sha256:` and 64 hexadecimal digits. */
export async function digestOf(bytes: Uint8Array, subtle: Subtle | null = crypto.subtle ?? null): Promise<string> {
  if (subtle !== null) return `sha256:${toHex(new Uint8Array(await subtle.digest('SHA-256', bytes)))}`;
  const { sha256 } = await import('@noble/hashes/sha2.js');
  return `sha256:${toHex(sha256(bytes))}`;
}
