/** Fetches a guest's module, and says how far it is. */

import type { Guest } from './catalogue.ts';

const GZIP_MAGIC = [0x1f, 0x8b] as const;

/**
 * The module's bytes. Some hosts send `.gz` as what it is, others as an encoding that the browser undoes: the first bytes
 * tell which.
 *
 * @throws Error that says what the server answered
 */
export async function fetchGuest(guest: Guest, onShare: (share: number) => void): Promise<Uint8Array<ArrayBuffer>> {
  const address = `./guests/${guest.id}.wasm.gz`;
  const response = await fetch(address).catch(() => undefined);
  if (response === undefined) throw new Error(`${guest.name} could not be fetched: is the page still online?`);
  if (!response.ok || response.body === null) {
    throw new Error(`${guest.name} could not be fetched: the server answered ${response.status}`);
  }
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let received = 0;
  let expected = guest.transferBytes;
  for (const reader = response.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (received === 0 && !isGzip(value)) expected = guest.moduleBytes;
    chunks.push(value);
    received += value.length;
    onShare(Math.min(1, received / expected));
  }
  const whole = new Blob(chunks);
  const plain = chunks[0] !== undefined && isGzip(chunks[0]) ? gunzip(whole) : whole.arrayBuffer();
  return new Uint8Array(await plain);
}

function isGzip(bytes: Uint8Array): boolean {
  return GZIP_MAGIC.every((byte, at) => bytes[at] === byte);
}

async function gunzip(blob: Blob): Promise<ArrayBuffer> {
  return new Response(blob.stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
}
