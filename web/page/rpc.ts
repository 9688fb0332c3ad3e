/** The page's end of the line to the worker. */

import type { AnswersEvent, FromWorker, Method, Request, WorkerApi } from '../protocol.ts';

/** What the worker could not do: a `FargoError`'s code and text. */
export class WorkerFailure extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'WorkerFailure';
    this.code = code;
  }
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class WorkerLine {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #heard = false;
  /** Why nothing will ever be answered. */
  #dead: WorkerFailure | undefined;
  /** Told of answers as they come. */
  onAnswers: (event: AnswersEvent) => void = () => undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => this.#take(data));
    worker.addEventListener('error', (event) => {
      const failure = new WorkerFailure('worker', event.message || 'the worker could not be started');
      // One that has answered before goes on after an error; one that never did was not started.
      if (!this.#heard) this.#dead = failure;
      this.#failAll(failure);
    });
    worker.addEventListener('messageerror', () => {
      this.#failAll(
        new WorkerFailure('worker', 'an answer of the worker could not be read: there may be no memory left'),
      );
    });
  }

  /** @throws WorkerFailure */
  async ask<M extends Method>(
    method: M,
    args: Parameters<WorkerApi[M]>,
    transfer: Transferable[] = [],
  ): Promise<ReturnType<WorkerApi[M]>> {
    const id = ++this.#lastId;
    const request: Request = { id, method, args };
    if (this.#dead !== undefined) throw this.#dead;
    return new Promise((resolve, reject) => {
      this.#worker.postMessage(request, transfer);
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
    });
  }

  #failAll(failure: WorkerFailure): void {
    for (const waiting of this.#waiting.values()) waiting.reject(failure);
    this.#waiting.clear();
  }

  #take(message: FromWorker): void {
    this.#heard = true;
    if ('event' in message) {
      this.onAnswers(message);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.ok) waiting?.resolve(message.value);
    else waiting?.reject(new WorkerFailure(message.code, message.message));
  }
}
