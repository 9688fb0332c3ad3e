/**
 * wasi:http 0.2: a component's requests go to a function of the embedder, and it answers requests of the embedder.
 *
 * Nothing waits here. A request is handed on when its answer is asked for and its body is complete; the answer is there at
 * once, with all of its body. So there are no sockets to be captured: all that is open is values, and forks.
 */

import type { ComponentCaller } from '../glue-device.ts';
import { WasiError } from './error-codes.ts';
import { endBody, endSent, headersOf, isComplete, lengthMissed, takeBody } from './http-bodies.ts';
import { fieldsOf, isName } from './http-fields.ts';
import {
  methodOf,
  pairsOf,
  requestOf,
  responseOf,
  schemeOf,
  type HttpFailure,
  type HttpRequest,
  type HttpRequestInit,
  type HttpResponse,
  type HttpResponseInit,
} from './http-shapes.ts';
import type { Field, RequestHead, Tagged } from './http-values.ts';
import { numbered, numberedAs, repOf, takeNumber, type Numbered } from './numbered.ts';
import type { OpenTable, OpenThing } from './open-things.ts';
import type { StreamClasses } from './streams.ts';

/**
 * Answers a component's request. What it throws ends the component's call. A promise is refused: components call
 * synchronously.
 */
export type HttpHandler = (request: HttpRequest, caller: ComponentCaller) => HttpResponseInit | HttpFailure;

/** How a component is asked. */
export interface HttpDoor {
  /** Arguments of `handle`, and what it answered, once it has returned. */
  open(request: HttpRequestInit): {
    readonly args: readonly [request: object, out: object];
    /** @throws WasiError with an `error-code` */
    answer(): HttpResponse;
  };
}

