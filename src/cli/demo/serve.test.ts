/** The server of the demo: what it sends, and what it keeps to itself. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { serveDemo } from './serve.ts';

let outside: string;
let folder: URL;
let server: Server;
let address: string;

beforeAll(async () => {
  outside = mkdtempSync(join(tmpdir(), 'fargo-serve-'));
  const page = join(outside, 'page');
  mkdirSync(join(page, 'assets'), { recursive: true });
  writeFileSync(join(outside, 'secret.txt'), 'secret');
  writeFileSync(join(page, 'index.html'), '<!doctype html>');
  writeFileSync(join(page, 'assets', 'main.js'), 'export {};');
  writeFileSync(join(page, 'assets', 'a.css'), 'a {}');
  writeFileSync(join(page, 'kv.wasm.gz'), new Uint8Array([0x1f, 0x8b, 0]));
  symlinkSync(join(outside, 'secret.txt'), join(page, 'link.txt'));
  folder = pathToFileURL(`${page}/`);
  ({ server, address } = await serveDemo(0, [pathToFileURL(`${outside}/no such folder/`), folder]));
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(outside, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Asks for a path exactly as it stands here: `fetch` would tidy it up. */
function ask(path: string, { method = 'GET', host }: { method?: string; host?: string } = {}): Promise<Answer> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, method, ...(host !== undefined && { headers: { host } }) }, (got) => {
      let body = '';
      got.setEncoding('utf8');
      got.on('data', (text: string) => (body += text));
      got.on('end', () => resolve({ status: got.statusCode!, headers: got.headers, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

test.each([
  ['/', 'text/html; charset=utf-8', '<!doctype html>'],
  ['/index.html', 'text/html; charset=utf-8', '<!doctype html>'],
  ['/?from=somewhere', 'text/html; charset=utf-8', '<!doctype html>'],
  ['/assets/main.js', 'text/javascript; charset=utf-8', 'export {};'],
  ['/assets/a.css', 'text/css; charset=utf-8', 'a {}'],
])('%s is %s, isolated', async (path, type, body) => {
  const answer = await ask(path);
  expect(answer).toMatchObject({ status: 200, body });
  expect(answer.headers).toMatchObject({
    'content-type': type,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'x-content-type-options': 'nosniff',
  });
});

test('a compressed guest is sent as it is, not as an encoding', async () => {
  const { headers } = await ask('/kv.wasm.gz');
  expect(headers).toMatchObject({ 'content-type': 'application/gzip', 'content-length': '3' });
  expect(headers['content-encoding']).toBeUndefined();
});

test('HEAD has headers and no body', async () => {
  expect(await ask('/index.html', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
});

describe('keeps to its folder', () => {
  test.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/..\\secret.txt',
    '//etc/passwd',
    '/etc/passwd',
    '/link.txt',
    '/assets',
    '/assets/',
    '/index.html%00',
    '/index.html/',
  ])('%s', async (path) => {
    const answer = await ask(path);
    expect(answer.status).toBe(404);
    expect(answer.body).not.toContain('secret');
  });
});

test('a file that came later is not served', async () => {
  writeFileSync(new URL('later.txt', folder), 'later');
  expect((await ask('/later.txt')).status).toBe(404);
});

test('other methods are refused', async () => {
  const answer = await ask('/', { method: 'POST' });
  expect(answer.status).toBe(405);
  expect(answer.headers['allow']).toBe('GET, HEAD');
});

test.each(['evil.example', 'evil.example:80', '127.0.0.1.evil.example'])('%s does not lead here', async (host) => {
  expect((await ask('/', { host })).status).toBe(421);
});

test('localhost does', async () => {
  expect((await ask('/', { host: 'localhost:1234' })).status).toBe(200);
});

test('nonsense is answered, and the server goes on', async () => {
  const { hostname, port } = new URL(address);
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.end('nonsense\r\n\r\n'));
    let text = '';
    socket.on('data', (bytes) => (text += bytes.toString()));
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect((await ask('/')).status).toBe(200);
});

test('is for this machine only', () => {
  expect(server.address()).toMatchObject({ address: '127.0.0.1' });
});

test('says that Perl is not there', async () => {
  const { withoutPerl, server: another } = await serveDemo(0, [folder]);
  another.close();
  expect(withoutPerl).toBe(true);
});

test('a taken port says what to do', async () => {
  const { port } = new URL(address);
  await expect(serveDemo(Number(port), [folder])).rejects.toMatchObject({
    code: 'io',
    message: `port ${port} is taken; --port 0 takes one that is free`,
  });
});

test('a page that was not built says what to do', async () => {
  await expect(serveDemo(0, [pathToFileURL(`${outside}/nowhere/`)])).rejects.toMatchObject({
    code: 'io',
    message: expect.stringContaining('npm run demo:build') as string,
  });
});
