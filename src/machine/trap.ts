/** From what an engine throws to a {@link Trap}: its kind, and the guest's frames on its stack. */

import type { ModuleMeta } from '../instrument/meta.ts';
import type { GuestFrame, Trap, TrapKind } from './outcome.ts';

/** Each engine's words for a trap, tried in order. V8, JavaScriptCore and SpiderMonkey differ. */
const KINDS: readonly (readonly [RegExp, TrapKind])[] = [
  [/unreachable/i, 'unreachable'],
  [/table (index|access|element)|out of bounds table|table.*out of bounds|element segment/i, 'out-of-bounds-table'],
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

/**
 * @param error what came out of a call into the guest
 * @param meta of the module that was called: its names, and which functions are its own
 */
export function trapOf(error: unknown, meta: ModuleMeta): Omit<Trap, 'output'> {
  const message = error instanceof Error ? error.message : String(error);
  const stack = framesOf(error, meta);
  let kind: TrapKind = 'other';
  if (isStackExhaustion(error)) kind = 'stack-exhausted';
  else if (error instanceof WebAssembly.RuntimeError) {
    kind = KINDS.find(([words]) => words.test(message))?.[1] ?? 'other';
  } else if (typeof WebAssembly.Exception === 'function' && error instanceof WebAssembly.Exception) {
    return { kind: 'uncaught-exception', message: 'the guest did not catch its exception', stack, cause: undefined };
  } else {
    return { kind: 'uncaught-exception', message, stack, cause: error };
  }
  return { kind, message, stack, cause: undefined };
}

/** Functions from `imports + functions` on were added by the instrumentation: they are no frames of the guest. */
function framesOf(error: unknown, meta: ModuleMeta): GuestFrame[] {
  const guestFunctions = meta.imports.filter((one) => one.kind === 'func').length + meta.report.functions;
  const text = error instanceof Error ? (error.stack ?? '') : '';
  const frames: GuestFrame[] = [];
  for (const match of text.matchAll(/wasm-function\[(\d+)\]/g)) {
    const index = Number(match[1]);
    if (index < guestFunctions) frames.push({ index, name: meta.functionNames.get(index) });
  }
  return frames;
}
