/** What a bench yields: figures, each for a promise, with the limit it is held to and the conditions it was taken under. */

import { holds, promiseOf, type Limit, type PromiseNumber } from './promises.ts';

/** One line of `npm run bench -- --json FILE`. */
export interface Result {
  readonly promise: PromiseNumber;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  /** Null: published beside, nothing is promised of it. */
  readonly limit: number | null;
  readonly holds: boolean | null;
  readonly conditions: string;
}

/** How a bench is to be run. */
export interface Context {
  /** Fewer rounds: shows that all works, figures are rough. */
  readonly quick: boolean;
}

export interface Bench {
  readonly name: string;
  /** Options of the Node process that it needs. */
  readonly nodeOptions?: readonly string[];
  /** Whether it is run on each engine, or on the current one only. */
  readonly onEachEngine?: boolean;
  run(context: Context): Promise<Result[]>;
}

/** A figure that its promise's limit is for. */
export function held(promise: PromiseNumber, metric: string, value: number, conditions: string): Result {
  const { limit, unit } = promiseOf(promise);
  if (limit === undefined) return published(promise, metric, figure(value, unit), conditions);
  return { promise, metric, value, unit, limit: numberOf(limit), holds: holds(limit, value), conditions };
}

export interface Figure {
  readonly value: number;
  readonly unit: string;
}

export function figure(value: number, unit: string): Figure {
  return { value, unit };
}

/** A figure that stands beside those of a promise. */
export function published(promise: PromiseNumber, metric: string, value: Figure, conditions: string): Result {
  return { promise, metric, ...value, limit: null, holds: null, conditions };
}

function numberOf(limit: Limit): number {
  return Object.values(limit)[0] as number;
}
