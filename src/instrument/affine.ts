/**
 * Addresses as expressions: sums and multiples of locals and constants, with at most one induction variable in each.
 *
 * An expression is a number, its *node*; equal ones have the same. UNKNOWN is whatever is not understood, and whatever it is
 * combined with. Beside its operator a node knows its variable, by what factor (modulo 2^32) it advances with it, and
 * whether the variable had advanced already in this iteration when the expression was computed.
 */

/** An expression that is not understood. */
export const UNKNOWN = -1;

export const LOCAL_GET = 0x20;
export const I32_CONST = 0x41;
export const I32_ADD = 0x6a;
export const I32_SUB = 0x6b;
export const I32_MUL = 0x6c;
export const I32_SHL = 0x74;

const NODES_MAX = 64;
/** Instructions of an address that are repeated where the loop is left. */
const SIZE_MAX = 24;

export class AffineExpressions {
  #count = 0;
  // By node. An operator's operands are nodes; a local or a constant stands in `#left`.
  readonly #operators = new Uint8Array(NODES_MAX);
  readonly #left = new Int32Array(NODES_MAX);
  readonly #right = new Int32Array(NODES_MAX);
  readonly #variables = new Int32Array(NODES_MAX);
  readonly #factors = new Int32Array(NODES_MAX);
  readonly #shifts = new Uint8Array(NODES_MAX);
  readonly #sizes = new Uint8Array(NODES_MAX);

  /** Forgets all. */
  clear(): void {
    this.#count = 0;
  }

  /** The local that the expression advances with, UNKNOWN: none. */
  variableOf(node: number): number {
    return this.#variables[node]!;
  }

  /** What it advances by when the variable advances by one, modulo 2^32. */
  factorOf(node: number): number {
    return this.#factors[node]!;
  }

  /** 1: it was computed after the variable advanced. */
  shiftOf(node: number): number {
    return this.#shifts[node]!;
  }

  constant(value: number): number {
    return this.#leaf(I32_CONST, value, UNKNOWN, 0);
  }

  /** A local that stays as it is. */
  invariant(local: number): number {
    return this.#leaf(LOCAL_GET, local, UNKNOWN, 0);
  }

  /** A local that may be an induction variable, before (`shift` 0) or after (1) it has advanced. */
  variable(local: number, shift: number): number {
    return this.#leaf(LOCAL_GET, local, local, shift);
  }

