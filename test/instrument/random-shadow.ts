/**
 * Random functions that move a global by constants and store off it, as AssemblyScript's code does with its shadow stack, and
 * call each other: for what is relied on of such a global (src/instrument/shadow-stack.ts). Most leave it as they found it; some
 * do not, or only on some paths, or throw, or call a host that comes back in. Every stored byte is not zero.
 */

import { NEXT_BIT } from './random-code.ts';
import type { Random } from './random-code.ts';

const LOOPS_MAX = 4;
const STEPS = [4, 8, 12, 100, 1000, 3000, 4092, 5000] as const;
/** How far the global moves where it is not put back: mostly to pages that nothing else marks. */
const FAR = [4, -8, 20_000, 40_000] as const;
const STORES = [
  ['i32.store8', '(i32.const 0x5a)'],
  ['i32.store', '(i32.const 0x5a5b5c5d)'],
  ['i64.store', '(i64.const 0x5a5b5c5d5e5f6a6b)'],
] as const;
const GET = '(global.get $sp)';

/**
 * The text of a module of `count` functions, of which it exports `f0`, `f2` and so on, of type (bits, depth: i32) -> (), and `move` and `set`, which
 * move and set the global. It imports `host.in` of type () -> (), which may call any of them. `handlers`: some functions throw and
 * catch (legacy).
 */
export function randomShadowModule(random: Random, count: number, handlers: boolean): string {
  const functions = Array.from({ length: count }, (_, i) => new ShadowText(random, count, handlers).text(i));
  const names = Array.from({ length: count / 2 }, (_, i) => `$f${2 * i}`).join(' ');
  return `(module (import "host" "in" (func $in)) (memory (export "memory") 4) (type $f (func (param i32 i32)))
  ${handlers ? '(tag $t)' : ''} (table funcref (elem ${names}))
  (global $fuel (export "fuel") (mut i32) (i32.const 0)) (global $sp (mut i32) (i32.const 0))
  (func $first ${step(-4)} ${step(4)})
  (func (export "set") (param i32) (global.set $sp (local.get 0)))
  (func $move (export "move") (param i32) (global.set $sp (i32.add ${GET} (local.get 0))))
  ${functions.join('\n')})`;
}

function step(by: number): string {
  return by < 0
    ? `(global.set $sp (i32.sub ${GET} (i32.const ${-by})))`
    : `(global.set $sp (i32.add ${GET} (i32.const ${by})))`;
}

class ShadowText {
  readonly #random: Random;
  readonly #functions: number;
  readonly #handlers: boolean;
  /** Statements that are left. */
  #budget = 40;
  #loops = 0;
  #labels = 0;
  /** What the global is below its value at the beginning, if all is well. */
  #depth = 0;
  /** Of the open blocks and loops: label, depth that it is to be reached with. */
  readonly #open: [string, number][] = [];

  constructor(random: Random, functions: number, handlers: boolean) {
    this.#random = random;
    this.#functions = functions;
    this.#handlers = handlers;
  }

  text(index: number): string {
    const counters = Array.from({ length: LOOPS_MAX }, (_, i) => `(local $c${i} i32)`).join(' ');
    const frame = this.#random.pick(STEPS);
    const takes = this.#random.chance(85);
    const body = takes ? this.#between(frame, 3) : this.#statements(3);
    return `(func $f${index} ${index % 2 === 0 ? `(export "f${index}")` : ''} (type $f) (param $bits i32) (param $depth i32) (local $x i32) ${counters}
      (if (i32.eqz (local.get $depth)) (then (return)))
      (if (i32.eqz (global.get $fuel)) (then (return)))
      (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))
      ${body} ${this.#random.chance(4) ? step(4) : ''})`;
  }

