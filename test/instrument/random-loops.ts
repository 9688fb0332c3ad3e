/**
 * Random loops that walk through memory, for the property that marks which wait until a loop is left miss nothing: every
 * shape that compilers write, and shapes that look alike but are not: variables that advance twice, in an arm, or not.
 */

import type { Random } from './random-code.ts';

/** Parameters of every function: addresses, then bits for conditions; the last is a step. */
export const LOOP_PARAMS = 6;

const STEPS = [1, 2, 4, 8, 16, 64, 100, 1000, 4096, -1, -4, -8, -100, -4096, 4097, 0] as const;
const STORES = [
  ['i32.store', '(i32.const 0x5a5b5c5d)'],
  ['i32.store8', '(i32.const 0x5a)'],
  ['i64.store', '(i64.const 0x5a5b5c5d5e5f6a6b)'],
  ['f64.store', '(f64.const 0x1.5a5b5c5d5e5fp+3)'],
  ['v128.store', '(v128.const i32x4 0x5a5b5c5d 0x11111111 0x22222222 0x33333333)'],
  ['i32.store16', '(i32.const 0x5a5b)'],
  ['i64.store32', '(i64.const 0x5a5b5c5d)'],
  ['f32.store', '(f32.const 0x1.5a5b5cp+3)'],
] as const;
/** Of one lane: what stands behind the offset. */
const LANES = [
  ['v128.store8_lane', 5],
  ['v128.store32_lane', 3],
  ['v128.store64_lane', 1],
] as const;
/** Offsets around where the instrumenter takes other ways: what is added to an address, what fits into four bytes, 4 GiB. */
const FAR_OFFSETS = [65_536, 70_000, 2 ** 27 - 1, 2 ** 27, 2 ** 28 - 1, 2 ** 28 + 8, 2 ** 31, 0xffef_0000, 0xffff_ffff];
/** Constants around the largest that is taken out of an address. */
const FAR_CONSTANTS = [65_535, 65_536, 65_537, -65_535, -65_536, -65_537, 131_000, -131_000];

/** The text of a module that exports `f0` to `f<count-1>`, of type (i32 × LOOP_PARAMS) -> (i32). */
export function randomLoopModule(random: Random, count: number): string {
  const functions = Array.from({ length: count }, (_, i) => new LoopText(random).text(i));
  return `(module (memory (export "memory") 2) (global $fuel (export "fuel") (mut i32) (i32.const 0))
  (global $fixed i32 (i32.const 4096)) (global $moving (mut i32) (i32.const 8192))
  (func $nothing) ${functions.join('\n')})`;
}

class LoopText {
  readonly #random: Random;
  readonly #labels: { readonly name: string; readonly loop: boolean; values: boolean }[] = [];
  #names = 0;
  #budget = 40;
  /** Variables advance once, on the way through: such loops defer. */
  readonly #calm: boolean;

  constructor(random: Random) {
    this.#random = random;
    this.#calm = random.chance(65);
  }

  text(index: number): string {
    const loops = 1 + this.#random.below(2);
    let body = '';
    for (let i = 0; i < loops; i++) body += this.#loop(2);
    // x and y walk, d is derived, k is set anew; a and b stay, mostly.
    return `(func (export "f${index}") (param $x i32) (param $y i32) (param $a i32) (param $b i32) (param $c i32) (param $s i32)
      (result i32) (local $d i32) (local $k i32)
      ${body} (i32.xor (local.get $x) (i32.add (local.get $d) (local.get $y))))`;
  }

