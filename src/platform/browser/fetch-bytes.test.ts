import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, test } from 'vitest';

import { fetchBytes } from './fetch-bytes.ts';

test('bytes of an address, and errors for what is not there', async () => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/module.wasm' ? 200 : 404;
    response.end(Buffer.from([0, 97, 115, 109]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect([...(await fetchBytes(`${origin}/module.wasm`))]).toEqual([0, 97, 115, 109]);
  await expect(fetchBytes(new URL('/other', origin))).rejects.toThrow('answered 404');
  await new Promise((resolve) => server.close(resolve));
  await expect(fetchBytes(`${origin}/module.wasm`)).rejects.toThrow("can't be fetched");
});
