/** A static host as plain as they come: the demo in a sub-path, without special headers or, below `/isolated/`, with them. */

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../dist-web', import.meta.url));
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.gz': 'application/gzip' };
const ISOLATED = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

/** @returns the addresses of the demo, and how to end it */
export async function serve() {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const [, kind, path] = /^\/(plain|isolated)\/some\/where\/(.*)$/.exec(pathname) ?? [];
    try {
      const file = normalize(`/${path === '' ? 'index.html' : path}`);
      const contents = await readFile(join(folder, file));
      response.writeHead(200, {
        'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
        ...(kind === 'isolated' ? ISOLATED : {}),
      });
      response.end(contents);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    origin,
    plain: `${origin}/plain/some/where/`,
    isolated: `${origin}/isolated/some/where/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
