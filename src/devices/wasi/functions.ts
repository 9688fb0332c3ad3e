/**
 * `wasi_snapshot_preview1` as functions that a guest imports: all 46 of the specification.
 *
 * What is common to all stands here: parameters made unsigned, a bad address (the memory door throws `bad-argument`)
 * as the errno `fault`, the budget charged for work on files, the declared type checked when an import is resolved.
 */

import { FargoError } from '../../base/errors.ts';
import type { GuestContext, HostFunction, HostFunctions } from '../../machine/device.ts';
import { ValType } from '../../wasm/module.ts';
import type { FuncType, ValTypeCode } from '../../wasm/module.ts';
import { E } from '../fs/errno.ts';
import { FD_DIRECTORY_FUNCTIONS } from './fd-directory.ts';
import { IO_FUNCTIONS } from './fd-io.ts';
import { FD_STATE_FUNCTIONS } from './fd-state.ts';
import type { WasiFunction, WasiFunctions } from './guest-memory.ts';
import { PATH_FUNCTIONS } from './path-entries.ts';
import { PATH_OPEN_FUNCTIONS } from './path-open.ts';
import { POLL_FUNCTIONS } from './poll.ts';
import { PROCESS_FUNCTIONS } from './process.ts';
import type { WasiSession } from './session.ts';
import { SOCKET_FUNCTIONS } from './sockets.ts';

/** The import module that is served. */
export const WASI_MODULE = 'wasi_snapshot_preview1';

const TABLE: WasiFunctions = {
  ...PROCESS_FUNCTIONS,
  ...IO_FUNCTIONS,
  ...FD_STATE_FUNCTIONS,
  ...FD_DIRECTORY_FUNCTIONS,
  ...PATH_OPEN_FUNCTIONS,
  ...PATH_FUNCTIONS,
  ...POLL_FUNCTIONS,
  ...SOCKET_FUNCTIONS,
};

/** Every function by name: the types of its parameters, `i` for i32 and `I` for i64. */
export const WASI_SIGNATURES: ReadonlyMap<string, string> = new Map(
  Object.entries(TABLE).map(([name, [parameters]]) => [name, parameters]),
);

/** The functions, working on `session`. Resolving one with another type throws `FargoError` `link`. */
export function wasiFunctions(session: WasiSession): HostFunctions {
  const functions = new Map<string, HostFunction>();
  for (const [name, [, run]] of Object.entries(TABLE)) functions.set(name, guarded(session, run));
  return {
    resolve(module, name, type) {
      if (module !== WASI_MODULE) return undefined;
      const found = functions.get(name);
      if (found !== undefined) checkType(name, type);
      return found;
    },
  };
}

function guarded(session: WasiSession, run: WasiFunction): HostFunction {
  return (vm: GuestContext, ...args: never[]): number => {
    const unsigned = args as (number | bigint)[];
    for (let i = 0; i < unsigned.length; i++) {
      const value = unsigned[i]!;
      unsigned[i] = typeof value === 'bigint' ? BigInt.asUintN(64, value) : value >>> 0;
    }
    try {
      const errno = run(session, vm, ...args);
      const { work } = session.files;
      if (work > 0) {
        session.files.work = 0;
        vm.charge(work);
      }
      return errno;
    } catch (error) {
      if (error instanceof FargoError && error.code === 'bad-argument') return E.fault;
      throw error;
    }
  };
}

function checkType(name: string, type: FuncType): void {
  const parameters = WASI_SIGNATURES.get(name)!;
  const results = name === 'proc_exit' ? '' : 'i';
  if (letters(type.params) === parameters && letters(type.results) === results) return;
  throw new FargoError(
    'link',
    `${WASI_MODULE}.${name} is imported as ${spell(letters(type.params))} -> ${spell(letters(type.results))}, ` +
      `but it is ${spell(parameters)} -> ${spell(results)}`,
  );
}

function letters(types: readonly ValTypeCode[]): string {
  return types.map((type) => (type === ValType.i32 ? 'i' : type === ValType.i64 ? 'I' : '?')).join('');
}

function spell(types: string): string {
  const words = [...types].map((letter) => (letter === 'i' ? 'i32' : letter === 'I' ? 'i64' : 'another type'));
  return `(${words.join(', ')})`;
}