  /** The operands of a sum whose right one is a constant, else undefined. */
  sumWithConstant(node: number): { readonly rest: number; readonly constant: number } | undefined {
    if (this.#operators[node] !== I32_ADD || this.#operators[this.#right[node]!] !== I32_CONST) return undefined;
    return { rest: this.#left[node]!, constant: this.#left[this.#right[node]!]! };
  }

  /** `add`, `sub`, `mul` or `shl` of two expressions. */
  combine(operator: number, left: number, right: number): number {
    if (left < 0 || right < 0) return UNKNOWN;
    const size = this.#sizes[left]! + this.#sizes[right]! + 1;
    if (size > SIZE_MAX) return UNKNOWN;
    const leftVariable = this.#variables[left]!;
    const rightVariable = this.#variables[right]!;
    const leftFactor = this.#factors[left]!;
    const rightFactor = this.#factors[right]!;
    const constant = this.#operators[right] === I32_CONST ? this.#left[right]! : undefined;
    let factor = 0;
    if (leftVariable >= 0 && rightVariable >= 0) {
      if (leftVariable !== rightVariable || this.#shifts[left] !== this.#shifts[right]) return UNKNOWN;
      if (operator === I32_MUL || operator === I32_SHL) return UNKNOWN;
    }
    if (operator === I32_ADD) factor = (leftFactor + rightFactor) | 0;
    else if (operator === I32_SUB) factor = (leftFactor - rightFactor) | 0;
    else if (operator === I32_SHL) {
      if (rightVariable >= 0) return UNKNOWN;
      if (leftVariable >= 0) {
        if (constant === undefined) return UNKNOWN;
        factor = leftFactor << constant;
      }
    } else if (leftVariable >= 0) {
      if (constant === undefined) return UNKNOWN;
      factor = Math.imul(leftFactor, constant);
    } else if (rightVariable >= 0) {
      if (this.#operators[left] !== I32_CONST) return UNKNOWN;
      factor = Math.imul(rightFactor, this.#left[left]!);
    }
    const variable = leftVariable >= 0 ? leftVariable : rightVariable;
    const shift = leftVariable >= 0 ? this.#shifts[left]! : this.#shifts[right]!;
    return this.#node(operator, left, right, { variable, factor, shift, size });
  }

  /** `c` where the expression is `local + c`, else 0. */
  stepOf(node: number, local: number): number {
    const operator = this.#operators[node]!;
    if (operator === LOCAL_GET || operator === I32_CONST) return 0;
    const left = this.#left[node]!;
    const right = this.#right[node]!;
    const isLocal = (it: number): boolean => this.#operators[it] === LOCAL_GET && this.#left[it] === local;
    if (isLocal(left) && this.#operators[right] === I32_CONST) {
      if (operator === I32_ADD) return this.#left[right]!;
      return operator === I32_SUB ? -this.#left[right]! : 0;
    }
    return operator === I32_ADD && isLocal(right) && this.#operators[left] === I32_CONST ? this.#left[left]! : 0;
  }

  /** Where the expression is `local` plus (1) or minus (-1) another local that stays as it is: that sign, else 0. */
  localStepSign(node: number, local: number): number {
    const operator = this.#operators[node]!;
    const left = this.#left[node]!;
    const right = this.#right[node]!;
    if (operator === I32_ADD && this.#isVariable(left, local) && this.#isInvariant(right)) return 1;
    if (operator === I32_ADD && this.#isVariable(right, local) && this.#isInvariant(left)) return 1;
    return operator === I32_SUB && this.#isVariable(left, local) && this.#isInvariant(right) ? -1 : 0;
  }

  /** The other local, where {@link localStepSign} is not 0. */
  localStepOf(node: number, local: number): number {
    const left = this.#left[node]!;
    return this.#left[this.#isVariable(left, local) ? this.#right[node]! : left]!;
  }

  #isVariable(node: number, local: number): boolean {
    return this.#operators[node] === LOCAL_GET && this.#left[node] === local && this.#variables[node] === local;
  }

  #isInvariant(node: number): boolean {
    return this.#operators[node] === LOCAL_GET && this.#variables[node] === UNKNOWN;
  }

  /** The instructions of an expression, in order: `write(opcode, immediate)`. */
  replay(node: number, write: (opcode: number, immediate: number) => void): void {
    const operator = this.#operators[node]!;
    if (operator === LOCAL_GET || operator === I32_CONST) {
      write(operator, this.#left[node]!);
      return;
    }
    this.replay(this.#left[node]!, write);
    this.replay(this.#right[node]!, write);
    write(operator, 0);
  }

  #leaf(operator: number, value: number, variable: number, shift: number): number {
    return this.#node(operator, value, 0, { variable, factor: variable < 0 ? 0 : 1, shift, size: 1 });
  }

  /** The node of an expression; equal ones have the same. */
  #node(
    operator: number,
    left: number,
    right: number,
    about: { readonly variable: number; readonly factor: number; readonly shift: number; readonly size: number },
  ): number {
    for (let node = this.#count - 1; node >= 0; node--) {
      if (this.#left[node] !== left || this.#right[node] !== right || this.#operators[node] !== operator) continue;
      if (this.#variables[node] === about.variable && this.#shifts[node] === about.shift) return node;
    }
    if (this.#count === NODES_MAX) return UNKNOWN;
    const node = this.#count++;
    this.#operators[node] = operator;
    this.#left[node] = left;
    this.#right[node] = right;
    this.#variables[node] = about.variable;
    this.#factors[node] = about.factor;
    this.#shifts[node] = about.shift;
    this.#sizes[node] = about.size;
    return node;
  }
}
