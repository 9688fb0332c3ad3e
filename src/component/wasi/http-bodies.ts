/**
 * Bodies that a guest writes. They outlive the guest's own hold on them: who sends them (a request, a response, an answer, a
 * future) takes them when they are complete.
 */

import { WasiError } from './error-codes.ts';
import { appended, joined, sizeOf, type Field, type Sent } from './http-values.ts';
import type { OpenTable } from './open-things.ts';

/** @throws WasiError `closed` for a body that has ended; FargoError `limit` */
export function writeBody(table: OpenTable, body: number, bytes: Uint8Array): void {
  const thing = table.find(body);
  if (thing?.kind !== 'outgoing-body' || thing.state !== 'open') throw new WasiError({ tag: 'closed' });
  table.set(body, { ...thing, parts: appended(thing.parts, bytes.slice()) });
}

/** The guest has let go of a body: it is there until it was sent, if anybody will. */
export function endBody(table: OpenTable, body: number, state: 'finished' | 'dropped'): void {
  const thing = table.get(body, 'outgoing-body');
  if (isOwned(table, body)) table.set(body, { ...thing, state });
  else table.close(body);
}

/** The guest has let go of what would have been sent. */
export function endSent(table: OpenTable, { body }: Sent<unknown>): void {
  if (body === undefined) return;
  const thing = table.find(body);
  if (thing?.kind === 'outgoing-body' && thing.state !== 'open') table.close(body);
}

export function isComplete(table: OpenTable, { body }: Sent<unknown>): boolean {
  return body === undefined || table.get(body, 'outgoing-body').state !== 'open';
}

/** Takes the body: undefined for one that was never finished. */
export function takeBody(table: OpenTable, { body }: Sent<unknown>): Uint8Array | undefined {
  if (body === undefined) return new Uint8Array(0);
  const { parts, state } = table.get(body, 'outgoing-body');
  if (state !== 'open') table.close(body);
  return state === 'finished' ? joined(parts) : undefined;
}

/** What headers say of a body that was written: its length, unless it is right or not said. */
export function lengthMissed(headers: readonly Field[], body: Parameters<typeof sizeOf>[0]): bigint | undefined {
  const said = headers.find(([name]) => name === 'content-length');
  if (said === undefined) return undefined;
  const size = BigInt(sizeOf(body));
  const text = String.fromCharCode(...said[1].subarray(0, 20));
  return /^\d+$/.test(text) && BigInt(text) === size ? undefined : size;
}

/** Headers of what the body belongs to, if that is still there. */
export function headersOf(table: OpenTable, body: number): readonly Field[] {
  for (const thing of table.values()) {
    const sent = sentBy(thing);
    if (sent?.body === body) return sent.head.headers;
  }
  return [];
}

function isOwned(table: OpenTable, body: number): boolean {
  for (const thing of table.values()) if (sentBy(thing)?.body === body) return true;
  return false;
}

function sentBy(thing: ReturnType<OpenTable['find']>): Sent<{ readonly headers: readonly Field[] }> | undefined {
  switch (thing?.kind) {
    case 'outgoing-request':
    case 'outgoing-response':
    case 'future-response':
      return thing;
    case 'response-outparam':
      return thing.answer?.tag === 'ok' ? thing.answer.val : undefined;
    default:
      return undefined;
  }
}