  /** Statements with a frame taken around them. */
  #between(bytes: number, depth: number): string {
    this.#depth += bytes;
    const text = `${step(-bytes)} ${this.#statements(depth)}`;
    this.#depth -= bytes;
    return `${text} ${step(bytes)}`;
  }

  #statements(depth: number): string {
    let text = '';
    for (let left = 1 + this.#random.below(5); left > 0; left--) text += `${this.#statement(depth)}\n`;
    return text;
  }

  #statement(depth: number): string {
    const random = this.#random;
    if (this.#budget-- <= 0) return '';
    const roll = random.below(100);
    if (this.#handlers && depth > 0 && random.chance(12)) return this.#try(depth);
    if (roll < 45 || depth === 0) return this.#store();
    if (roll < 55) return this.#between(random.pick(STEPS), depth - 1);
    if (roll < 63) return this.#call();
    if (roll < 76) return this.#skip(depth);
    if (roll < 84) return this.#loop(depth);
    if (roll < 93) return `(if ${NEXT_BIT} (then ${this.#exit()}))`;
    if (roll < 95) return `(local.set $x ${GET})`;
    if (roll < 96) return `(call $move (i32.const ${random.pick([0, ...FAR])}))`;
    if (roll < 97) return step(random.pick(FAR));
    if (roll < 98) return '(global.set $sp (local.get $x))';
    return this.#store();
  }

  #store(): string {
    const random = this.#random;
    const [name, value] = random.pick(STORES);
    const offset = random.below(random.chance(10) ? 5000 : 70);
    if (random.chance(10)) return `(memory.fill ${GET} (i32.const 77) (i32.const ${1 + random.below(34)}))`;
    if (random.chance(10))
      return `(${name} offset=${offset} (i32.add ${GET} (i32.const ${random.below(60) - 20})) ${value})`;
    if (random.chance(10)) return `(${name} offset=${offset} (local.get $x) ${value})`;
    if (random.chance(15)) {
      return `(${name} offset=${offset} ${GET} (block (result ${name.slice(0, 3)}) ${this.#call()} ${value}))`;
    }
    return `(${name} offset=${offset} ${GET} ${value})`;
  }

  #call(): string {
    const random = this.#random;
    const operands = `${NEXT_BIT} (i32.sub (local.get $depth) (i32.const 1))`;
    if (random.chance(5)) return '(call $in)';
    if (random.chance(5)) return '(if (i32.const 0) (then (call $in) (unreachable)))';
    if (random.chance(5)) return `(call_indirect (type $f) ${operands} ${NEXT_BIT})`;
    return `(call $f${random.below(this.#functions)} ${operands})`;
  }

  /** Out of the function or a block, or back to the head of a loop, which costs fuel; mostly with the depth that belongs there. */
  #exit(): string {
    const random = this.#random;
    if (this.#handlers && random.chance(40)) return `${random.chance(30) ? step(random.pick(FAR)) : ''} (throw $t)`;
    if (random.chance(10)) return '(unreachable)';
    const outward = this.#open.length === 0 || random.chance(25);
    const [label, depth] = outward ? (['', 0] as const) : random.pick(this.#open);
    const back = random.chance(12) ? step(random.pick(FAR)) : depth === this.#depth ? '' : step(this.#depth - depth);
    if (label === '' && random.chance(10)) {
      return `${back} (return_call $f${random.below(this.#functions)} ${NEXT_BIT} (i32.const 1))`;
    }
    if (label === '') return `${back} (return)`;
    return `${back} ${random.chance(40) ? `(br ${label})` : `(br_table ${label} ${random.pick(this.#open)[0]} ${NEXT_BIT})`}`;
  }

  /** Statements that are left out sometimes. */
  #skip(depth: number): string {
    const label = `$l${this.#labels++}`;
    const random = this.#random;
    const arm = (): string => this.#statements(depth - 1);
    if (random.chance(5)) return `(if ${NEXT_BIT} (then ${step(random.pick(FAR))}))`;
    if (random.chance(20)) return `(if ${NEXT_BIT} (then ${arm()}) (else ${arm()}))`;
    if (random.chance(20)) return `(if ${NEXT_BIT} (then ${arm()}))`;
    return this.#within(label, () => `(block ${label} (br_if ${label} ${NEXT_BIT}) ${arm()})`);
  }

  #try(depth: number): string {
    const arm = (): string => this.#statements(depth - 1);
    return `try ${arm()} catch $t ${this.#random.chance(50) ? arm() : ''} end`;
  }

  #within(label: string, text: () => string): string {
    this.#open.push([label, this.#depth]);
    const inner = text();
    this.#open.pop();
    return inner;
  }

  #loop(depth: number): string {
    if (this.#loops === LOOPS_MAX) return '';
    const counter = `$c${this.#loops++}`;
    const label = `$l${this.#labels++}`;
    return this.#within(
      label,
      () => `(local.set ${counter} (i32.const 3))
      (loop ${label}
        (if (i32.eqz (global.get $fuel)) (then (unreachable)))
        (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))
        ${this.#statements(depth - 1)}
        (br_if ${label} (local.tee ${counter} (i32.sub (local.get ${counter}) (i32.const 1)))))`,
    );
  }
}
