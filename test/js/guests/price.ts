export interface Item {
  readonly price: number;
  readonly count?: number;
}

export function priceOf({ price, count = 1 }: Item): number {
  return price * count;
}
