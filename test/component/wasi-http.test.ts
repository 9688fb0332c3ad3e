/** wasi:http by its definition (0.2.12): headers, states of requests and bodies, and what a guest may hold. */

import { beforeEach, expect, test } from 'vitest';
import type { HttpRequest, HttpResponseInit } from '../../src/component/wasi/http-shapes.ts';
import { drop, failure, wasiDirectly, type Directly, type Resource } from './wasi-directly.ts';

const bytesOf = (of: string): Uint8Array => new TextEncoder().encode(of);

let wasi: Directly;
let types: Record<string, Resource>;
let handle: (request: Resource, options?: Resource) => Resource;
let asked: HttpRequest[];
let answer: () => HttpResponseInit | { error: string };

beforeEach(() => {
  asked = [];
  answer = () => ({ status: 204 });
  wasi = wasiDirectly({}, (request) => {
    asked.push(request);
    return answer();
  });
  types = wasi.imports['wasi:http/types']!;
  handle = wasi.imports['wasi:http/outgoing-handler']!['handle'];
});

test('headers: names in any case, bytes as values, and what is forbidden', () => {
  const fields = types['Fields'].fromList([
    ['Accept', bytesOf('a')],
    ['ACCEPT', bytesOf('b')],
  ]);
  expect(fields.get('accept')).toEqual([bytesOf('a'), bytesOf('b')]);
  expect(fields.has('x')).toBe(false);
  fields.append('X', Uint8Array.of(0xff, 9));
  fields.set('accept', [bytesOf('c')]);
  expect(fields.entries()).toEqual([
    ['x', Uint8Array.of(0xff, 9)],
    ['accept', bytesOf('c')],
  ]);
  const other = fields.clone();
  other.delete('X');
  expect([fields.has('x'), other.has('x')]).toEqual([true, false]);
  for (const name of ['', 'a b', 'a:', 'ä', 'a\r\n', 'x'.repeat(2000)]) {
    expect(
      failure(() => fields.append(name, bytesOf(''))),
      name,
    ).toEqual({ tag: 'invalid-syntax' });
  }
  for (const value of ['a\nb: c', 'a\0', '\r', '\x7f']) {
    expect(failure(() => fields.append('a', bytesOf(value)))).toEqual({ tag: 'invalid-syntax' });
  }
  for (const name of ['Host', 'connection', 'Transfer-Encoding', 'upgrade', 'keep-alive']) {
    expect(
      failure(() => fields.set(name, [bytesOf('x')])),
      name,
    ).toEqual({ tag: 'forbidden' });
    expect(
      failure(() => types['Fields'].fromList([[name, bytesOf('x')]])),
      name,
    ).toEqual({ tag: 'forbidden' });
  }
});

test('a request: parts by the setters, headers that can no longer change, one body', () => {
  const request = new types['OutgoingRequest'](new types['Fields']());
  expect(failure(() => request.setMethod({ tag: 'other', val: 'A B' }))).toBe(undefined);
  expect(failure(() => request.setPathWithQuery('/a b'))).toBe(undefined);
  expect(failure(() => request.setPathWithQuery('/a\r\nHost: x'))).toBe(undefined);
  expect(failure(() => request.setAuthority('a/b'))).toBe(undefined);
  expect(failure(() => request.setScheme({ tag: 'other', val: 'a b' }))).toBe(undefined);
  request.setMethod({ tag: 'other', val: 'QUERY' });
  request.setPathWithQuery('/p?q');
  request.setAuthority('host.example:81');
  request.setScheme({ tag: 'HTTP' });
  expect(failure(() => request.headers().append('a', bytesOf('b')))).toEqual({ tag: 'immutable' });
  const body = request.body();
  expect(failure(() => request.body())).toBe(undefined);
  const stream = body.write();
  expect(failure(() => body.write())).toBe(undefined);
  const future = handle(request, new types['RequestOptions']());
  expect(future.get()).toBe(undefined);
  expect(future.subscribe().ready()).toBe(false);
  stream.write(bytesOf('one '));
  stream.blockingWriteAndFlush(bytesOf('two'));
  expect(failure(() => types['OutgoingBody'].finish(body))).toBeInstanceOf(TypeError);
  drop(stream);
  types['OutgoingBody'].finish(body);
  expect(asked).toEqual([]);
  expect(future.subscribe().ready()).toBe(true);
  expect(future.get()).toMatchObject({ tag: 'ok', val: { tag: 'ok' } });
  expect(asked).toEqual([
    { method: 'QUERY', url: 'http://host.example:81/p?q', headers: [], body: bytesOf('one two') },
  ]);
  expect(future.get()).toEqual({ tag: 'err' });
});

