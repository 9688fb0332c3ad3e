/**
 * What stands around the source of a component that `fargo-wasm build` makes: random numbers of its own for each fork, and
 * functions as the component's world has them. One global, `$fargo`, for the text that `src/js/node/component.ts` puts together.
 */

import { enter, refuse, replaceEntropy } from './entropy.ts';

type AnyFunction = (...args: unknown[]) => unknown;
type Passing = 'plain' | 'json' | 'jsons';

export { refuse };

const { apply, construct, ownKeys } = Reflect;
const { parse, stringify } = JSON;

replaceEntropy();

function read(value: unknown, passing: Passing | undefined): unknown {
  if (passing === 'json') return value === undefined ? undefined : parse(value as string);
  if (passing === 'jsons') return (value as string[]).map((each) => parse(each) as unknown);
  return value;
}

/** A function of an inferred world: it returns a `result` whose error is text. */
export function typed(
  target: unknown,
  {
    params,
    hasRest,
    result,
  }: { readonly params: readonly Passing[]; readonly hasRest: boolean; readonly result: Passing },
): AnyFunction {
  const write = (value: unknown): unknown => (result === 'json' ? (stringify(value) ?? 'null') : value);
  return (...args) => {
    enter();
    try {
      const given = params.map((passing, index) => read(args[index], passing));
      if (hasRest) given.push(...(given.pop() as Iterable<unknown>));
      const value = apply(target as AnyFunction, undefined, given);
      if (typeof (value as PromiseLike<unknown> | null | undefined)?.then !== 'function') return write(value);
      return (async () => {
        try {
          return write(await value);
        } catch (error) {
          throw printed(error);
        }
      })();
    } catch (error) {
      throw printed(error);
    }
  };
}

function printed(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frames = String(error.stack ?? '')
    .split('\n')
    .filter((line) => line.includes('@') && !/\/?(initializer|\$fargo)\b/.test(line));
  return [`${error.name}: ${error.message}`, ...frames.map((line) => `    at ${line}`)].join('\n');
}

/** An export of a given world: a function, an interface of them, a class of resources. */
export function entered(value: unknown): unknown {
  if (typeof value === 'function')
    return isClass(value) ? enteredClass(value as NewableFunction) : enteredFunction(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, entered(each)]));
}

function isClass(value: unknown): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}

function enteredFunction(value: unknown): AnyFunction {
  return function (this: unknown, ...args) {
    enter();
    return apply(value as AnyFunction, this, args);
  };
}

function enteredClass(value: NewableFunction): unknown {
  for (const holder of [value, value.prototype as object]) {
    for (const name of ownKeys(holder)) {
      const { value: method, writable } = Object.getOwnPropertyDescriptor(holder, name)!;
      if (name === 'constructor' || typeof method !== 'function' || writable !== true) continue;
      Object.defineProperty(holder, name, { value: enteredFunction(method) });
    }
  }
  return new Proxy(value, {
    construct(target, args, newTarget) {
      enter();
      return construct(target, args, newTarget) as object;
    },
  });
}
