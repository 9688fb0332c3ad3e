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

/** @returns what is said next. Ends the process when the parent is gone */
function answer(said: string): string {
  console.log(said);
  const line: number[] = [];
  const byte = new Uint8Array(1);
  for (;;) {
    if (readSync(QUESTIONS, byte) === 0) process.exit(1);
    if (byte[0] === NEWLINE) return String.fromCharCode(...line);
    line.push(byte[0]!);
  }
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
  /** Processes of each way, one set of them after the other. */
  readonly processes: number;
}

/** For the conditions of a figure. */
export function extentText({ rounds, processes }: Extent): string {
  const held = coresAllowed().length > 0 ? ', a set of them on one core' : '';
  return `${processes} ${processes === 1 ? 'process' : 'processes'} a way${held}, ${rounds} rounds in turns`;
}

/**
 * @param script file of the process; its argument is the way, and it ends after {@link serveNoMore}
 * @returns median over the processes of the median over the rounds
 * @throws Error when a process fails, or has other workloads than the first
 */
export async function compareWays(
  script: string,
  ways: readonly string[],
  { rounds, processes }: Extent,
): Promise<Compared[]> {
  const runs: Compared[][] = [];
  const cores = coresAllowed();
  while (runs.length < processes) runs.push(await compareOnce(script, ways, { rounds, set: runs.length, cores }));
  return runs[0]!.map(({ name, ratios }, at) => ({
    name,
    ms: median(runs.map((run) => run[at]!.ms)),
    ratios: ratios.map((_, way) => median(runs.map((run) => run[at]!.ratios[way]!))),
  }));
}

interface Turns {
  readonly rounds: number;
  /** Number of the set of processes: each takes the next core. */
  readonly set: number;
  /** None where processes can't be held to one. */
  readonly cores: readonly number[];
}

async function compareOnce(script: string, ways: readonly string[], turns: Turns): Promise<Compared[]> {
  const takers: TurnTaker[] = [];
  try {
    for (const way of ways) takers.push(new TurnTaker(script, way));
    const all: Compared[] = [];
    for (let name = await sameOf(takers, (taker) => taker.answer()); name !== NO_MORE;) {
      const samples = await roundsOf(takers, turns);
      const first = samples[0]!;
      all.push({ name, ms: median(first), ratios: samples.map((each) => medianRatio(each, first)) });
      name = await sameOf(takers, (taker) => taker.ask(NEXT));
    }
    return all;
  } finally {
    await Promise.all(takers.map((taker) => taker.end()));
  }
}

/** Every second round runs backwards; the one before the first that counts is not told. */
async function roundsOf(takers: readonly TurnTaker[], { rounds, set, cores }: Turns): Promise<number[][]> {
  // Not before they are hot: compilers work in the background.
  if (cores.length > 0) for (const taker of takers) taker.holdTo([cores[set % cores.length]!]);
  const samples: number[][] = takers.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < takers.length; turn++) {
      const at = round % 2 === 0 ? turn : takers.length - 1 - turn;
      samples[at]!.push(Number(await takers[at]!.ask(ROUND)));
    }
  }
  if (cores.length > 0) for (const taker of takers) taker.holdTo(cores);
  return samples.map(([, ...counted]) => counted);
}

/** Asks one after the other, so that each gets hot on its own. @throws Error unless all answer the same */
async function sameOf(takers: readonly TurnTaker[], ask: (taker: TurnTaker) => Promise<string>): Promise<string> {
  const answers: string[] = [];
  for (const taker of takers) answers.push(await ask(taker));
  if (new Set(answers).size === 1) return answers[0]!;
  throw new Error(`the processes run different workloads: ${answers.map((each) => each || 'none').join(', ')}`);
}

/** Numbers of the cores this process may use; none where the system has no `taskset` to say so. */
function coresAllowed(): number[] {
  const { status, stdout } = spawnSync('taskset', ['--cpu-list', '--pid', String(process.pid)], { encoding: 'utf8' });
  if (status !== 0) return [];
  // "pid 7's current affinity list: 0-2,5"
  return stdout
    .slice(stdout.lastIndexOf(':') + 1)
    .split(',')
    .flatMap((range) => {
      const [from, to = from] = range.split('-').map(Number) as [number, number?];
      return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    });
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
    // A process that has ended takes no question: `answer` says so.
    this.#questions.on('error', () => {});
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** @returns the next line; the first one is said unasked. @throws Error when the process ends without */
  async answer(): Promise<string> {
    const { value, done } = await this.#answers.next();
    if (done !== true) return value;
    await this.#exit();
    throw new Error(`a process of the bench ended with ${this.#child.signalCode ?? `code ${this.#child.exitCode}`}`);
  }

  ask(question: string): Promise<string> {
    this.#questions.write(`${question}\n`);
    return this.answer();
  }

  /** Lets all its threads run on these cores only. */
  holdTo(cores: readonly number[]): void {
    spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores.join(','), String(this.#child.pid)]);
  }

  async end(): Promise<void> {
    this.#child.kill();
    await this.#exit();
  }

  async #exit(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
  }
}
