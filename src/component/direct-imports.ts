/**
 * Imports that are served without the glue: functions of no parameters and one number, that remember nothing.
 *
 * For every call of an import jco makes tasks and subtasks, 5 to 10 µs. A JavaScript engine asks for the time 7 to 24 times a
 * call. What is left here of the glue's work is what such a function can tell: whether the component may leave just now
 * (canonical ABI, `canon lower`), and the number's range.
 */

import type { AnyFunction, Members } from './glue.ts';
import type { GlueVariables } from './glue-state.ts';

/** By the name that glue has for them: interface without its version, and member, as an embedder gives them. */
const DIRECT: ReadonlySet<string> = new Set([
  'wasi:clocks/monotonic-clock#now',
  'wasi:clocks/monotonic-clock#resolution',
  'wasi:random/random#getRandomU64',
  'wasi:random/insecure#getInsecureRandomU64',
]);

/** Lowered from `func() -> u64`: as jco writes it, and in no other way. */
const LOWERED =
  /\btrampolineIdx: (\d+),\s+componentIdx: (\d+),\s+isAsync: false,\s+isManualAsync: _trampoline\1\.manuallyAsync,\s+paramLiftFns: \[\],\s+resultLowerFns: \[_lowerFlatU64\],\s+hasResultPointer: false,\s+funcTypeIsAsync: false,/g;
const NAMED = /^ *_trampoline(\d+)\.fnName = '([^'\n]+)';$/gm;
const VERSION = /@[^#]*(?=#)/;
/** What jco adds to a name that it has given before. */
const AGAIN = /\$\d+$/;

/** A function of the glue that can be passed by. */
export interface DirectImport {
  readonly name: string;
  /** Whose import it is, in jco's count of component instances. */
  readonly component: number;
  /** What the glue gives to core instances. */
  readonly trampoline: AnyFunction;
}

/** Functions of the embedder or of WASI that may be called so: they return a bigint, at once. */
const simple = new WeakSet<object>();

/** Notes that `work` returns a number at once and calls nobody. */
export function direct(work: () => bigint): () => bigint {
  simple.add(work);
  return work;
}

/** Accessors for the glue's scope. */
export function directAccessors(source: string): string[] {
  const lowered = new Map([...source.matchAll(LOWERED)].map(([, number, component]) => [number!, component!]));
  const found: string[] = [];
  for (const [, number, written] of source.matchAll(NAMED)) {
    const name = written!.replace(VERSION, '').replace(AGAIN, '');
    const component = lowered.get(number!);
    if (component === undefined || !DIRECT.has(name)) continue;
    found.push(`{ name: '${name}', component: ${component}, get trampoline() { return trampoline${number}; } }`);
  }
  return found.length === 0 ? ['direct: []'] : [`direct: [${found.join(', ')}]`, 'checkMayLeave: _checkMayLeave'];
}

/** What stands for trampolines of the glue, by these. */
export function directImports(
  { direct: found, checkMayLeave }: GlueVariables,
  imports: Members,
): Map<unknown, AnyFunction> {
  const made = new Map<unknown, AnyFunction>();
  for (const { name, component, trampoline } of found) {
    const [of, member] = name.split('#') as [string, string];
    const work = (imports[of] as Members | undefined)?.[member] as (() => bigint) | undefined;
    if (work === undefined || !simple.has(work) || checkMayLeave === undefined) continue;
    made.set(trampoline, () => {
      checkMayLeave(component);
      return BigInt.asUintN(64, work());
    });
  }
  return made;
}
