/**
 * What wasi:http has open, as immutable values: a machine's requests, responses and bodies are forked with it.
 *
 * Bodies are lists of parts that are never written to again; few, however small the writes: a part that is no larger than
 * its follower is joined with it.
 */

import { FargoError } from '../../base/errors.ts';
import type { ByteCount } from '../../base/units.ts';

/** A header: name in lower case, value as bytes. */
export type Field = readonly [name: string, value: Uint8Array];

/** As jco has variants. */
export interface Tagged {
  readonly tag: string;
  readonly val?: unknown;
}

/** The head of a request. */
export interface RequestHead {
  readonly method: Tagged;
  readonly path: string | undefined;
  readonly scheme: Tagged | undefined;
  readonly authority: string | undefined;
  readonly headers: readonly Field[];
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: readonly Field[];
}

export type Body = readonly Uint8Array[];

/** What is sent: the head, and under which number its body is being written, if there is one. */
export type Sent<Head> = { readonly head: Head; readonly body: number | undefined };

export type HttpThing =
  | { readonly kind: 'fields'; readonly entries: readonly Field[]; readonly immutable: boolean }
  /** `body` is undefined once it was consumed. */
  | { readonly kind: 'incoming-request'; readonly head: RequestHead; readonly body: Uint8Array | undefined }
  | { readonly kind: 'incoming-response'; readonly head: ResponseHead; readonly body: Uint8Array | undefined }
  | { readonly kind: 'incoming-body'; readonly bytes: Uint8Array | undefined }
  | { readonly kind: 'body-input'; readonly bytes: Uint8Array; readonly at: ByteCount }
  | { readonly kind: 'future-trailers'; readonly taken: boolean }
  | ({ readonly kind: 'outgoing-request' } & Sent<RequestHead>)
  | ({ readonly kind: 'outgoing-response' } & Sent<ResponseHead>)
  | {
      readonly kind: 'outgoing-body';
      readonly parts: Body;
      readonly state: 'open' | 'finished' | 'dropped';
      readonly hasStream: boolean;
    }
  | { readonly kind: 'body-output'; readonly body: number }
  | { readonly kind: 'request-options'; readonly timeouts: Readonly<Record<string, bigint | undefined>> }
  | { readonly kind: 'response-outparam'; readonly answer: Answer | undefined }
  | ({ readonly kind: 'future-response'; readonly taken: boolean } & Sent<RequestHead>)
  | { readonly kind: 'response-pollable'; readonly future: number };

/** What a guest answers a request with. */
export type Answer =
  { readonly tag: 'ok'; readonly val: Sent<ResponseHead> } | { readonly tag: 'err'; readonly val: unknown };

/** Of all bodies and headers that a machine has open. Threat: they are memory of the host's, not of the guest's. */
export const HELD_BYTES_MAX: ByteCount = 1 << 26;

export function appended(body: Body, bytes: Uint8Array): Body {
  if (bytes.length === 0) return body;
  const parts = [...body];
  let last = bytes;
  while (parts.length > 0 && parts.at(-1)!.length <= last.length) last = joined([parts.pop()!, last]);
  return [...parts, last];
}

export function joined(parts: Body): Uint8Array {
  const bytes = new Uint8Array(sizeOf(parts));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function sizeOf(parts: Body): ByteCount {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

export function headersSize(headers: readonly Field[]): ByteCount {
  // A pair of objects costs the host about as much as this.
  return headers.reduce((sum, [name, value]) => sum + name.length + value.length + 64, 0);
}

/** Bytes of the host's that one thing holds. */
export function heldBy(thing: { readonly kind: string } | undefined): ByteCount {
  if (thing === undefined) return 0;
  const { entries, head, parts, body, bytes } = thing as Partial<{
    entries: readonly Field[];
    head: ResponseHead & Partial<RequestHead>;
    parts: Body;
    body: unknown;
    bytes: Uint8Array;
  }>;
  return (
    (entries === undefined ? 0 : headersSize(entries)) +
    (head === undefined ? 0 : headersSize(head.headers) + (head.path ?? '').length) +
    (parts === undefined ? 0 : sizeOf(parts)) +
    (body instanceof Uint8Array ? body.length : 0) +
    (bytes?.length ?? 0)
  );
}

export function tooMuch(): FargoError {
  return new FargoError('limit', `the component has more than ${HELD_BYTES_MAX} bytes of HTTP bodies and headers open`);
}
