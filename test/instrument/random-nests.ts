/**
 * Random functions of loops in loops that store off few locals, which they set here and there, and off stack frames: for
 * what is relied on in a loop of what was before it (src/instrument/loop-assumptions.ts, stack-frames.ts). Every loop calls, so none
 * is surveyed. Every stored byte is not zero.
 */

import { NEXT_BIT } from './random-code.ts';
import type { Random } from './random-code.ts';

const LOOPS_MAX = 6;
/** Bytes of stack frames; the last ones are too large for all of it to be covered. */
const FRAMES = [16, 64, 65, 100, 544, 4096, 4112, 5000] as const;
const LOCALS = ['$a', '$b', '$x', '$y'] as const;
const STORES = [
  ['i32.store8', '(i32.const 0x5a)'],
  ['i32.store', '(i32.const 0x5a5b5c5d)'],
  ['i64.store', '(i64.const 0x5a5b5c5d5e5f6a6b)'],
] as const;

/**
 * The text of a module that exports functions `f0` to `f<count-1>` of type (i32 × 4) -> (): two addresses, what stands for the
 * stack pointer, bits that decide where branches go.
 */
export function randomNestModule(random: Random, count: number): string {
  const functions = Array.from({ length: count }, (_, index) => new NestText(random).text(index));
  return `(module (memory (export "memory") 4)
  (global $fuel (export "fuel") (mut i32) (i32.const 0)) (global $sp (mut i32) (i32.const 0))
  (func $nothing) (func $moves (global.set $sp (i32.add (global.get $sp) (i32.const 4096))))
  ${functions.join('\n')})`;
}

class NestText {
  readonly #random: Random;
  /** Statements that are left. */
  #budget = 40;
  #loops = 0;
  #labels = 0;
  /** Of the open blocks and loops. */
  readonly #open: string[] = [];
  #frameBytes: number;

  constructor(random: Random) {
    this.#random = random;
    this.#frameBytes = random.pick(FRAMES);
  }

  text(index: number): string {
    const counters = Array.from({ length: LOOPS_MAX }, (_, i) => `(local $c${i} i32)`).join(' ');
    return `(func (export "f${index}") (param $a i32) (param $b i32) (param $stack i32) (param $bits i32)
      (local $x i32) (local $y i32) (local $f i32) ${counters}
      (local.set $x (i32.add (local.get $a) (i32.const 8))) (local.set $y (local.get $b)) (local.set $f (local.get $a))
      (global.set $sp (local.get $stack))
      ${this.#random.chance(70) ? this.#frame() : ''}
      ${this.#random.chance(50) ? this.#statements(3) : ''} ${this.#loop(3)} ${this.#statements(2)})`;
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
    if (roll < 55 || depth === 0) return this.#store();
    if (roll < 64) return this.#set();
    if (roll < 67) return this.#frame();
    if (roll < 77) return this.#skip(depth);
    if (roll < 92) return this.#loop(depth);
    if (roll < 97) return this.#jump();
    return random.chance(50) ? '(call $moves)' : '(if (i32.and (local.get $bits) (i32.const 1)) (then (return)))';
  }

  #store(): string {
    const random = this.#random;
    const [name, value] = random.pick(STORES);
    if (random.chance(10)) return `(${name} offset=${random.below(40)} (global.get $sp) ${value})`;
    if (random.chance(8)) {
      return `(memory.fill (local.get ${random.pick([...LOCALS, '$f'])}) (i32.const 77) (i32.const ${1 + random.below(34)}))`;
    }
    if (random.chance(60)) return `(${name} offset=${random.below(70)} (local.get ${random.pick(LOCALS)}) ${value})`;
    const at = random.below(this.#frameBytes + (random.chance(20) ? 40 : 0));
    if (random.chance(70)) return `(${name} offset=${at} (local.get $f) ${value})`;
    return `(${name} (i32.add (local.get $f) (i32.const ${at})) ${value})`;
  }

  #set(): string {
    const random = this.#random;
    const local = random.chance(15) ? '$f' : random.pick(LOCALS);
    if (random.chance(50)) return `(local.set ${local} (i32.add (local.get ${local}) (i32.const 4096)))`;
    if (random.chance(10)) return `(local.set ${local} (global.get $sp))`;
    const base = random.chance(20) ? '$f' : random.pick(LOCALS);
    return `(local.set ${local} (i32.add (local.get ${base}) (i32.const ${random.pick([0, 8, 30, -8])})))`;
  }

  #frame(): string {
    const random = this.#random;
    this.#frameBytes = random.pick(FRAMES);
    return `(global.set $sp (local.tee $f (i32.sub (global.get $sp) (i32.const ${this.#frameBytes}))))`;
  }

  /** Statements that some iterations leave out. */
  #skip(depth: number): string {
    const label = `$l${this.#labels++}`;
    if (this.#random.chance(50)) return `(if ${NEXT_BIT} (then ${this.#statements(depth - 1)}))`;
    return this.#within(label, () => `(block ${label} (br_if ${label} ${NEXT_BIT}) ${this.#statements(depth - 1)})`);
  }

  /** Out of a block, or back to the head of a loop, which costs fuel. */
  #jump(): string {
    const random = this.#random;
    if (this.#open.length === 0) return '';
    const label = random.pick(this.#open);
    if (random.chance(50)) return `(if ${NEXT_BIT} (then ${this.#set()} (br ${label})))`;
    return `(if ${NEXT_BIT} (then (br_table ${random.pick(this.#open)} ${label} ${NEXT_BIT})))`;
  }

  #within(label: string, text: () => string): string {
    this.#open.push(label);
    const inner = text();
    this.#open.pop();
    return inner;
  }

  #loop(depth: number): string {
    if (this.#loops === LOOPS_MAX) return '';
    const counter = `$c${this.#loops++}`;
    const label = `$l${this.#labels++}`;
    const again = `(br_if ${label} (local.tee ${counter} (i32.sub (local.get ${counter}) (i32.const 1))))`;
    return this.#within(
      label,
      () => `(local.set ${counter} (i32.const 3))
      (loop ${label}
        (if (i32.eqz (global.get $fuel)) (then (return)))
        (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))
        (call $nothing)
        ${this.#statements(depth - 1)}
        ${this.#random.chance(25) ? `(if ${NEXT_BIT} (then ${this.#set()} ${again}))` : ''}
        ${this.#statements(depth - 1)}
        ${this.#random.chance(40) ? this.#set() : ''}
        ${again})`,
    );
  }
}
