/**
 * Entropy of a guest that is forked. SpiderMonkey seeds `Math.random` once, so all children of a machine would go on with the
 * same numbers. Here it is seeded at its first use in each call, from the outside: a fork can only happen between calls.
 *
 * While a template is made, what draws entropy throws, unless that was allowed: it would be the same in all children.
 */

const { floor } = Math;
const fill = crypto.getRandomValues.bind(crypto);
const { getPrototypeOf } = Object;

/** Why entropy is refused; undefined: it is not. */
let refusal: string | undefined = undefined;
let seeded = false;
const state = new Uint32Array(4);
const stateBytes = new Uint8Array(state.buffer);

/** Before each call into the guest. */
export function enter(): void {
  seeded = false;
}

export function refuse(reason?: string): void {
  refusal = reason;
}

function requireAllowed(what: string): void {
  if (refusal !== undefined) throw new Error(`${what} ${refusal}`);
}

/** xoshiro128**: the next 32 bits. */
function next(): number {
  const result = rotate(Math.imul(state[1]!, 5), 7);
  const shifted = state[1]! << 9;
  state[2]! ^= state[0]!;
  state[3]! ^= state[1]!;
  state[1]! ^= state[2]!;
  state[0]! ^= state[3]!;
  state[2]! ^= shifted;
  state[3] = rotate(state[3]!, 11);
  return Math.imul(result, 9) >>> 0;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function random(): number {
  requireAllowed('Math.random()');
  if (!seeded) {
    fill(stateBytes);
    state[0]! |= 1;
    seeded = true;
  }
  return (floor(next() / 32) * 67_108_864 + floor(next() / 64)) / 9_007_199_254_740_992;
}

function guard(holder: object, name: string, what: string): void {
  const original = (holder as Record<string, unknown>)[name];
  if (typeof original !== 'function') return;
  const guarded = {
    [name](this: unknown, ...args: unknown[]): unknown {
      requireAllowed(what);
      return Reflect.apply(original, this, args);
    },
  }[name];
  Object.defineProperty(holder, name, { value: guarded, writable: true, configurable: true });
}

/** Before any other code of the guest. */
export function replaceEntropy(): void {
  Object.defineProperty(Math, 'random', { value: random, writable: true, configurable: true });
  for (const name of ['getRandomValues', 'randomUUID'])
    guard(getPrototypeOf(crypto) as object, name, `crypto.${name}()`);
  for (const name of ['generateKey', 'sign', 'encrypt', 'wrapKey']) {
    guard(getPrototypeOf(crypto.subtle) as object, name, `crypto.subtle.${name}()`);
  }
}
