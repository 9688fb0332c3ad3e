/**
 * Ways to do the same, each in a process of its own, in turns round by round: one works, the others wait. Two copies of a
 * program in one process get into each other's way: in one engine the dispatch loop of an interpreter took 1.9 times as long
 * instrumented, or 0.75, when the original ran beside it, and as long as it alone.
 *
 * A machine that is fast now and slow then is so for all of them. So is the core they are on, where the system can hold them
 * to one: the cores of a shared machine differ from minute to minute by what others do beside them (measured: a workload at
 * 1.9 times another process's time, then at 1.2).
 *
 * By lines: the parent says one, the process answers with one. It waits without an event loop, so that it can do so in the
 * middle of a transaction.
 */

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { processorMs } from './interleave.ts';
import { median, medianRatio } from './statistics.ts';

/** What the parent says. */
const ROUND = 'round';
const NEXT = 'next';
/** What a process answers when it has no more workloads. */
const NO_MORE = '';

/** Not standard input: who touches `process.stdin`, as preview2-shim does, makes reads return with nothing. */
const QUESTIONS = 3;
const NEWLINE = 10;

/** A round is no shorter: the one before it, of another process, has emptied the caches. */
const ROUND_MS = 25;

/**
 * In the process: says the name of a workload that is hot, and runs it as often as it is asked to.
 *
 * @returns when the next one is asked for
 */
export function serveRounds(name: string, work: () => void): void {
  const times = Math.ceil(ROUND_MS / timed(work, 1));
  for (let said = name; answer(said) === ROUND;) said = String(timed(work, times));
}

/** @returns milliseconds that it takes once, at least a microsecond */
function timed(work: () => void, times: number): number {
  const began = processorMs();
  for (let i = 0; i < times; i++) work();
  return Math.max(1e-3, processorMs() - began) / times;
}

/** In the process, after the last workload. */
export function serveNoMore(): void {
  answer(NO_MORE);
}

/** @returns what is said next; empty when the parent is gone */
function answer(said: string): string {
  console.log(said);
  const line: number[] = [];
  const byte = new Uint8Array(1);
  while (readSync(QUESTIONS, byte) === 1 && byte[0] !== NEWLINE) line.push(byte[0]!);
  return String.fromCharCode(...line);
}

/** Of one workload. */
export interface Compared {
  readonly name: string;
  /** The first way's. */
  readonly ms: number;
  /** Time of each way over that of the first. */
  readonly ratios: readonly number[];
}

export interface Extent {
  readonly rounds: number;
  /** Processes of each way, one after the other. */
  readonly processes: number;
}

/**
 * @param script below the repository's root; its argument is the way, and it ends after {@link serveNoMore}
 * @returns median over the processes of the median over the rounds
 */
export async function compareWays(
  script: string,
  ways: readonly string[],
  { rounds, processes }: Extent,
): Promise<Compared[]> {
  const runs: Compared[][] = [];
  while (runs.length < processes) runs.push(await compareOnce(script, ways, { rounds, core: runs.length }));
  return runs[0]!.map(({ name, ratios }, at) => ({
    name,
    ms: median(runs.map((run) => run[at]!.ms)),
    ratios: ratios.map((_, way) => median(runs.map((run) => run[at]!.ratios[way]!))),
  }));
}

interface Turns {
  readonly rounds: number;
  /** Modulo those there are. */
  readonly core: number;
}

async function compareOnce(script: string, ways: readonly string[], turns: Turns): Promise<Compared[]> {
  const takers: TurnTaker[] = [];
  try {
    for (const way of ways) takers.push(new TurnTaker(script, way));
    const all: Compared[] = [];
    for (let names = await inOrder(takers, (taker) => taker.answer()); names[0] !== NO_MORE;) {
      const [first, ...others] = await roundsOf(takers, turns);
      const ratios = [first!, ...others].map((samples) => medianRatio(samples, first!));
      all.push({ name: names[0]!, ms: median(first!), ratios });
      names = await inOrder(takers, (taker) => taker.ask(NEXT));
      if (new Set(names).size !== 1) throw new Error(`the processes run different workloads: ${names.join(', ')}`);
    }
    return all;
  } finally {
    await Promise.all(takers.map((taker) => taker.end()));
  }
}

/** Every second round runs backwards; the one before the first that counts is not told. */
async function roundsOf(takers: readonly TurnTaker[], { rounds, core }: Turns): Promise<number[][]> {
  const cores = availableParallelism();
  // Not before they are hot: compilers work in the background.
  for (const taker of takers) taker.holdTo(String(core % cores));
  const samples: number[][] = takers.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < takers.length; turn++) {
      const at = round % 2 === 0 ? turn : takers.length - 1 - turn;
      samples[at]!.push(Number(await takers[at]!.ask(ROUND)));
    }
  }
  for (const taker of takers) taker.holdTo(`0-${cores - 1}`);
  return samples.map(([, ...counted]) => counted);
}

/** One after the other, so that each gets hot on its own. */
async function inOrder(takers: readonly TurnTaker[], ask: (taker: TurnTaker) => Promise<string>): Promise<string[]> {
  const answers: string[] = [];
  for (const taker of takers) answers.push(await ask(taker));
  return answers;
}

/** A process as its parent sees it. */
class TurnTaker {
  readonly #child: ChildProcess;
  readonly #questions: Writable;
  readonly #answers: AsyncIterator<string>;

  /** Starts the program that runs this one. */
  constructor(script: string, way: string) {
    this.#child = spawn(process.execPath, [script, way], { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
    this.#questions = this.#child.stdio[QUESTIONS] as Writable;
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** @returns the next line; the first one is said unasked. @throws Error when the process ends without */
  async answer(): Promise<string> {
    const { value, done } = await this.#answers.next();
    if (done !== true) return value;
    throw new Error(`a process of the bench ended with ${this.#child.signalCode ?? `code ${this.#child.exitCode}`}`);
  }

  ask(question: string): Promise<string> {
    this.#questions.write(`${question}\n`);
    return this.answer();
  }

  /** Holds all its threads to these cores, a list as of `taskset`; nothing where the system has no such command. */
  holdTo(cores: string): void {
    spawnSync('taskset', ['--all-tasks', '--pid', '--cpu-list', cores, String(this.#child.pid)]);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill();
    await once(this.#child, 'exit');
  }
}
