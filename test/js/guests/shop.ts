/** A guest for `fargo-wasm build`: types that WIT has, and some that it has not. */

type Currency = 'eur' | 'usd';

interface Item {
  readonly label: string;
  readonly price: number;
  readonly count?: number;
}

interface Order {
  readonly items: readonly Item[];
  readonly currency: Currency;
  readonly note?: string;
}

/** Holds itself. */
interface Tree {
  readonly children: readonly Tree[];
}

const seen: string[] = [];

export function total({ items, currency }: Order): number {
  seen.push(...items.map(({ label }) => label));
  return items.reduce((sum, { price, count = 1 }) => sum + price * count, 0) * (currency === 'eur' ? 2 : 1);
}

export async function labels(prefix: string = '', limit?: number): Promise<string[]> {
  return seen.filter((each) => each.startsWith(prefix)).slice(0, limit);
}

export const checksum = (bytes: Uint8Array): bigint => bytes.reduce((sum, each) => sum * 31n + BigInt(each), 7n);

export function anything(value: unknown, ...more: unknown[]): { value: unknown; more: unknown[] } {
  return { value, more };
}

export const depth = (tree: Tree): number => 1 + Math.max(0, ...tree.children.map(depth));
export const pair = (range: [from: number, to: number], isOpen: boolean): [string, boolean] => [range.join(), isOpen];
export function clear(): void {
  seen.length = 0;
}
export function failsAlways(): never {
  throw new RangeError('always');
}
export const randomNumbers = (): number[] => [Math.random(), Math.random()];
