/** Which of the guests a saved machine is: a snapshot file is a tar whose modules are named by their digests. */

import type { GuestId } from '../protocol.ts';

declare const GUEST_DIGESTS: Readonly<Record<GuestId, string>>;

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const SIZE_AT = 124;
const SIZE_BYTES = 12;

/** A guest that was found in a file. */
export interface Found {
  readonly guest: GuestId;
  readonly module: Uint8Array;
}

/**
 * Undefined when none of its modules is one of this page's. The module is: its bytes have the digest. All else is verified
 * when the file is loaded, where what the manifest does not name is passed over.
 */
export async function guestOfFile(file: Uint8Array): Promise<Found | undefined> {
  const { sha256 } = await import('@noble/hashes/sha2.js');
  const guests = Object.entries(GUEST_DIGESTS) as [GuestId, string][];
  const decoder = new TextDecoder('latin1');
  const field = (from: number, length: number): string =>
    decoder.decode(file.subarray(from, from + length)).replace(/\0.*$/s, '');
  for (let at = 0; at + BLOCK_BYTES <= file.length;) {
    const name = field(at, NAME_BYTES);
    const size = Number.parseInt(field(at + SIZE_AT, SIZE_BYTES), 8);
    if (name === '' || !(size >= 0)) return undefined;
    const from = at + BLOCK_BYTES;
    const module = file.subarray(from, from + size);
    const found = guests.find(([, digest]) => name.endsWith(digest));
    if (found !== undefined && hex(sha256(module)) === found[1]) return { guest: found[0], module };
    at = from + BLOCK_BYTES * Math.ceil(size / BLOCK_BYTES);
  }
  return undefined;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
