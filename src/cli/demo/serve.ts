/**
 * The browser demo on this machine: the static folder that the build makes, over `node:http`, for 127.0.0.1 alone. It is
 * sent with the headers of cross-origin isolation, which give the page a finer clock.
 *
 * Served are the files that were in the folder at the start, by their exact paths, and nothing else: what a request names is
 * looked up in that list, never on the disk.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { FargoError } from '../../base/errors.ts';

const LOOPBACK = '127.0.0.1';

/** In a clone the whole page, Perl included; in the package what the package holds. */
const FOLDERS: readonly URL[] = [
  new URL('../../../dist-web/', import.meta.url),
  new URL('../../web/', import.meta.url),
];

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.gz': 'application/gzip',
};

const HEADERS: Readonly<Record<string, string>> = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

export interface ServedDemo {
  readonly address: string;
  readonly withoutPerl: boolean;
  readonly server: Server;
}

/**
 * Serves the demo until the process ends, or `server` is closed.
 *
 * @param port 0: any that is free
 * @param folders the first that has a page is served
 * @throws FargoError `io` where the page is missing, or the port can't be had
 */
export async function serveDemo(port: number, folders: readonly URL[] = FOLDERS): Promise<ServedDemo> {
  const files = pageFiles(folders);
  const server = createServer((request, response) => answer(files, request, response));
  await listen(server, port);
  const bound = server.address();
  const address = `http://${LOOPBACK}:${typeof bound === 'object' && bound !== null ? bound.port : port}/`;
  return { address, withoutPerl: !files.has('/guests/perl.wasm.gz'), server };
}

/** The page's files, by the path of their address. */
function pageFiles(folders: readonly URL[]): Map<string, string> {
  for (const folder of folders.map((each) => fileURLToPath(each))) {
    const files = filesBelow(folder);
    if (!files.has('/index.html')) continue;
    files.set('/', files.get('/index.html')!);
    return files;
  }
  throw new FargoError('io', 'the browser demo is not built: run npm run demo:build');
}

function filesBelow(folder: string): Map<string, string> {
  try {
    const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
    const paths = found.map((each) => join(each.parentPath, each.name));
    return new Map(paths.map((path) => [`/${relative(folder, path).split(sep).join('/')}`, path]));
  } catch {
    return new Map(); // The folder is not there.
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE'
          ? `port ${port} is taken; --port 0 takes one that is free`
          : error.code === 'EACCES'
            ? `port ${port} is not for this user; --port 0 takes one that is free`
            : `port ${port}: ${error.message}`;
      reject(new FargoError('io', reason, { cause: error }));
    });
    server.listen(port, LOOPBACK, resolve);
  });
}

function answer(files: ReadonlyMap<string, string>, request: IncomingMessage, response: ServerResponse): void {
  const refuse = (status: number, text: string, headers: Record<string, string> = {}): void => {
    response
      .writeHead(status, { ...HEADERS, 'content-type': 'text/plain; charset=utf-8', ...headers })
      .end(`${text}\n`);
  };
  const { method } = request;
  if (method !== 'GET' && method !== 'HEAD') return refuse(405, 'only GET and HEAD', { allow: 'GET, HEAD' });
  // Another site's name that leads here must not read it: a page of that site would be of the same origin.
  if (!isOurs(request.headers.host)) return refuse(421, 'ask for 127.0.0.1 or localhost');
  const [path = '/'] = (request.url ?? '/').split('?');
  const file = files.get(path);
  if (file === undefined) return refuse(404, 'no such file');
  let contents: Buffer;
  try {
    contents = readFileSync(file);
  } catch {
    return refuse(404, 'the file is gone');
  }
  const type = TYPES[extname(file)] ?? 'application/octet-stream';
  response.writeHead(200, { ...HEADERS, 'content-type': type, 'content-length': String(contents.length) });
  response.end(method === 'HEAD' ? undefined : contents);
}

function isOurs(host: string | undefined): boolean {
  return host !== undefined && /^(127\.0\.0\.1|localhost)(:\d+)?$/i.test(host);
}
