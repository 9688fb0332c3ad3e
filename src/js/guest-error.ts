/** What a sandbox's own code threw: an error of the guest, with its stack in the source. The call has committed. */

import { ComponentError } from '../component/component-calls.ts';
import { TrapError } from '../machine/outcome.ts';
import type { Failure } from './engine-world.ts';
import { fromText } from './values.ts';

/** Where in the sources a place in the evaluated code is: `app.ts:3:7`. Both count from 1. */
export type PlaceInSource = (line: number, column: number) => string;

export class GuestError extends Error {
  /** Places in the source, innermost first: `inner (app.js:6:33)`. */
  readonly guestStack: readonly string[];
  /** What was thrown, if that was no error: `throw { code: 7 }`. */
  readonly thrown: unknown;

  /** @internal */
  constructor(failure: Failure, place?: PlaceInSource) {
    // A component that is no engine of ours gives anything.
    const given = (failure ?? {}) as Partial<Record<keyof Failure, unknown>>;
    const [name = 'Error', message = '', stack = ''] = [given.name, given.message, given.stack].map(textIn);
    super(shortened(message));
    Object.defineProperty(this, 'name', { value: shortened(name), configurable: true, writable: true });
    this.guestStack = framesOf(stack, place);
    this.thrown = valueIn(given.thrown);
    const at = this.guestStack.map((frame) => `\n    at ${frame}`).join('');
    const host = (this.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
    Object.defineProperty(this, 'stack', {
      value: `${this.name}: ${this.message}${at}\n    --- the host ---\n${host.join('\n')}`,
      configurable: true,
      writable: true,
    });
  }
}

function textIn(given: unknown): string | undefined {
  return typeof given === 'string' ? given : undefined;
}

/** undefined too for what does not cross: a source may break what writes it. */
function valueIn(thrown: unknown): unknown {
  try {
    return thrown === undefined ? undefined : fromText(thrown as string);
  } catch {
    return undefined;
  }
}

/** Characters of a name or message that are kept. Threat: one as long as the guest's memory, in logs. */
const MESSAGE_MAX = 16_384;

function shortened(text: string): string {
  return text.length <= MESSAGE_MAX ? text : `${text.slice(0, MESSAGE_MAX)}…`;
}

/** Frames that a stack may have. Threat: a message as long as the guest's memory. */
const FRAMES_MAX = 100;
const STACK_MAX = 65_536;

/** SpiderMonkey's stack, `inner@app.js:6:33` a line, without the engine's own frames. */
function framesOf(stack: string, place: PlaceInSource | undefined): string[] {
  const frames: string[] = [];
  for (const line of stack.slice(0, STACK_MAX).split('\n').slice(0, FRAMES_MAX)) {
    const [, name, at] = /^(.*?)@(.*)$/.exec(line) ?? [];
    if (name === undefined || at === undefined || OWN.test(at)) continue;
    const found = /^[\w./@-]+:(\d+):(\d+)$/.exec(at);
    const where = found === null || place === undefined ? at : place(Number(found[1]), Number(found[2]));
    frames.push(name === '' ? where : `${name} (${where})`);
  }
  return frames;
}

const OWN = /(^|\/)(initializer|fargo-engine)\.js\b/;

/** What a call into the engine threw, as the sandbox's embedder is to see it. */
export function described(error: unknown, what: string, place: PlaceInSource | undefined): unknown {
  if (error instanceof ComponentError) return new GuestError(error.payload as Failure, place);
  if (!(error instanceof TrapError)) return error;
  const { cause, kind, stack } = error.trap;
  if (kind === 'host-error' && cause instanceof HostFault) return cause.error;
  // The engine waits, and nothing is left that could happen: it would end the process.
  if (kind !== 'unreachable' || stack[0]?.name !== 'proc_exit') return error;
  const message = `${what} gave a promise that never settles; the call is undone`;
  return new GuestError({ name: 'Error', message, stack: '' });
}

/** What is the embedder's fault or a limit of his, on its way through the guest's frames: it ends the call. */
export class HostFault extends Error {
  readonly error: unknown;

  constructor(error: unknown) {
    super(error instanceof Error ? error.message : String(error));
    this.name = 'HostFault';
    this.error = error;
  }
}
