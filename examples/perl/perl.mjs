/**
 * Perl 5 as a machine: the reactor of `@6over3/zeroperl-ts`, driven through its exports alone.
 *
 * Its exports: `zeroperl_init() -> 0`, `zeroperl_eval(source, context, argc, argv) -> 0 | error`, `zeroperl_flush()`,
 * `zeroperl_last_error() -> C string`, and `malloc`/`free` for passing strings.
 */

import { readFile } from 'node:fs/promises';
import { callWithText } from 'fargo-wasm';

const SCALAR = 1;
const decoder = new TextDecoder();

/** The module's bytes, from the installed package. */
export async function perlBytes() {
  return readFile(new URL('zeroperl.wasm', import.meta.resolve('@6over3/zeroperl-ts')));
}

/** Options for `host.build`: Perl's one import beside WASI, and a file system that has at least `/dev/null`. */
export const perlBuild = {
  name: 'perl',
  imports: { env: { call_host_function: () => 0 } },
  wasi: { args: ['zeroperl'], files: {} },
};

/** Boots Perl and starts its interpreter. */
export async function bootPerl(image) {
  const vm = await image.boot();
  const status = vm.call('zeroperl_init');
  if (status !== 0) throw new Error(`zeroperl_init returned ${status}: ${lastError(vm)}`);
  return vm;
}

/** Evaluates Perl source in a machine, as one transaction. Returns what it printed. Throws when Perl dies. */
export function perl(vm, source) {
  const error = vm.transaction(() => {
    const status = callWithText(vm, 'zeroperl_eval', source, SCALAR, 0, 0);
    vm.call('zeroperl_flush');
    return status === 0 ? undefined : lastError(vm);
  });
  const output = vm.takeOutput();
  if (error !== undefined) throw new Error(`Perl: ${error}`);
  return output.map(({ bytes }) => decoder.decode(bytes)).join('');
}

function lastError(vm) {
  return vm.memory.readCString(vm.call('zeroperl_last_error'));
}
