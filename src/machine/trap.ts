/** From what an engine throws to a {@link Trap}: its kind, and the guest's frames on its stack. */

import type { ModuleMeta } from '../instrument/meta.ts';
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
export type GuestModules = readonly { readonly meta: ModuleMeta }[];

/**
 * The trap that an engine's error stands for.
 *
 * @param error what came out of a call into the guest
 * @param modules of the machine that was called
 * @returns undefined for what no engine throws for a guest: an error of this library, for the caller to pass on
 */
export function trapOf(error: unknown, modules: GuestModules): Omit<Trap, 'output'> | undefined {
  const stack = framesOf(error, modules);
  const message = error instanceof Error ? error.message : String(error);
  if (isStackExhaustion(error)) return { kind: 'stack-exhausted', message, stack, cause: undefined };
  if (error instanceof WebAssembly.RuntimeError) {
    const kind = KINDS.find(([words]) => words.test(message))?.[1] ?? 'other';
    return { kind, message, stack, cause: undefined };
  }
  if (typeof WebAssembly.Exception === 'function' && error instanceof WebAssembly.Exception) {
    return { kind: 'uncaught-exception', message: 'the guest did not catch its exception', stack, cause: undefined };
  }
  return undefined;
}

/**
 * Functions from `imports + functions` on were added by the instrumentation: they are no frames of the guest. Where
 * modules are linked a frame does not say whose it is, so the engine's own name for it stands.
 */
function framesOf(error: unknown, modules: GuestModules): GuestFrame[] {
  const text = error instanceof Error ? (error.stack ?? '') : '';
  const [only] = modules.length === 1 ? modules : [];
  const guestFunctions =
    only === undefined
      ? Infinity
      : only.meta.imports.filter((one) => one.kind === 'func').length + only.meta.report.functions;
  const frames: GuestFrame[] = [];
  for (const line of text.split('\n')) {
    const index = Number(/wasm-function\[(\d+)\]/.exec(line)?.[1] ?? Number.NaN);
    if (!(index < guestFunctions)) continue;
    const name = only === undefined ? /at (\S+) \(/.exec(line)?.[1] : only.meta.functionNames.get(index);
    if (name?.startsWith('fargo:') !== true) frames.push({ index, name });
  }
  return frames;
}
