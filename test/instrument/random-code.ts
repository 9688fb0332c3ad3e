/**
 * Random functions that store: straight lines, branches, loops, handlers, operands left beneath blocks. For the property
 * that no write escapes the marks. Every stored byte is not zero, so in a zeroed memory each write shows.
 */

/** A bit of the local `$bits`, another one each time: they go round. */
export const NEXT_BIT = '(i32.and (local.tee $bits (i32.rotr (local.get $bits) (i32.const 1))) (i32.const 1))';

/** A small deterministic generator (xorshift). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed ^ 0x9e3779b9) | 0 || 1;
    for (let i = 0; i < 8; i++) this.below(2);
  }

  /** An integer in [0, n). */
  below(n: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % n;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

/** Address locals of every function; `$c0`… count loops, `$w` is a spare i32. */
export const ADDRESS_LOCALS = 4;
const LOOP_LOCALS = 8;

const STORES = [
  ['i32.store', '(i32.const 0x5a5b5c5d)', 4],
  ['i32.store8', '(i32.const 0x5a)', 1],
  ['i32.store16', '(i32.const 0x5a5b)', 2],
  ['i64.store', '(i64.const 0x5a5b5c5d5e5f6a6b)', 8],
  ['i64.store32', '(i64.const 0x5a5b5c5d)', 4],
  ['f64.store', '(f64.const 0x1.5a5b5c5d5e5fp+3)', 8],
  ['v128.store', '(v128.const i32x4 0x5a5b5c5d 0x11111111 0x22222222 0x33333333)', 16],
] as const;

const CLUSTERS = [0, 0, 0, 8, 20, 40, 60, 64, 100, 120, 160, 4090, 5000, 70_000] as const;

export interface CodeOptions {
  /** Exceptions and their handlers: the legacy `try`, or `try_table`. Engines refuse a mixture. */
  readonly handlers: 'none' | 'try' | 'try_table';
}

/** The text of a module that exports functions `f0` to `f<count-1>` of type (i32 × 4) -> (i32). */
export function randomModule(random: Random, count: number, options: CodeOptions): string {
  const functions: string[] = [];
  for (let i = 0; i < count; i++) functions.push(new FunctionText(random, i, options).text());
  return `(module (memory (export "memory") 1) (global $fuel (export "fuel") (mut i32) (i32.const 0))
  (global $g0 (export "g0") (mut i32) (i32.const 4000)) (global $g1 (export "g1") (mut i32) (i32.const 8190))
  ${options.handlers === 'none' ? '' : '(tag $t (param i32))'}
  ${functions.join('\n')})`;
}

class FunctionText {
  readonly #random: Random;
  readonly #index: number;
  readonly #options: CodeOptions;
  /** Enclosing labels, innermost last: whether each takes a branch without operands. */
  readonly #labels: { name: string; loop: boolean }[] = [];
  #names = 0;
  #loops = 0;
  #budget = 60;

  constructor(random: Random, index: number, options: CodeOptions) {
    this.#random = random;
    this.#index = index;
    this.#options = options;
  }

  text(): string {
    const addresses = Array.from({ length: ADDRESS_LOCALS }, (_, i) => `(param $a${i} i32)`).join(' ');
    const counters = Array.from({ length: LOOP_LOCALS }, (_, i) => `(local $c${i} i32)`).join(' ');
    const body = this.#statements(4);
    return `(func $f${this.#index} (export "f${this.#index}") ${addresses} (result i32) ${counters} (local $w i32)
      ${body} (i32.add (local.get $a0) (i32.xor (local.get $a1) (local.get $w))))`;
  }

  #statements(depth: number): string {
    const count = 1 + this.#random.below(6);
    let text = '';
    for (let i = 0; i < count; i++) text += `${this.#statement(depth)}\n`;
    return text;
  }

  #statement(depth: number): string {
    const random = this.#random;
    if (this.#budget-- <= 0) return '(nop)';
    const roll = random.below(100);
    if (roll < 52 || depth === 0) return this.#store(depth);
    if (roll < 57) return `(local.set ${this.#local()} ${this.#address(depth - 1)})`;
    if (roll < 59) return this.#advance();
    if (roll < 61) return `(global.set $g${random.below(2)} ${this.#address(depth - 1)})`;
    if (roll < 69) return this.#block(depth);
    if (roll < 76) return this.#if(depth);
    if (roll < 82) return this.#loop(depth);
    if (roll < 90) return this.#branch();
    if (roll < 93) return this.#call(depth);
    const { handlers } = this.#options;
    if (roll < 97 && handlers !== 'none') return handlers === 'try' ? this.#try(depth) : this.#tryTable(depth);
    return handlers !== 'none' && random.chance(30)
      ? `(if ${this.#condition()} (then (throw $t (i32.const 3))))`
      : `(drop ${this.#address(depth - 1)})`;
  }

  /** Mostly the first two, so that stores off one local meet. */
  #local(): string {
    return `$a${this.#random.below(this.#random.chance(70) ? 2 : ADDRESS_LOCALS)}`;
  }

  /** To another page, as a loop over memory does. */
  #advance(): string {
    const local = this.#local();
    return `(local.set ${local} (i32.add (local.get ${local}) (i32.const ${this.#random.pick([4096, 8192, -4096, 64])})))`;
  }

  #store(depth: number): string {
    const random = this.#random;
    const [name, constant] = random.pick(STORES);
    const offset = random.pick(CLUSTERS) + random.below(20);
    const value =
      depth > 0 && random.chance(12)
        ? `(block (result ${name.slice(0, name.indexOf('.'))}) ${this.#statements(depth - 1)} ${constant})`
        : constant;
    return `(${name} offset=${offset} ${this.#address(depth)} ${value})`;
  }

  /** An i32 expression, mostly a plain local. */
  #address(depth: number): string {
    const random = this.#random;
    const roll = random.below(100);
    if (roll < 48 || depth <= 0) return `(local.get ${this.#local()})`;
    if (roll < 55) return `(global.get $g${random.below(2)})`;
    if (roll < 65) return `(i32.const ${random.pick([0, 16, 4000, 4030, 4090, 4154, 4158, 8192, 60_000])})`;
    if (roll < 75) return `(local.tee ${this.#local()} ${this.#address(depth - 1)})`;
    if (roll < 88)
      return `(i32.add ${this.#address(depth - 1)} (i32.const ${random.pick([1, 8, 16, 32, 64, 4095, 4096, -8, -24])}))`;
    if (roll < 93) return `(block (result i32) ${this.#statements(depth - 1)} (local.get ${this.#local()}))`;
    if (roll < 97) {
      return `(if (result i32) ${this.#condition()} (then ${this.#address(depth - 1)}) (else ${this.#address(depth - 1)}))`;
    }
    return `(select ${this.#address(depth - 1)} ${this.#address(depth - 1)} ${this.#condition()})`;
  }

  #condition(): string {
    const bit = 1 << this.#random.below(6);
    return `(i32.and (local.get ${this.#random.chance(50) ? this.#local() : '$w'}) (i32.const ${bit}))`;
  }

  #block(depth: number): string {
    return this.#labelled(false, (label) => `(block ${label} ${this.#statements(depth - 1)})`);
  }

  #if(depth: number): string {
    const condition = this.#condition();
    return this.#labelled(false, (label) => {
      const then = this.#statements(depth - 1);
      const otherwise = this.#random.chance(50) ? `(else ${this.#statements(depth - 1)})` : '';
      return `(if ${label} ${condition} (then ${then}) ${otherwise})`;
    });
  }

  /** An address passed into a loop as its parameter: another one on the way back. */
  #loopWithOperand(counter: string): string {
    const local = this.#local();
    const offset = this.#random.below(80);
    return this.#labelled(
      true,
      (label) => `(local.set ${counter} (i32.const 3)) local.get ${local}
      loop ${label} (param i32)
        i32.const 0x5a5b5c5d i32.store offset=${offset}
        ${this.#store(0)}
        (local.set $w (i32.add (local.get ${local}) (i32.const 4096))) local.get $w
        (local.tee ${counter} (i32.sub (local.get ${counter}) (i32.const 1)))
        br_if ${label} drop
      end`,
    );
  }

  #loop(depth: number): string {
    if (this.#loops === LOOP_LOCALS) return '(nop)';
    if (this.#random.chance(25)) return this.#loopWithOperand(`$c${this.#loops++}`);
    const counter = `$c${this.#loops++}`;
    return this.#labelled(
      true,
      (label) => `(local.set ${counter} (i32.const 3))
      (loop ${label}
        (if (i32.eqz (global.get $fuel)) (then (return (i32.const -1))))
        (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))
        (local.set $w (i32.add (local.get $w) (i32.const 7)))
        ${this.#statements(depth - 1)}
        ${this.#random.chance(60) ? this.#advance() : ''}
        (br_if ${label} (local.tee ${counter} (i32.sub (local.get ${counter}) (i32.const 1)))))`,
    );
  }

  #try(depth: number): string {
    return this.#labelled(false, (label) => {
      const body = this.#statements(depth - 1);
      const handler = this.#random.chance(50)
        ? `catch $t drop ${this.#statements(depth - 1)}`
        : `catch_all ${this.#statements(depth - 1)}`;
      return `try ${label} ${body} ${handler} end`;
    });
  }

  #tryTable(depth: number): string {
    if (this.#random.chance(50)) {
      return this.#labelled(
        false,
        (label) => `(block ${label} (try_table (catch_all ${label}) ${this.#statements(depth - 1)}))`,
      );
    }
    const handler = `$h${this.#names++}`;
    const body = this.#statements(depth - 1);
    return `(block ${handler} (result i32) (try_table (catch $t ${handler}) ${body}) (i32.const 0)) drop`;
  }

  #branch(): string {
    const random = this.#random;
    const label = this.#labels.length === 0 ? undefined : random.pick(this.#labels);
    if (label === undefined || random.chance(10)) return `(if ${this.#condition()} (then (return (i32.const 5))))`;
    const roll = random.below(10);
    if (roll < 6) return `(br_if ${label.name} ${this.#condition()})`;
    if (roll < 8) return `(if ${this.#condition()} (then (br ${label.name})))`;
    const other = random.pick(this.#labels);
    if (roll < 9) return `(br_table ${label.name} ${other.name} ${label.name} (i32.and (local.get $w) (i32.const 3)))`;
    return `(br ${label.name})`;
  }

  /** Calls only functions before this one, so there is no recursion. */
  #call(depth: number): string {
    if (this.#index === 0) return '(nop)';
    const args = Array.from({ length: ADDRESS_LOCALS }, () => this.#address(Math.min(depth - 1, 1))).join(' ');
    return `(local.set ${this.#local()} (call $f${this.#random.below(this.#index)} ${args}))`;
  }

  #labelled(loop: boolean, inner: (label: string) => string): string {
    const name = `$l${this.#names++}`;
    this.#labels.push({ name, loop });
    const text = inner(name);
    this.#labels.pop();
    return text;
  }
}