  #loop(depth: number): string {
    const random = this.#random;
    const values = random.chance(15);
    const out = `$o${this.#names++}`;
    const name = `$l${this.#names++}`;
    this.#labels.push({ name: out, loop: false, values }, { name, loop: true, values: false });
    const inner = this.#shape(name, out, values, depth);
    this.#labels.length -= 2;
    return values ? `(local.set $k (block ${out} (result i32) ${inner} (i32.const 7)))` : `(block ${out} ${inner})`;
  }

  #shape(name: string, out: string, values: boolean, depth: number): string {
    const random = this.#random;
    const guard = this.#guard(out, values);
    const body = (): string => this.#items(1 + random.below(4), depth);
    const advances = (): string => {
      if (this.#calm) return this.#advanceOf('$x') + (random.chance(40) ? this.#advanceOf('$y') : '');
      return (random.chance(75) ? this.#advance() : '') + (random.chance(30) ? this.#advance() : '');
    };
    const again = this.#condition();
    switch (random.below(7)) {
      case 0:
        return `(loop ${name} ${guard} ${body()} ${this.#exit()} ${body()} ${advances()} (br ${name}))`;
      case 1:
        return `(loop ${name} ${guard} ${random.chance(30) ? body() : ''}
          (if ${again} (then ${body()} ${advances()} (br ${name}))) ${random.chance(20) ? body() : ''})`;
      case 2:
        return `(loop ${name} ${guard} ${body()} ${advances()} (br_if ${name} ${again}) ${random.chance(30) ? body() : ''})`;
      case 3:
        return `(loop ${name} ${guard} ${advances()} ${body()} (if ${again} (then ${body()}) (else ${body()} (br ${name}))))`;
      case 4:
        return `(loop ${name} ${guard} ${body()} (block $in${name.slice(1)} (br_if $in${name.slice(1)} ${this.#condition()})
          ${body()} ${advances()} (br_if ${name} ${again})) ${random.chance(50) ? body() : ''})`;
      case 5:
        return `(loop ${name} ${guard} ${advances()} (if ${again} (then ${body()} (br_if ${name} ${this.#condition()})) (else ${body()})))`;
      default:
        this.#labels.at(-1)!.values = true;
        return `(local.get $a) (loop ${name} (param i32) (result i32) ${guard} ${body()} ${advances()}
          (br_if ${name} ${again})) drop`;
    }
  }

  /** Ends every loop: by a way out, or by a trap. */
  #guard(out: string, values: boolean): string {
    const spend = '(global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))';
    const empty = '(i32.le_s (global.get $fuel) (i32.const 0))';
    const roll = this.#random.below(10);
    if (roll < 3) return `${spend} (if ${empty} (then (return (i32.const 3))))`;
    if (roll < 5) return `${spend} (if ${empty} (then (unreachable)))`;
    if (values) return `${spend} (drop (br_if ${out} (i32.const 9) ${empty}))`;
    return roll < 8 ? `${spend} (br_if ${out} ${empty})` : `${spend} (if ${empty} (then (br ${out})))`;
  }

  #items(count: number, depth: number): string {
    let text = '';
    for (let i = 0; i < count; i++) text += `${this.#item(depth)}\n`;
    return text;
  }

  #item(depth: number): string {
    const random = this.#random;
    if (this.#budget-- <= 0) return this.#store(0);
    let roll = random.below(100);
    if (this.#calm && ((roll >= 62 && roll < 67) || (roll >= 89 && roll < 95))) roll = 0;
    if (roll < 55) return this.#store(depth);
    if (this.#calm && (roll < 62 || roll >= 96)) return `(local.set $d ${this.#address(2)})`;
    if (roll < 62) return `(local.set ${random.pick(['$d', '$d', '$k', '$y'])} ${this.#address(2)})`;
    if (roll < 67) return this.#advance();
    if (roll < 75) return this.#exit();
    if (depth === 0) return this.#store(0);
    if (roll < 83) {
      const otherwise = random.chance(30) ? `(else ${this.#items(1, depth - 1)})` : '';
      return `(if ${this.#condition()} (then ${this.#items(1 + random.below(2), depth - 1)}) ${otherwise})`;
    }
    if (roll < 89) {
      const name = `$b${this.#names++}`;
      this.#labels.push({ name, loop: false, values: false });
      const inner = this.#items(2, depth - 1);
      this.#labels.pop();
      return `(block ${name} (br_if ${name} ${this.#condition()}) ${inner})`;
    }
    if (roll < 90) {
      // Operands into a block and out of it; a store off each.
      const [name, constant] = STORES[0];
      return `${this.#address(1)} ${this.#address(1)} (block (param i32 i32) (result i32) ${constant} ${name} offset=4
        ${this.#items(1, depth - 1)}) ${constant} ${name}`;
    }
    if (roll < 92) return this.#loop(depth - 1);
    if (roll < 94) return '(call $nothing)';
    if (roll < 96) return `(drop (i32.load ${this.#address(2)}))`;
    if (roll < 97) return `(local.set ${random.pick(['$a', '$b', '$s'])} ${this.#address(1)})`;
    if (roll < 98) return `(global.set $moving ${this.#address(1)})`;
    return `(if ${this.#condition()} (then (unreachable)))`;
  }

  #advance(): string {
    return this.#advanceOf(this.#random.pick(['$x', '$x', '$y']));
  }

  #advanceOf(x: string): string {
    const random = this.#random;
    const step = random.chance(30) ? '(local.get $s)' : `(i32.const ${random.pick(STEPS)})`;
    const sum = random.pick([
      `(i32.add (local.get ${x}) ${step})`,
      `(i32.add (local.get ${x}) ${step})`,
      `(i32.add ${step} (local.get ${x}))`,
      `(i32.sub (local.get ${x}) ${step})`,
      this.#calm ? `(i32.add (local.get ${x}) ${step})` : `(i32.sub ${step} (local.get ${x}))`,
    ]);
    return random.chance(70) ? `(local.set ${x} ${sum})` : `(drop (local.tee ${x} ${sum}))`;
  }

  #store(depth: number): string {
    const random = this.#random;
    if (random.chance(4)) return this.#farStore();
    const [name, constant] = random.pick(STORES);
    const offset = random.pick([0, 0, 0, 8, 40, 60, 100, 4090]) + (random.chance(30) ? random.below(20) : 0);
    const type = name.slice(0, name.indexOf('.'));
    const value =
      depth > 0 && random.chance(12)
        ? `(block (result ${type}) ${random.chance(60) && !this.#calm ? this.#advance() : this.#items(1, depth - 1)} ${constant})`
        : constant;
    return `(${name} offset=${offset} ${this.#address(2)} ${value})`;
  }

  /** At an offset that is taken off the address before, so that it may be in bounds; or of a lane. */
  #farStore(): string {
    const random = this.#random;
    if (random.chance(50)) {
      const [name, lane] = random.pick(LANES);
      const vector = '(v128.const i32x4 0x5a5b5c5d 0x11111111 0x22222222 0x33333333)';
      return `(${name} offset=${random.pick([0, 8, 60, 4090])} ${lane} ${this.#address(2)} ${vector})`;
    }
    const [name, constant] = random.pick(STORES);
    const offset = random.pick(FAR_OFFSETS);
    const address = `(i32.sub ${this.#address(2)} (i32.const ${offset | 0}))`;
    return `(${name} offset=${offset} ${random.chance(80) ? address : this.#address(2)} ${constant})`;
  }

  #address(depth: number): string {
    const random = this.#random;
    const roll = random.below(100);
    if (roll < 40 || depth === 0) return `(local.get ${random.pick(['$x', '$x', '$x', '$y', '$d', '$a', '$k'])})`;
    const inner = (): string => this.#address(depth - 1);
    const small = random.pick([0, 1, 2, 3, 8, 60]);
    if (random.chance(3)) {
      // There and back: what is in between wraps for some.
      const far = random.pick(FAR_CONSTANTS);
      return `(i32.add (i32.add ${inner()} (i32.const ${far})) (i32.const ${-far}))`;
    }
    if (roll < 50) return `(i32.add ${inner()} (i32.const ${random.pick([1, 4, 8, 60, -4, -60, 4000])}))`;
    if (roll < 58)
      return `(i32.add ${random.pick(['(local.get $a)', '(global.get $fixed)', '(global.get $moving)'])} ${inner()})`;
    if (roll < 62) return `(i32.sub ${inner()} (local.get $a))`;
    if (roll < 66) return `(i32.sub (local.get $a) ${inner()})`;
    if (roll < 72) return `(i32.shl ${inner()} (i32.const ${random.pick([0, 1, 2, 33])}))`;
    if (roll < 78) return `(i32.mul ${inner()} (i32.const ${small}))`;
    if (roll < 80) return `(i32.mul (i32.const ${small}) ${inner()})`;
    if (roll < 82) return `(i32.add ${inner()} (i32.mul (local.get $b) (local.get $c)))`;
    if (roll < 84) return `(i32.add ${inner()} ${inner()})`;
    if (roll < 85) return `(i32.mul ${inner()} ${inner()})`;
    if (roll < 87) return `(i32.and ${inner()} (i32.const 0xfff0))`;
    if (roll < 88) return `(select ${inner()} ${inner()} ${this.#condition()})`;
    if (roll < 94) return `(local.tee ${this.#calm ? '$d' : random.pick(['$d', '$k', '$x'])} ${inner()})`;
    return `(if (result i32) ${this.#condition()} (then ${inner()}) (else ${inner()}))`;
  }

  #condition(): string {
    const bit = 1 << this.#random.below(7);
    const of = this.#random.pick(['(local.get $c)', '(global.get $fuel)', '(global.get $fuel)', '(local.get $x)']);
    return this.#random.chance(50)
      ? `(i32.and ${of} (i32.const ${bit}))`
      : `(i32.eqz (i32.and ${of} (i32.const ${bit})))`;
  }

  /** A way out at a random depth, or back to the head of a random loop. */
  #exit(): string {
    const random = this.#random;
    if (random.chance(20)) return `(if ${this.#condition()} (then (return (i32.const 5))))`;
    const label = random.pick(this.#labels);
    if (label.loop && random.chance(70)) return '(nop)';
    const value = label.values ? '(i32.const 11)' : '';
    if (random.chance(5) && !label.values) {
      return `(br_table ${label.name} ${label.name} (i32.const 0))`;
    }
    if (random.chance(60)) {
      const branch = `(br_if ${label.name} ${value} ${this.#condition()})`;
      return label.values ? `(drop ${branch})` : branch;
    }
    return `(if ${this.#condition()} (then (br ${label.name} ${value})))`;
  }
}
