/**
 * What a guest may keep of requests and responses that came in, as plain data and back: an engine with a collector keeps them
 * until it collects. What is going out has no saved form: it is of the call that sends it.
 *
 * Names and values of headers are held to what they may be when a guest makes them: it can send on what it kept.
 */

import type { Fields, Json } from '../../base/fields.ts';
import { toHex } from '../../base/bytes.ts';
import type { ByteCount } from '../../base/units.ts';
import { isName, isValue } from './http-fields.ts';
import { HELD_BYTES_MAX, type Field, type HttpThing, type RequestHead, type Tagged } from './http-values.ts';

const KINDS = [
  'fields',
  'incoming-request',
  'incoming-response',
  'incoming-body',
  'body-input',
  'future-trailers',
  'request-options',
  'response-pollable',
] as const;
/** What can be saved. */
export type KeptHttp = Extract<HttpThing, { readonly kind: (typeof KINDS)[number] }>;
export const KEPT_HTTP: readonly KeptHttp['kind'][] = KINDS;

const HEADERS_MAX = 100_000;
const TEXT_LENGTH = 1 << 20;
const LENGTH: readonly [number, number] = [0, HELD_BYTES_MAX];
const UINT64: readonly [bigint, bigint] = [0n, 2n ** 64n - 1n];
const HEX = /^(?:[0-9a-f]{2})*$/;

type Saved = { readonly [name: string]: Json };

/** @param put takes bytes that are too large for data, and says how many they are */
export function saveHttp(thing: KeptHttp, put: (bytes: Uint8Array) => ByteCount): Saved {
  const body = (bytes: Uint8Array | undefined): Json => (bytes === undefined ? null : put(bytes));
  switch (thing.kind) {
    case 'fields':
      return { headers: headersOf(thing.entries), immutable: thing.immutable };
    case 'incoming-request': {
      const { method, path, scheme, authority, headers } = thing.head;
      const head = { method: taggedOf(method), path: path ?? null, authority: authority ?? null };
      return {
        ...head,
        scheme: scheme === undefined ? null : taggedOf(scheme),
        headers: headersOf(headers),
        body: body(thing.body),
      };
    }
    case 'incoming-response':
      return { status: thing.head.status, headers: headersOf(thing.head.headers), body: body(thing.body) };
    case 'incoming-body':
      return { body: body(thing.bytes) };
    case 'body-input':
      return { body: body(thing.bytes), at: thing.at };
    case 'future-trailers':
      return { taken: thing.taken };
    case 'request-options':
      return {
        timeouts: Object.fromEntries(
          Object.entries(thing.timeouts).map(([name, value]) => [name, value === undefined ? null : value.toString()]),
        ),
      };
    case 'response-pollable':
      return { future: thing.future };
  }
}

/** @param take gives so many of the bytes that were put @throws FargoError `invalid-image` */
export function readHttp(kind: KeptHttp['kind'], fields: Fields, take: (length: ByteCount) => Uint8Array): KeptHttp {
  const body = (): Uint8Array | undefined => fields.optional('body', (of, name) => take(of.number(name, LENGTH)));
  const headers = (): Field[] => readHeaders(fields);
  const optional = (name: string): string | undefined =>
    fields.optional(name, (of, field) => of.text(field, TEXT_LENGTH));
  switch (kind) {
    case 'fields':
      return { kind, entries: headers(), immutable: fields.truth('immutable') };
    case 'incoming-request': {
      const head: RequestHead = {
        method: readTagged(fields.object('method')),
        path: optional('path'),
        scheme: fields.optional('scheme', (of, name) => readTagged(of.object(name))),
        authority: optional('authority'),
        headers: headers(),
      };
      return { kind, head, body: body() };
    }
    case 'incoming-response':
      return { kind, head: { status: fields.number('status', [100, 999]), headers: headers() }, body: body() };
    case 'incoming-body':
      return { kind, bytes: body() };
    case 'body-input': {
      const bytes = body() ?? new Uint8Array(0);
      return { kind, bytes, at: fields.number('at', [0, bytes.length]) };
    }
    case 'future-trailers':
      return { kind, taken: fields.truth('taken') };
    case 'request-options': {
      const given = fields.object('timeouts');
      const timeouts = given.names.map((name): [string, bigint | undefined] => [
        name,
        given.optional(name, (of, field) => of.bigint(field, UINT64)),
      ]);
      return { kind, timeouts: Object.assign(Object.create(null), Object.fromEntries(timeouts)) as Timeouts };
    }
    case 'response-pollable':
      return { kind, future: fields.number('future', [0, Number.MAX_SAFE_INTEGER]) };
  }
}

type Timeouts = Extract<HttpThing, { readonly kind: 'request-options' }>['timeouts'];

function taggedOf({ tag, val }: Tagged): Saved {
  return { tag, val: val === undefined ? null : String(val) };
}

function readTagged(fields: Fields): Tagged {
  const tag = fields.text('tag', TEXT_LENGTH);
  const val = fields.optional('val', (of, name) => of.text(name, TEXT_LENGTH));
  fields.end();
  return val === undefined ? { tag } : { tag, val };
}

function headersOf(headers: readonly Field[]): Json {
  return headers.map(([name, value]) => [name, toHex(value)]);
}

function readHeaders(fields: Fields): Field[] {
  return fields.list('headers', HEADERS_MAX).map((pair): Field => {
    const [name, hex] = Array.isArray(pair) && pair.length === 2 ? (pair as readonly Json[]) : [];
    if (typeof name === 'string' && typeof hex === 'string' && HEX.test(hex)) {
      const value = Uint8Array.from({ length: hex.length / 2 }, (_, at) =>
        Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16),
      );
      if (isName(name) && name === name.toLowerCase() && isValue(value)) return [name, value];
    }
    throw fields.wrong('headers', 'pairs of a name in lower case and its value in hexadecimal digits');
  });
}
