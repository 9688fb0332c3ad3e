/**
 * The program of the JavaScript engine's machine, from which all sandboxes are forked: it loads a module, and calls what that
 * exports. Made into a component by componentize-js; its world is `src/js/engine-world.ts`.
 *
 * A value crosses as text (`src/js/values.ts`), an error as its name, message and stack. What the source may break of the
 * engine's objects was taken before it is loaded.
 */

import { call as callHost } from 'fargo:js/host';
import { fromText, toText } from '../../src/js/values.ts';
import { enter, refuse, replaceEntropy } from './entropy.ts';

/** As the world has it. */
interface Failure {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  /** What was thrown, where that can cross and is no error. */
  readonly thrown: string | undefined;
}

type Get = () => unknown;
/** A module as a function: what `src/js/node/modules.ts` makes. */
type Linked = (
  imported: (specifier: string, name: string) => unknown,
  later: (specifier: string) => Promise<unknown>,
  meta: object,
) => Promise<readonly (readonly [name: string, get: Get])[]>;

replaceEntropy();

const { defineProperty, fromEntries, hasOwn } = Object;
const { apply } = Reflect;
// oxlint-disable-next-line no-eval -- in the guest, where the source is to be evaluated
const evaluate = eval;
const exported = new Map<string, Get>();
const modules = new Map<string, Readonly<Record<string, unknown>>>();
/** What is loaded, for whoever finds it in a file. */
let description: { readonly functions: string[]; readonly notes: string } = { functions: [], notes: '' };

/** A function of the host, as the source has it. */
function hostFunction(module: string, name: string): (...args: unknown[]) => unknown {
  const made = (...args: unknown[]): unknown => {
    let result: string;
    try {
      result = callHost(module, name, toText(args));
    } catch (error) {
      const { payload } = error as { readonly payload?: unknown };
      if (typeof payload !== 'string') throw error;
      const { name: errorName, message } = fromText(payload) as { name: string; message: string };
      const described = new Error(message);
      defineProperty(described, 'name', { value: errorName, configurable: true, writable: true });
      throw described;
    }
    return fromText(result);
  };
  return defineProperty(made, 'name', { value: name });
}

function imported(specifier: string, name: string): unknown {
  const found = modules.get(specifier);
  if (found === undefined) {
    const known = [...modules.keys()].join(', ') || 'nothing';
    throw new TypeError(`import of '${specifier}': the host gives ${known}`);
  }
  if (name === '*') return found;
  if (hasOwn(found, name)) return found[name];
  if (name === 'default') return found;
  throw new SyntaxError(`'${specifier}' has no export '${name}': it has ${Object.keys(found).join(', ')}`);
}

/** Loads the one module of this machine, in the place of what was loaded to warm the engine. @returns names of its exports that are functions */
async function load(name: string, source: string, given: string, notes: string): Promise<string[]> {
  enter();
  exported.clear();
  modules.clear();
  try {
    for (const [specifier, names] of fromText(given) as [string, string[]][]) {
      modules.set(specifier, fromEntries(names.map((each) => [each, hostFunction(specifier, each)])));
    }
    const module = evaluate(`${source}\n//# sourceURL=${name}`) as Linked;
    const later = async (specifier: string): Promise<unknown> => imported(String(specifier), '*');
    for (const [each, get] of await module(imported, later, { url: name })) exported.set(each, get);
    const functions = [...exported].filter(([, get]) => typeof get() === 'function').map(([each]) => each);
    description = { functions, notes };
    return functions;
  } catch (error) {
    throw failureOf(error);
  }
}

/** Calls an export, and waits for what it gives. */
function call(name: string, args: string): string | Promise<string> {
  enter();
  try {
    const result = apply(exported.get(name)!() as () => unknown, undefined, fromText(args) as unknown[]);
    if (typeof (result as PromiseLike<unknown> | null | undefined)?.then !== 'function') return toText(result);
    return (async () => {
      try {
        return toText(await result);
      } catch (error) {
        throw failureOf(error);
      }
    })();
  } catch (error) {
    throw failureOf(error);
  }
}

/** Whatever was thrown: what fails of it is left out, since an error of this function would end the engine. */
function failureOf(error: unknown): Failure {
  if (isError(error)) {
    return {
      name: printed(() => error.name) ?? 'Error',
      message: printed(() => error.message) ?? '',
      stack: printed(() => error.stack ?? '') ?? '',
      thrown: undefined,
    };
  }
  let thrown: string | undefined;
  try {
    thrown = toText(error);
  } catch {
    // It can't cross: its text must do.
  }
  const text = printed(() => error) ?? 'without a text';
  return { name: 'Error', message: `${typeof error} was thrown: ${text}`, stack: '', thrown };
}

function isError(value: unknown): value is Error {
  try {
    return value instanceof Error;
  } catch {
    return false;
  }
}

function printed(read: () => unknown): string | undefined {
  try {
    return String(read());
  } catch {
    return undefined;
  }
}

export const guest = { load, call, describe: () => description, refuseEntropy: refuse };
