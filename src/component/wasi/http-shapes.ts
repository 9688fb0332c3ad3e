/** Requests and responses as the embedder has them: the shapes of WHATWG's, with all of the body, and no promises. */

import { FargoError } from '../../base/errors.ts';
import { isForbidden, isName, isValue } from './http-fields.ts';
import { HELD_BYTES_MAX, type Field, type RequestHead, type ResponseHead, type Tagged } from './http-values.ts';

/** Names and values, or pairs of them: a `Headers` object too. Values are byte strings, as WHATWG has them. */
export type HttpHeaders = Readonly<Record<string, string>> | Iterable<readonly [name: string, value: string]>;

/** A request to a component that serves HTTP. */
export interface HttpRequestInit {
  /** Default `GET`. */
  readonly method?: string;
  /** Absolute, or a path. */
  readonly url: string;
  readonly headers?: HttpHeaders;
  /** A text is UTF-8. */
  readonly body?: string | Uint8Array;
}

/** A request of a component. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

/** What the embedder answers a component's request with. */
export interface HttpResponseInit {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: HttpHeaders;
  /** A text is UTF-8. */
  readonly body?: string | Uint8Array;
}

/** No answer: an `error-code` of wasi:http, as `connection-refused`; one with a payload is `{ tag, val }`. */
export interface HttpFailure {
  readonly error: string | { readonly tag: string; readonly val?: unknown };
}

/** The answer of a component: `new Response(answer.body, answer)` is one of the platform's. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: [name: string, value: string][];
  readonly body: Uint8Array<ArrayBuffer>;
}

const METHODS: ReadonlySet<string> = new Set([
  'get',
  'head',
  'post',
  'put',
  'delete',
  'connect',
  'options',
  'trace',
  'patch',
]);
const ADDRESS = /^(?:([a-z][a-z\d+.-]*):\/\/([^/?#\s\\]+))?((?:\/|\?|$)[^#\s]*)(?:#|$)/i;
const encoder = new TextEncoder();

export function methodOf({ tag, val }: Tagged): string {
  return tag === 'other' ? String(val) : tag.toUpperCase();
}

export function schemeOf(scheme: Tagged | undefined): string {
  if (scheme === undefined) return 'https';
  return (scheme.tag === 'other' ? String(scheme.val) : scheme.tag).toLowerCase();
}

/** @throws FargoError `bad-argument` */
export function requestOf(request: HttpRequestInit): { readonly head: RequestHead; readonly body: Uint8Array } {
  const { method = 'GET', url, headers = {}, body } = request;
  const [whole, scheme, authority, path] = ADDRESS.exec(String(url)) ?? [];
  if (whole === undefined)
    throw wrong(`url is ${JSON.stringify(url)}; one as "http://host/path" or "/path" is expected`);
  if (!isName(method)) throw wrong(`method is ${JSON.stringify(method)}; a name is expected`);
  const known = method.toLowerCase();
  return {
    head: {
      method: METHODS.has(known) ? { tag: known } : { tag: 'other', val: method },
      path: path === '' ? '/' : path!.startsWith('?') ? `/${path}` : path,
      scheme: scheme === undefined ? undefined : schemeTag(scheme),
      authority,
      headers: headersFrom(headers),
    },
    body: bodyFrom(body),
  };
}

/** @throws FargoError `bad-argument` */
export function responseOf(response: HttpResponseInit): { readonly head: ResponseHead; readonly body: Uint8Array } {
  if (typeof response !== 'object' || response === null)
    throw wrong(`a response is an object; got ${String(response)}`);
  if ('then' in response) throw wrong('a promise was given as a response: components call synchronously');
  const { status = 200, headers = {}, body } = response;
  if (!Number.isInteger(status) || status < 100 || status > 999) {
    throw wrong(`status is ${String(status)}; 100 to 999 are allowed`);
  }
  return { head: { status, headers: headersFrom(headers) }, body: bodyFrom(body) };
}

/** Headers as pairs of byte strings, without those that are of one connection. */
export function pairsOf(headers: readonly Field[]): [string, string][] {
  return headers
    .filter(([name]) => !isForbidden(name))
    .map(([name, value]) => {
      let text = '';
      for (const byte of value) text += String.fromCharCode(byte);
      return [name, text];
    });
}

function schemeTag(scheme: string): Tagged {
  const known = scheme.toUpperCase();
  return known === 'HTTP' || known === 'HTTPS' ? { tag: known } : { tag: 'other', val: scheme };
}

function headersFrom(headers: HttpHeaders): Field[] {
  const pairs = Symbol.iterator in headers ? headers : Object.entries(headers);
  return Array.from(pairs as Iterable<readonly [string, string]>, ([name, text]): Field => {
    const value = Uint8Array.from(String(text), (character) => character.codePointAt(0)!);
    const isBytes = [...String(text)].every((character) => character.codePointAt(0)! < 256);
    if (!isName(name) || !isBytes || !isValue(value)) {
      throw wrong(`header ${JSON.stringify(name)} is ${JSON.stringify(text)}; a name, and characters below U+0100`);
    }
    return [name.toLowerCase(), value];
  });
}

function bodyFrom(body: string | Uint8Array = ''): Uint8Array {
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) {
    throw wrong('body is no text and no Uint8Array: components answer at once, so bodies are whole');
  }
  const bytes = typeof body === 'string' ? encoder.encode(body) : body.slice();
  if (bytes.length > HELD_BYTES_MAX) throw wrong(`body has ${bytes.length} bytes; ${HELD_BYTES_MAX} are allowed`);
  return bytes;
}

function wrong(message: string): FargoError {
  return new FargoError('bad-argument', `HTTP: ${message}`);
}
