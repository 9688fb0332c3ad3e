/** A guest in TypeScript that is made of two files and takes a function of the host. */

import { rate } from 'rates';
import { priceOf, type Item } from './price.ts';

/** What is in it. */
interface Cart {
  readonly items: readonly Item[];
  readonly currency: string;
}

let orders: number = 0;

export function total(cart: Cart): { readonly orders: number; readonly sum: number } {
  orders += 1;
  return { orders, sum: cart.items.reduce((sum, item) => sum + priceOf(item), 0) * rate(cart.currency) };
}

export function fails(): never {
  priceOf(null as unknown as Item);
  throw new Error('not reached');
}
