/** From what an engine throws to a {@link Trap}: its kind, and the guest's frames on its stack. */

import type { ModuleMeta } from '../instrument/meta.ts';
import { placesOf } from './code-places.ts';
import type { GuestFrame, Trap, TrapKind } from './outcome.ts';

/** Each engine's words for a trap, tried in order. V8, JavaScriptCore and SpiderMonkey differ. */
const KINDS: readonly (readonly [RegExp, TrapKind])[] = [
  [/unreachable/i, 'unreachable'],
  [
    /table (index|access|element)|out of bounds (table|call_indirect)|table.*out of bounds|element segment/i,
    'out-of-bounds-table',
  ],
  [/unaligned/i, 'unaligned-atomic'],
  [/unrepresentable in integer|invalid conversion|out of bounds trunc/i, 'invalid-conversion'],
  [/out of bounds|data segment/i, 'out-of-bounds-memory'],
  [/(divide|division|remainder) by zero/i, 'divide-by-zero'],
  [/integer overflow|result unrepresentable/i, 'integer-overflow'],
  [/signature|indirect call|call_indirect|null function/i, 'indirect-call'],
  [/null/i, 'null-reference'],
];

/** Whether an engine says by this error that its stack is exhausted. */
export function isStackExhaustion(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return /call stack|too much recursion|stack overflow/i.test(error.message);
}

/** What describes the guest's functions: of each linked module one. */
export type GuestModules = readonly {
  readonly meta?: Pick<ModuleMeta, 'imports' | 'functionNames' | 'report'>;
  readonly compiled?: WebAssembly.Module;
}[];

/** What JavaScriptCore adds: the text of the call in this library. */
const EVALUATING = / \(evaluating '[^]*'\)$/;

/** What SpiderMonkey says of memories, and of tables too. */
const OUT_OF_SOMETHING = 'index out of bounds';

/**
 * The trap that an engine's error stands for.
 *
 * @param error what came out of a call into the guest
 * @param modules of the machine that was called
 * @returns undefined for what no engine throws for a guest: an error of this library, for the caller to pass on
 */
export function trapOf(error: unknown, modules: GuestModules): Omit<Trap, 'output'> | undefined {
  const stack = framesOf(error, modules);
  const message = error instanceof Error ? error.message.replace(EVALUATING, '') : String(error);
  if (isStackExhaustion(error)) return { kind: 'stack-exhausted', message, stack, cause: undefined };
  if (error instanceof WebAssembly.RuntimeError) {
    const kind = KINDS.find(([words]) => words.test(message))?.[1] ?? 'other';
    const ofTable = message === OUT_OF_SOMETHING && trappedAtTable(error, modules);
    return { kind: ofTable ? 'out-of-bounds-table' : kind, message, stack, cause: undefined };
  }
  if (typeof WebAssembly.Exception === 'function' && error instanceof WebAssembly.Exception) {
    return { kind: 'uncaught-exception', message: 'the guest did not catch its exception', stack, cause: undefined };
  }
  return undefined;
}

/** A frame of WebAssembly in an engine's text: name, index of the function, offset in the module. */
const FRAME = /^(?:\s*at (\S+) \(|([^@\s]*)@).*wasm-function\[(\d+)\](?::0x([0-9a-f]+))?/;
const FRAME_WITHOUT_NAME = /wasm-function\[(\d+)\](?::0x([0-9a-f]+))?/;

interface EngineFrame {
  readonly name: string | undefined;
  readonly index: number;
  /** Where the engine tells it. */
  readonly offset: number | undefined;
}

function engineFrames(error: unknown): EngineFrame[] {
  const text = error instanceof Error ? (error.stack ?? '') : '';
  const frames: EngineFrame[] = [];
  for (const line of text.split('\n')) {
    const [, ofV8, ofOthers, index, offset] = FRAME.exec(line) ?? [];
    const [, plainIndex, plainOffset] = FRAME_WITHOUT_NAME.exec(line) ?? [];
    if (plainIndex === undefined) continue;
    const at = offset ?? plainOffset;
    frames.push({
      name: (ofV8 ?? ofOthers) || undefined,
      index: Number(index ?? plainIndex),
      offset: at === undefined ? undefined : Number.parseInt(at, 16),
    });
  }
  return frames;
}

/** Whether the innermost function stood at an instruction that accesses a table: a frame does not say of which module. */
function trappedAtTable(error: unknown, modules: GuestModules): boolean {
  const [innermost] = engineFrames(error);
  if (innermost?.offset === undefined) return false;
  const { index, offset } = innermost;
  return modules.some(({ compiled }) => {
    const places = compiled && placesOf(compiled);
    return places?.functionAt(offset) === index && places.accessesTable(offset);
  });
}

/**
 * Functions from `imports + functions` on were added by the instrumentation: they are no frames of the guest. Where
 * modules are linked a frame does not say whose it is, so the engine's own name for it stands.
 */
function framesOf(error: unknown, modules: GuestModules): GuestFrame[] {
  const [only] = modules.length === 1 ? modules : [];
  const guestFunctions =
    only?.meta === undefined
      ? Infinity
      : only.meta.imports.filter((one) => one.kind === 'func').length + only.meta.report.functions;
  const found = engineFrames(error);
  const lying = only?.compiled !== undefined && found.every(({ index }) => index === 0) && indicesLie();
  const frames: GuestFrame[] = [];
  for (const frame of found) {
    const place = lying && frame.offset !== undefined ? placesOf(only.compiled)?.functionAt(frame.offset) : undefined;
    const index = place ?? frame.index;
    if (!(index < guestFunctions)) continue;
    const name = only?.meta === undefined ? frame.name : only.meta.functionNames.get(index);
    if (name?.startsWith('fargo:') !== true) frames.push({ index, name });
  }
  return frames;
}

let lies: boolean | undefined;

/** Whether the engine calls a function number 0 that is not (Deno 2.9): `(module (func) (func (export "f") unreachable))`. */
function indicesLie(): boolean {
  if (lies !== undefined) return lies;
  const sections = [1, 4, 1, 0x60, 0, 0, 3, 3, 2, 0, 0, 7, 5, 1, 1, 0x66, 0, 1, 10, 8, 2, 2, 0, 0x0b, 3, 0, 0, 0x0b];
  const bytes = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  try {
    (exports['f'] as () => void)();
  } catch (error) {
    lies = engineFrames(error)[0]?.index === 0;
  }
  return lies === true;
}
