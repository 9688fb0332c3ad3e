/**
 * The ways to do a step of a script: once; in a machine and in its child; or done, undone and done again.
 *
 * What is compared is everything that a machine is: see differences.ts.
 */

import type { Machine } from '../../src/machine/machine.ts';
import { differences } from './differences.ts';

/** Something that is done to a machine. */
export interface Step<T> {
  run(machine: Machine): T;
  /** Whether two results are equal, bit for bit. */
  same(a: T, b: T): boolean;
  /** Whether it failed, so that a machine which rolls back must be as before. */
  trapped(result: T): boolean;
  /** Whether it can be part of a transaction. */
  readonly nests: boolean;
}

/** Does a step, and says which machine goes on. `turn` counts the steps. @throws Error that says what differs */
export type Way = <T>(
  machine: Machine,
  step: Step<T>,
  turn: number,
) => { readonly result: T; readonly machine: Machine };

/** Once. */
export const plain: Way = (machine, step) => ({ result: step.run(machine), machine });

/**
 * In a machine and in its child, the child being first every other time: results and all of both states must be equal. By
 * turns one of them goes on and the other ends: a child is forked again, a parent outlives its children or not.
 */
export const forked: Way = (parent, step, turn) => {
  const child = parent.fork();
  const [first, second] = turn % 2 === 0 ? [child, parent] : [parent, child];
  const [goesOn, ends] = turn % 3 === 0 ? [parent, child] : [child, parent];
  const a = step.run(first);
  const b = step.run(second);
  requireSame('a machine and its child', step, [a, b]);
  requireEqual('a machine and its child', parent, child);
  ends.dispose();
  return { result: a, machine: goesOn };
};

/**
 * In a child that rolls back, in a transaction that fails: the child must be as its parent again. Then by itself: if it
 * traps, the child must be as its parent again. At last in the parent: the results must be equal, and the states unless it
 * trapped. Then the child goes back to a snapshot, and must be what a fork of that snapshot is.
 */
export const undone: Way = (parent, step) => {
  const before = parent.snapshot();
  const [child] = before.fork(1, { onTrap: 'rollback' }) as [Machine];
  const first = step.nests ? inFailedTransaction(child, (machine) => step.run(machine)) : undefined;
  requireEqual('after a transaction that failed a machine and its parent', parent, child);
  const second = step.run(child);
  const trapped = step.trapped(second);
  if (trapped) requireEqual('after a trap a machine and its parent', parent, child);
  const result = step.run(parent);
  if (first !== undefined) requireSame('a transaction that failed and a call', step, [first, result]);
  requireSame('a machine that rolls back and one that keeps', step, [second, result]);
  if (!trapped) requireEqual('a machine and its parent', parent, child);
  if (child.program === before.program) {
    const witness = before.fork();
    child.rollback(before);
    requireEqual('a machine that went back and a fork of its snapshot', witness, child);
    witness.dispose();
  }
  child.dispose();
  before.dispose();
  return { result, machine: parent };
};

/** Characters of a result in a message. */
const SHOWN = 200;

class Undo extends Error {}

function inFailedTransaction<T>(machine: Machine, work: (machine: Machine) => T): T {
  const results: T[] = [];
  try {
    machine.transaction(() => {
      results.push(work(machine));
      throw new Undo();
    });
  } catch (error) {
    if (!(error instanceof Undo)) throw error;
  }
  return results[0]!;
}

function requireSame<T>(whose: string, step: Step<T>, [a, b]: readonly [T, T]): void {
  if (!step.same(a, b)) throw new Error(`${whose} differ: the results: ${shown(a)} and ${shown(b)}`);
}

/** A result as far as text has it. */
function shown(result: unknown): string {
  const text = JSON.stringify(result, (_, value: unknown) => {
    if (value instanceof Error) return String(value);
    return typeof value === 'bigint' ? `${value}n` : value;
  });
  return (text ?? String(result)).slice(0, SHOWN);
}

function requireEqual(whose: string, a: Machine, b: Machine): void {
  const found = differences(a, b);
  if (found.length > 0) throw new Error(`${whose} differ: ${found.join('; ')}`);
}
