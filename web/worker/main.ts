/** The worker: takes requests one by one, and answers each. */

import { FargoError, TrapError } from 'fargo-wasm';
import type { AnswersEvent, FromWorker, GuestId, Method, Opened, Request } from '../protocol.ts';
import { guestOfFile } from './guest-of-file.ts';
import { preparedOf } from './prepared.ts';
import { World } from './world.ts';

interface WorkerScope {
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  addEventListener(type: 'message', listen: (event: MessageEvent<Request>) => void): void;
}

const scope = globalThis as unknown as WorkerScope;
let world: World | undefined;
/** Settles when the world that was asked for last is there, or is not to be: one is made at a time, or one would be lost. */
let making: Promise<unknown> = Promise.resolve();

async function inTurn<T>(make: () => Promise<T>): Promise<T> {
  const made = making.then(make);
  making = made.catch(() => undefined);
  return made;
}

function close(): void {
  world?.dispose();
  world = undefined;
}

function current(): World {
  if (world === undefined) throw new Error('no guest was chosen');
  return world;
}

function post(message: FromWorker, transfer: Transferable[] = []): void {
  scope.postMessage(message, transfer);
}

async function load(file: Uint8Array): Promise<Opened> {
  const found = await guestOfFile(file);
  if (found === undefined) throw new Error('The file holds no machine of a guest that this page has.');
  if (world?.guest === found.guest) return world.join(file);
  const made = await World.load({ ...found, prepared: await preparedOf(found.guest) }, file);
  world?.dispose();
  world = made.world;
  return made.opened;
}

const METHODS: Readonly<Record<Method, (...args: never[]) => unknown>> = {
  open: (guest: GuestId, module: Uint8Array) =>
    inTurn(async () => {
      close();
      const made = await World.open(guest, module, await preparedOf(guest));
      world = made.world;
      return made.opened;
    }),
  load: (file: Uint8Array) => inTurn(() => load(file)),
  close: () => inTurn(async () => close()),
  save: (node: number) => current().save(node),
  warm: () => current().warm(),
  measure: (node: number) => current().measure(node),
  fork: (node: number, count: number) => current().fork(node, count),
  swarm: (node: number, count: number) => current().swarm(node, count),
  run: (node: number, line: string) => current().run(node, line),
  runAll: (swarm: number, line: string) =>
    current().runAll(swarm, line, (from, answers) => {
      const event: AnswersEvent = { event: 'answers', swarm, from, answers };
      post(event);
    }),
  stop: () => current().stop(),
  adopt: (swarm: number, index: number) => current().adopt(swarm, index),
  inspect: (node: number) => current().inspect(node),
  readFile: (node: number, path: string) => current().readFile(node, path),
  rollback: (node: number, position: number) => current().rollback(node, position),
  dispose: (node: number) => current().disposeNode(node),
  disposeSwarm: (swarm: number) => current().disposeSwarm(swarm),
};

scope.addEventListener('message', ({ data }) => {
  const { id, method, args } = data;
  void (async () => {
    try {
      const value = await METHODS[method](...(args as never[]));
      post({ id, ok: true, value }, value instanceof Uint8Array ? [value.buffer as ArrayBuffer] : []);
    } catch (error) {
      post({ id, ok: false, ...described(error) });
    }
  })();
});

function described(error: unknown): { code: string; message: string } {
  if (error instanceof FargoError) return { code: error.code, message: error.message };
  if (error instanceof TrapError) return { code: 'trap', message: error.message };
  return { code: 'error', message: error instanceof Error ? error.message : String(error) };
}
