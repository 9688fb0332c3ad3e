/** wasi:http: requests to components, and of components, as values; everything that is open forks. */

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { buildComponent } from '../../src/component/build.ts';
import type { ComponentImage } from '../../src/component/component-image.ts';
import type { HttpHandler } from '../../src/component/wasi/http.ts';
import type { HttpRequest } from '../../src/component/wasi/http-shapes.ts';
import { Host } from '../../src/index.ts';
import { componentOf, onMachine } from './components.ts';
import { HTTP_WAT, HTTP_WIT } from './http-guest.ts';

let host: Host;
let bytes: Uint8Array;
let image: ComponentImage;
const asked: HttpRequest[] = [];
let answer: HttpHandler;

beforeAll(async () => {
  host = await Host.create();
  bytes = await componentOf(HTTP_WIT, HTTP_WAT);
  image = await buildComponent(host, bytes, {
    http: (request, caller) => {
      asked.push(request);
      return answer(request, caller);
    },
  });
});

beforeEach(() => {
  asked.length = 0;
  answer = () => ({ status: 201, body: 'pong' });
});

afterAll(() => {
  expect(host.audit().faults).toEqual([]);
  expect(host.usage().machines).toBe(0);
  host.dispose();
});

const textOf = (body: Uint8Array): string => new TextDecoder().decode(body);

test('a component answers requests, and each child counts its own', () =>
  onMachine(image, (vm) => {
    const first = vm.handle({ method: 'POST', url: 'http://here.example/echo?x=1', body: 'höi' });
    expect(first).toMatchObject({ status: 200, headers: [['x-count', '1']] });
    expect(textOf(first.body)).toBe('höi');
    const children = vm.fork(20);
    children.forEach((child, i) => {
      for (let n = 0; n <= i % 5; n++) {
        const { headers, body } = child.handle({ url: '/', body: Uint8Array.of(65 + i) });
        expect(headers).toEqual([['x-count', String(2 + n)]]);
        expect([...body]).toEqual([65 + i]);
      }
      child.dispose();
    });
    expect(vm.handle({ url: '/' }).headers).toEqual([['x-count', '2']]);
  }));

test('it is a call as any: hundreds leave nothing open', () =>
  onMachine(image, (vm) => {
    for (let i = 0; i < 600; i++) vm.handle({ url: '/fetch' });
    expect(asked.length).toBe(600);
    const child = vm.fork();
    expect(child.handle({ url: '/' }).status).toBe(200);
    child.dispose();
  }));

test('an answer is one of the platform’s', async () => {
  const vm = await image.boot();
  const headers = new Headers({ 'content-type': 'text/plain' });
  const { body, ...init } = vm.handle({ url: '/a', headers, body: 'text' });
  const response = new Response(body, init);
  expect(await response.text()).toBe('text');
  expect(response.headers.get('x-count')).toBe('1');
  vm.dispose();
});

test('its own requests go to the embedder', () =>
  onMachine(image, (vm) => {
    const response = vm.handle({ url: '/fetch?q=1' });
    expect(response.status).toBe(201);
    expect(textOf(response.body)).toBe('pong');
    expect(asked).toEqual([
      { method: 'GET', url: 'https://other.example/fetch?q=1', headers: [], body: new TextEncoder().encode('ping') },
    ]);
    answer = (_, caller) => ({ body: String(caller.identity.id) });
    const child = vm.fork();
    expect(textOf(child.handle({ url: '/fetch' }).body)).toBe(String(child.id));
    child.dispose();
  }));

test('errors of both sides are the interface’s own', async () => {
  const vm = await image.boot();
  answer = () => ({ error: 'connection-refused' });
  expect(vm.handle({ url: '/fetch' }).status).toBe(500);
  answer = () => ({ error: { tag: 'internal-error', val: 'no' } });
  expect(vm.handle({ url: '/fetch' }).status).toBe(504);
  expect(() => vm.handle({ url: '/nothing' })).toThrow(
    expect.objectContaining({
      name: 'ComponentError',
      payload: { tag: 'internal-error', val: 'the component did not answer' },
    }),
  );
  expect(() => vm.handle({ url: '/half', body: 'x' })).toThrow(
    expect.objectContaining({ payload: { tag: 'HTTP-response-incomplete' } }),
  );
  // A body that is never finished is never sent, and what waits for its answer waits for ever.
  asked.length = 0;
  expect(() => vm.handle({ url: '/freeze' })).toThrow('waits for what can never be ready');
  expect(asked).toEqual([]);
  expect(vm.handle({ url: '/' }).status).toBe(200);
  vm.dispose();
  const alone = await buildComponent(host, bytes);
  const other = await alone.boot();
  // HTTP-request-denied is the second of this component's list.
  expect(other.handle({ url: '/fetch' }).status).toBe(501);
  other.dispose();
  alone.dispose();
});

test('what is not of its shape is refused before the component knows', () =>
  onMachine(image, (vm) => {
    const wrong = expect.objectContaining({ code: 'bad-argument' });
    for (const url of ['here.example/x', 'http://', 'http://a b/', '/a b', 'x:/']) {
      expect(() => vm.handle({ url }), url).toThrow(wrong);
    }
    expect(() => vm.handle({ url: '/', method: 'GE T' })).toThrow(wrong);
    expect(() => vm.handle({ url: '/', headers: { 'a b': '' } })).toThrow(wrong);
    expect(() => vm.handle({ url: '/', headers: { a: 'x\r\nb: y' } })).toThrow(wrong);
    expect(() => vm.handle({ url: '/', headers: { a: 'ā' } })).toThrow(wrong);
    expect(() => vm.handle({ url: '/', body: new ReadableStream() as unknown as string })).toThrow(wrong);
    expect(vm.handle({ url: '/' }).headers).toEqual([['x-count', '1']]);
    answer = () => Promise.resolve({}) as unknown as { status: number };
    expect(() => vm.handle({ url: '/fetch' })).toThrow('promise');
    answer = () => ({ status: 20 });
    expect(() => vm.handle({ url: '/fetch' })).toThrow('status');
    expect(vm.handle({ url: '/' }).headers).toEqual([['x-count', '2']]);
  }));

test('sockets are refused by name', async () => {
  const wit = `package t:t; world w { import wasi:sockets/instance-network@0.2.12; export go: func(); }
    package wasi:sockets@0.2.12 {
      interface network { resource network; }
      interface instance-network { use network.{network}; instance-network: func() -> network; }
    }`;
  const wat = `(module
    (import "wasi:sockets/instance-network@0.2.12" "instance-network" (func (result i32)))
    (func (export "go") (drop (call 0))))`;
  await expect(buildComponent(host, await componentOf(wit, wat))).rejects.toMatchObject({
    code: 'link',
    message: expect.stringContaining('wasi:sockets/'),
  });
});
