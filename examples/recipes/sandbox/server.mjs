/**
 * `POST /run` with a Perl program as body: it runs in a machine of its own, made for this request and gone with it.
 *
 *     node examples/recipes/sandbox/server.mjs [port]
 *     curl --data 'print 6 * 7' http://localhost:8080/run
 *
 * The guests' thread is another one (worker.mjs), so that a program that computes holds up the other programs, but not the
 * server; a clock on the wall ends the thread if the budget should not.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

export const LIMITS = {
  /** Of a request's body. */
  sourceBytes: 64 << 10,
  /** Of what a program prints. */
  outputBytes: 64 << 10,
  /** Units of work, an instruction being about one: some tenths of a second. */
  budget: 300_000_000,
  /** Requests that may wait for the thread. */
  waiting: 64,
  /** Milliseconds that a program may have the thread, whatever the budget says. */
  wallMs: 5_000,
};

/** Kinds that are not the program's fault; all others are 422. */
const STATUS = { done: 200, 'no-room': 503, busy: 503, 'timed-out': 422, internal: 500 };

class Refused extends Error {
  constructor(status, kind, message) {
    super(message);
    this.status = status;
    this.kind = kind;
  }
}

/** Programs, one after the other, on a thread that is started anew when it has to be ended. */
class Sandbox {
  #limits;
  #worker;
  #ready;
  #last = Promise.resolve();
  #waiting = 0;
  #closed = false;

  constructor(limits) {
    this.#limits = limits;
    this.#start();
  }

  get ready() {
    return this.#ready;
  }

  async run(source) {
    const { waiting } = this.#limits;
    if (this.#waiting >= waiting) return { kind: 'busy', message: `${waiting} programs are waiting` };
    this.#waiting++;
    const turn = this.#last.then(() => this.#runNow(source));
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }

  async close() {
    this.#closed = true;
    await this.#worker.terminate();
  }

  #start() {
    this.#worker = new Worker(new URL('worker.mjs', import.meta.url), {
      workerData: { limits: this.#limits },
      env: {}, // nothing of this process's environment
    });
    this.#worker.on('error', () => undefined); // who waits for an answer is told by `once`
    this.#ready = once(this.#worker, 'message'); // rejects where the thread fails
    this.#ready.catch(() => undefined);
  }

  async #runNow(source) {
    const { wallMs } = this.#limits;
    const clock = new AbortController();
    let timer;
    try {
      await this.#ready;
      timer = setTimeout(() => clock.abort(), wallMs);
      this.#worker.postMessage(source, []);
      const [answer] = await once(this.#worker, 'message', { signal: clock.signal });
      return answer;
    } catch (error) {
      await this.#worker.terminate();
      if (!this.#closed) this.#start();
      if (clock.signal.aborted) return { kind: 'timed-out', message: `not done after ${wallMs} ms` };
      return { kind: 'internal', message: error instanceof Error ? error.message : String(error) };
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A server that listens, and the address it listens at. `port` 0: any that is free. `limits`: instead of the defaults. */
export async function startServer(port = 0, limits = {}) {
  const sandbox = new Sandbox({ ...LIMITS, ...limits });
  await sandbox.ready;
  const server = createServer(async (request, response) => {
    const { status, ...body } = await answer(sandbox, request);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(body)}\n`);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/run`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await sandbox.close();
    },
  };
}

async function answer(sandbox, request) {
  try {
    if (request.method !== 'POST' || request.url !== '/run') throw new Refused(404, 'not-found', 'POST /run');
    const result = await sandbox.run(await bodyOf(request));
    return { status: STATUS[result.kind] ?? 422, ...result };
  } catch (error) {
    if (error instanceof Refused) return { status: error.status, kind: error.kind, message: error.message };
    return { status: 500, kind: 'internal', message: 'see the log of the server' };
  }
}

async function bodyOf(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > LIMITS.sourceBytes) {
      throw new Refused(413, 'too-large', `a program has at most ${LIMITS.sourceBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startServer(Number(process.argv[2] ?? 8080));
  console.log(`listening: curl --data 'print 6 * 7' ${url}`);
}
