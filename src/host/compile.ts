/**
 * Compiles what instrumenting made of a module that the engine took. It is larger, so a limit of the engine's may be met
 * only now: that is an error by name, as a module is that was refused before.
 */

import { FargoError } from '../base/errors.ts';

/** @throws FargoError `unsupported` when the engine refuses it */
export async function compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw refused(cause);
  }
}

/** As {@link compile}, at once. On the main thread of a page Chromium takes no large module. */
export function compileNow(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes);
  } catch (cause) {
    throw refused(cause);
  }
}

function refused(cause: unknown): FargoError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FargoError('unsupported', `the engine refuses the module once it is instrumented: ${reason}`, { cause });
}