const AUTHORITY = /^[^\s/?#\\\p{Cc}]{1,1000}$/u;
const PATH = /^[^\s#\p{Cc}]{0,65536}$/u;
const SCHEME = /^[a-z][a-z\d+.-]{0,63}$/i;
const TIMEOUTS = ['connect', 'firstByte', 'betweenBytes'] as const;

export function http(
  table: OpenTable,
  { InputStream, OutputStream, Pollable }: StreamClasses & { readonly Pollable: new () => object },
  { handler, caller }: { readonly handler: HttpHandler | undefined; readonly caller: ComponentCaller },
): { readonly interfaces: Record<string, Record<string, unknown>>; readonly door: HttpDoor } {
  const { Fields, immutable, taken } = fieldsOf(table);

  /** A class whose numbers are simply closed. */
  class Closed {
    static [Symbol.for('cabiDispose')](rep: number): void {
      table.close(rep);
    }
  }

  /** Of requests and responses that have come in. */
  const consume = (of: Numbered, kind: 'incoming-request' | 'incoming-response'): object => {
    const thing = table.get(repOf(of), kind);
    if (thing.body === undefined) throw new WasiError(undefined);
    table.set(repOf(of), { ...thing, body: undefined } as OpenThing);
    return numbered(IncomingBody, table.add({ kind: 'incoming-body', bytes: thing.body }));
  };

  // The glue makes its objects without a constructor: they have no private members.
  const headOf = (of: Numbered): RequestHead => table.get(repOf(of), 'incoming-request').head;

  class IncomingRequest extends Closed {
    method(): Tagged {
      return headOf(this).method;
    }

    pathWithQuery(): string | undefined {
      return headOf(this).path;
    }

    scheme(): Tagged | undefined {
      return headOf(this).scheme;
    }

    authority(): string | undefined {
      return headOf(this).authority;
    }

    headers(): object {
      return immutable(headOf(this).headers);
    }

    consume(): object {
      return consume(this, 'incoming-request');
    }
  }

  class IncomingResponse extends Closed {
    status(): number {
      return table.get(repOf(this), 'incoming-response').head.status;
    }

    headers(): object {
      return immutable(table.get(repOf(this), 'incoming-response').head.headers);
    }

    consume(): object {
      return consume(this, 'incoming-response');
    }
  }

  class IncomingBody extends Closed {
    stream(): object {
      const { bytes } = table.get(repOf(this), 'incoming-body');
      if (bytes === undefined) throw new WasiError(undefined);
      table.set(repOf(this), { kind: 'incoming-body', bytes: undefined });
      return numbered(InputStream, table.add({ kind: 'body-input', bytes, at: 0 }));
    }

    static finish(body: Numbered): object {
      table.get(repOf(body), 'incoming-body');
      table.close(repOf(body));
      return numbered(FutureTrailers, table.add({ kind: 'future-trailers', taken: false }));
    }
  }

  class FutureTrailers extends Closed {
    subscribe(): object {
      return numbered(Pollable, table.add({ kind: 'pollable', at: undefined }));
    }

    get(): Tagged {
      if (table.get(repOf(this), 'future-trailers').taken) return { tag: 'err' };
      table.set(repOf(this), { kind: 'future-trailers', taken: true });
      return { tag: 'ok', val: { tag: 'ok', val: undefined } };
    }
  }

  /** A body to write, once. */
  const openBody = (of: Numbered, kind: 'outgoing-request' | 'outgoing-response'): object => {
    const thing = table.get(repOf(of), kind);
    if (thing.body !== undefined) throw new WasiError(undefined);
    const body = table.add({ kind: 'outgoing-body', parts: [], state: 'open', hasStream: false });
    table.set(repOf(of), { ...thing, body } as OpenThing);
    return numbered(OutgoingBody, body);
  };

  const sentHeadOf = (of: Numbered): RequestHead => table.get(repOf(of), 'outgoing-request').head;
  const change = (of: Numbered, part: Partial<RequestHead>, isRight: boolean): void => {
    if (!isRight) throw new WasiError(undefined);
    const request = table.get(repOf(of), 'outgoing-request');
    table.set(repOf(of), { ...request, head: { ...request.head, ...part } });
  };

  class OutgoingRequest {
    constructor(headers: Numbered) {
      const head = { method: { tag: 'get' }, path: undefined, scheme: undefined, authority: undefined };
      takeNumber(
        this,
        table.add({ kind: 'outgoing-request', head: { ...head, headers: taken(headers) }, body: undefined }),
      );
    }

    body(): object {
      return openBody(this, 'outgoing-request');
    }

    method(): Tagged {
      return sentHeadOf(this).method;
    }

    setMethod(method: Tagged): void {
      change(this, { method }, method.tag !== 'other' || isName(String(method.val)));
    }

    pathWithQuery(): string | undefined {
      return sentHeadOf(this).path;
    }

    setPathWithQuery(path: string | undefined): void {
      change(this, { path }, path === undefined || PATH.test(path));
    }

    scheme(): Tagged | undefined {
      return sentHeadOf(this).scheme;
    }

    setScheme(scheme: Tagged | undefined): void {
      change(this, { scheme }, scheme?.tag !== 'other' || SCHEME.test(String(scheme.val)));
    }

    authority(): string | undefined {
      return sentHeadOf(this).authority;
    }

    setAuthority(authority: string | undefined): void {
      change(this, { authority }, authority === undefined || AUTHORITY.test(authority));
    }

    headers(): object {
      return immutable(sentHeadOf(this).headers);
    }

    static [Symbol.for('cabiDispose')](rep: number): void {
      const request = table.get(rep, 'outgoing-request');
      table.close(rep);
      endSent(table, request);
    }
  }

  class OutgoingResponse {
    constructor(headers: Numbered) {
      const head = { status: 200, headers: taken(headers) };
      takeNumber(this, table.add({ kind: 'outgoing-response', head, body: undefined }));
    }

    statusCode(): number {
      return table.get(repOf(this), 'outgoing-response').head.status;
    }

    setStatusCode(status: number): void {
      if (status < 100 || status > 999) throw new WasiError(undefined);
      const response = table.get(repOf(this), 'outgoing-response');
      table.set(repOf(this), { ...response, head: { ...response.head, status } });
    }

    headers(): object {
      return immutable(table.get(repOf(this), 'outgoing-response').head.headers);
    }

    body(): object {
      return openBody(this, 'outgoing-response');
    }

    static [Symbol.for('cabiDispose')](rep: number): void {
      const response = table.get(rep, 'outgoing-response');
      table.close(rep);
      endSent(table, response);
    }
  }

  class OutgoingBody {
    write(): object {
      const body = table.get(repOf(this), 'outgoing-body');
      if (body.hasStream) throw new WasiError(undefined);
      table.set(repOf(this), { ...body, hasStream: true });
      return numbered(OutputStream, table.add({ kind: 'body-output', body: repOf(this) }));
    }

    static finish(body: Numbered, trailers: Numbered | undefined): void {
      const rep = repOf(body);
      for (const thing of table.values()) {
        if (thing.kind === 'body-output' && thing.body === rep) throw new TypeError('the stream of the body is open');
      }
      // Trailers have no place in the embedder's shapes.
      if (trailers !== undefined) taken(trailers);
      const missed = lengthMissed(headersOf(table, rep), table.get(rep, 'outgoing-body').parts);
      endBody(table, rep, missed === undefined ? 'finished' : 'dropped');
      if (missed !== undefined) throw new WasiError({ tag: 'HTTP-request-body-size', val: missed });
    }

    static [Symbol.for('cabiDispose')](rep: number): void {
      endBody(table, rep, 'dropped');
    }
  }

  class RequestOptions extends Closed {
    constructor() {
      super();
      takeNumber(this, table.add({ kind: 'request-options', timeouts: {} }));
    }
  }
  // Kept, and without effect: the embedder answers at once.
  for (const name of TIMEOUTS) {
    const upper = name[0]!.toUpperCase() + name.slice(1);
    Object.defineProperty(RequestOptions.prototype, `${name}Timeout`, {
      value(this: Numbered) {
        return table.get(repOf(this), 'request-options').timeouts[name];
      },
    });
    Object.defineProperty(RequestOptions.prototype, `set${upper}Timeout`, {
      value(this: Numbered, duration: bigint | undefined) {
        const { kind, timeouts } = table.get(repOf(this), 'request-options');
        table.set(repOf(this), { kind, timeouts: { ...timeouts, [name]: duration } });
      },
    });
  }

  class ResponseOutparam {
    static set(out: Numbered, response: { readonly tag: 'ok' | 'err'; readonly val: unknown }): void {
      table.get(repOf(out), 'response-outparam');
      if (response.tag === 'err') {
        table.set(repOf(out), { kind: 'response-outparam', answer: { tag: 'err', val: response.val } });
        return;
      }
      const rep = repOf(response.val as Numbered);
      const { head, body } = table.get(rep, 'outgoing-response');
      table.set(repOf(out), { kind: 'response-outparam', answer: { tag: 'ok', val: { head, body } } });
      table.close(rep);
    }

    sendInformational(): void {
      throw new WasiError({ tag: 'internal-error', val: 'informational responses are not sent' });
    }

    // The door closes it.
    static [Symbol.for('cabiDispose')](): void {}
  }

  class FutureIncomingResponse {
    subscribe(): object {
      return numbered(Pollable, table.add({ kind: 'response-pollable', future: repOf(this) }));
    }

    get(): Tagged | undefined {
      const future = table.get(repOf(this), 'future-response');
      if (future.taken) return { tag: 'err' };
      if (!isComplete(table, future)) return undefined;
      const body = takeBody(table, future);
      table.set(repOf(this), { ...future, body: undefined, taken: true });
      return { tag: 'ok', val: send(future.head, body) };
    }

    static [Symbol.for('cabiDispose')](rep: number): void {
      const future = table.get(rep, 'future-response');
      table.close(rep);
      endSent(table, future);
    }
  }

  /** @returns a `result` */
  const send = (head: RequestHead, body: Uint8Array | undefined): Tagged => {
    if (body === undefined) return failed('connection-terminated');
    if (head.authority === undefined) return failed('HTTP-request-URI-invalid');
    if (handler === undefined) return failed('HTTP-request-denied');
    const url = `${schemeOf(head.scheme)}://${head.authority}${head.path ?? '/'}`;
    const answer = handler({ method: methodOf(head.method), url, headers: pairsOf(head.headers), body }, caller);
    if (typeof answer === 'object' && answer !== null && 'error' in answer) return failed(answer.error);
    const response = responseOf(answer);
    return { tag: 'ok', val: numbered(IncomingResponse, table.add({ kind: 'incoming-response', ...response })) };
  };

  const door: HttpDoor = {
    open(given) {
      const request = requestOf(given);
      const out = table.add({ kind: 'response-outparam', answer: undefined });
      const args = [
        numbered(IncomingRequest, table.add({ kind: 'incoming-request', ...request })),
        numberedAs(ResponseOutparam, out),
      ] as const;
      return {
        args,
        answer() {
          const { answer } = table.get(out, 'response-outparam');
          table.close(out);
          if (answer === undefined) throw new WasiError({ tag: 'internal-error', val: 'the component did not answer' });
          if (answer.tag === 'err') throw new WasiError(answer.val);
          const { head } = answer.val;
          const body = takeBody(table, answer.val);
          if (body === undefined) throw new WasiError({ tag: 'HTTP-response-incomplete' });
          return { status: head.status, headers: pairsOf(head.headers as readonly Field[]), body: body.slice() };
        },
      };
    },
  };

  return {
    door,
    interfaces: {
      'wasi:http/types': {
        Fields,
        IncomingRequest,
        IncomingResponse,
        IncomingBody,
        FutureTrailers,
        OutgoingRequest,
        OutgoingResponse,
        OutgoingBody,
        RequestOptions,
        ResponseOutparam,
        FutureIncomingResponse,
        httpErrorCode: () => undefined,
      },
      'wasi:http/outgoing-handler': {
        handle(request: Numbered, options: Numbered | undefined): object {
          const { head, body } = table.get(repOf(request), 'outgoing-request');
          table.close(repOf(request));
          if (options !== undefined) table.close(repOf(options));
          return numberedAs(FutureIncomingResponse, table.add({ kind: 'future-response', head, body, taken: false }));
        },
      },
    },
  };
}

function failed(error: string | Tagged): Tagged {
  return { tag: 'err', val: typeof error === 'string' ? { tag: error } : error };
}
