/** A service worker in JavaScript, as componentize-js has them: warmed once, and forked for each request. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { Host } from '../../src/component/host.ts';
import type { HttpRequest } from '../../src/component/wasi/http-shapes.ts';
import { BUILD_MS, describeWithTools, tools } from './tools.ts';

const SOURCE = `
  let count = 0;
  const table = new Map(Array.from({ length: 5000 }, (_, i) => ['/key' + i, i * i]));
  addEventListener('fetch', (event) => event.respondWith(answer(event.request)));
  async function answer(request) {
    count++;
    const { pathname } = new URL(request.url);
    if (pathname === '/upstream') {
      const found = await fetch('https://other.example/data?x=1', { method: 'POST', body: 'ping' });
      return new Response('got ' + found.status + ' ' + (await found.text()), { headers: { 'x-count': String(count) } });
    }
    const body = JSON.stringify({ count, method: request.method, square: table.get(pathname), body: await request.text() });
    return new Response(body, { status: 203, headers: { 'content-type': 'application/json' } });
  }
  export function warm() {
    return (count = 100);
  }`;

/** Of wasi:http that this componentize-js serves. */
const VERSION = '0.2.10';

/** The definitions that jco has, in that version, as one text. */
function definitions(): string {
  const folder = join(
    dirname(createRequire(import.meta.url).resolve('@bytecodealliance/jco')),
    '../lib/wit/builtin/0.2.12',
  );
  const packages = ['io', 'clocks', 'random', 'cli', 'sockets', 'filesystem', 'http'].map((name) =>
    readFileSync(join(folder, `wasi-${name}`, 'package.wit'), 'utf8')
      .replace(/^package (.*);$/m, 'package $1 {')
      .concat('}'),
  );
  return `package test:js;
    world js { include wasi:http/proxy@${VERSION}; export warm: func() -> u32; }
    ${packages.join('\n')}`.replaceAll('0.2.12', VERSION);
}

async function component(): Promise<Uint8Array> {
  const wit = definitions();
  const digest = createHash('sha256').update(`${SOURCE}${wit}`).digest('hex');
  const file = join(tools.cache, `${digest}.wasm`);
  if (existsSync(file)) return readFileSync(file);
  const door = (await import(pathToFileURL(join(tools.packages, 'door.mjs')).href)) as {
    componentize(source: string, options: object): Promise<{ readonly component: Uint8Array }>;
  };
  const made = await door.componentize(SOURCE, { witWorld: wit });
  mkdirSync(tools.cache, { recursive: true });
  writeFileSync(file, made.component);
  return made.component;
}

const textOf = (body: Uint8Array): string => new TextDecoder().decode(body);

describeWithTools('a service worker', () => {
  test('answers each request in a child of its own, and fetches by the handler', { timeout: BUILD_MS }, async () => {
    const asked: HttpRequest[] = [];
    const host = await Host.create();
    const image = await host.build<{ warm(): number }>(await component(), {
      http(request) {
        asked.push(request);
        return { status: 201, headers: { 'content-type': 'text/plain' }, body: 'pong' };
      },
    });
    const template = await image.boot();
    expect(template.exports.warm()).toBe(100);
    // An engine answers one request in its life.
    for (let i = 0; i < 20; i++) {
      using child = template.fork();
      const response = child.handle({ method: 'POST', url: `http://here.example/key${i}?a=b`, body: `bödy ${i}` });
      expect(response.status).toBe(203);
      expect(JSON.parse(textOf(response.body))).toEqual({
        count: 101,
        method: 'POST',
        square: i * i,
        body: `bödy ${i}`,
      });
    }
    using child = template.fork();
    const { status, headers, body } = child.handle({ url: 'http://here.example/upstream' });
    expect([status, textOf(body)]).toEqual([200, 'got 201 pong']);
    expect(headers).toContainEqual(['x-count', '101']);
    expect(asked).toMatchObject([
      { method: 'POST', url: 'https://other.example/data?x=1', body: new TextEncoder().encode('ping') },
    ]);
    template.dispose();
    image.dispose();
  });
});