test('a response that came in: its body is read once', () => {
  answer = () => ({ status: 418, headers: { 'X-A': 'é' }, body: 'short and stout' });
  const request = new types['OutgoingRequest'](new types['Fields']());
  request.setAuthority('a');
  const future = handle(request);
  const response = future.get().val.val;
  expect(response.status()).toBe(418);
  expect(response.headers().entries()).toEqual([['x-a', Uint8Array.of(0xe9)]]);
  const body = response.consume();
  expect(failure(() => response.consume())).toBe(undefined);
  const stream = body.stream();
  expect(failure(() => body.stream())).toBe(undefined);
  expect(stream.read(5n)).toEqual(bytesOf('short'));
  expect(stream.skip(5n)).toBe(5n);
  expect(stream.blockingRead(100n)).toEqual(bytesOf('stout'));
  expect(failure(() => stream.read(1n))).toEqual({ tag: 'closed' });
  drop(stream);
  const trailers = types['IncomingBody'].finish(body);
  expect(trailers.get()).toEqual({ tag: 'ok', val: { tag: 'ok', val: undefined } });
  expect(trailers.get()).toEqual({ tag: 'err' });
  for (const each of [trailers, response, future]) drop(each);
});

/** Sends five bytes, of four that were said, and gives what came of it. */
const send = (end: (body: Resource) => void): unknown => {
  const headers = types['Fields'].fromList([['content-length', bytesOf('4')]]);
  const request = new types['OutgoingRequest'](headers);
  request.setAuthority('a');
  const body = request.body();
  const stream = body.write();
  const future = handle(request);
  stream.write(bytesOf('12345'));
  drop(stream);
  end(body);
  return future.get();
};

const finish = (body: Resource): void => types['OutgoingBody'].finish(body);

test('a body that is not as long as was said, or was dropped, is not sent', () => {
  const terminated = { tag: 'ok', val: { tag: 'err', val: { tag: 'connection-terminated' } } };
  expect(
    send((body) => expect(failure(() => finish(body))).toEqual({ tag: 'HTTP-request-body-size', val: 5n })),
  ).toEqual(terminated);
  expect(send(drop)).toEqual(terminated);
  expect(asked).toEqual([]);
});

test('nothing stays when all has been let go of, in any order', () => {
  const { Fields, OutgoingRequest, OutgoingResponse, OutgoingBody } = types as Record<string, Resource>;
  for (const order of [0, 1, 2, 3]) {
    for (const Sent of [OutgoingRequest, OutgoingResponse]) {
      const sent = new Sent(new Fields());
      const body = sent.body();
      if (order === 0) OutgoingBody.finish(body, new Fields());
      if (order === 1) drop(body);
      const future = Sent === OutgoingRequest && order > 1 ? handle(sent) : undefined;
      if (order === 2) OutgoingBody.finish(body);
      drop(future ?? sent);
      if (order === 3) drop(body);
      else if (order === 2 && future === undefined) continue;
    }
    expect([...wasi.table.values()], String(order)).toEqual([]);
  }
});

test('what a guest may hold of the host is limited, and free again when it lets go', () => {
  const value = new Uint8Array(900_000).fill(97);
  const held: Resource[] = [];
  const refused = failure(() => {
    for (let i = 0; i < 4000; i++) held.push(types['Fields'].fromList([['a', value]]));
  });
  expect(refused).toMatchObject({ code: 'limit' });
  expect(held.length).toBe(74);
  expect(failure(() => held[0].append('b', value))).toEqual({ tag: 'forbidden' });
  for (const each of held) drop(each);
  const request = new types['OutgoingRequest'](new types['Fields']());
  const stream = request.body().write();
  const part = new Uint8Array(1 << 20);
  for (let i = 0; i < 64; i++) stream.write(part);
  expect(failure(() => stream.write(part))).toMatchObject({ code: 'limit' });
  expect(failure(() => request.setPathWithQuery(`/${'a'.repeat(70_000)}`))).toBe(undefined);
});

test('many small writes are few parts', () => {
  const body = new types['OutgoingResponse'](new types['Fields']()).body();
  const stream = body.write();
  for (let i = 0; i < 5000; i++) stream.write(Uint8Array.of(i & 255));
  const [thing] = [...wasi.table.values()].filter(({ kind }) => kind === 'outgoing-body') as unknown as {
    parts: Uint8Array[];
  }[];
  expect(thing!.parts.length).toBeLessThan(20);
  expect(thing!.parts.flatMap((part) => [...part])).toEqual(Array.from({ length: 5000 }, (_, i) => i & 255));
});
