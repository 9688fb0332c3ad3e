/** Many children of one instant, and one line run in all of them. */

import { TrapError, type Machine, type Snapshot } from 'fargo-wasm';
import type { Answer, SwarmInfo } from '../protocol.ts';
import type { Driver, LineResult } from './driver.ts';
import type { TreeNode } from './node.ts';

/** Characters of an answer that the page gets. */
const ANSWER_CHARACTERS = 240;
/** How long answers are collected before the page gets them. */
const SLICE_MS = 40;

export class Swarm {
  readonly id: number;
  readonly parent: TreeNode;
  readonly forkMs: number;
  /** Size of a child's memory at its birth. */
  readonly guestBytes: number;
  /** What they were forked from. */
  readonly template: Snapshot;
  /** Where a child was adopted, its place is empty. */
  readonly machines: (Machine | undefined)[];
  line: string | undefined = undefined;
  #run = 0;

  constructor(parent: TreeNode, count: number, id: number) {
    this.id = id;
    this.parent = parent;
    this.guestBytes = parent.machine.memory.byteLength;
    this.template = parent.machine.snapshot();
    const from = performance.now();
    try {
      this.machines = this.template.fork(count);
    } catch (error) {
      this.template.dispose();
      throw error;
    }
    this.forkMs = performance.now() - from;
  }

  get count(): number {
    return this.machines.reduce((count, each) => count + (each === undefined ? 0 : 1), 0);
  }

  get info(): SwarmInfo {
    const { id, parent, forkMs, line, count } = this;
    const above = parent.disposed ? parent.livingParent : parent;
    return { id, parent: above?.id, count, forkMs, line };
  }

  /** Runs `line` in every child; hands answers on as they come. Stops when another run begins, or at `stop`. */
  async runAll(
    driver: Driver,
    line: string,
    onAnswers: (from: number, answers: Answer[]) => void,
  ): Promise<{ done: number; ms: number }> {
    const run = ++this.#run;
    this.line = line;
    let ms = 0;
    let done = 0;
    let next = 0;
    while (next < this.machines.length && run === this.#run) {
      const from = next;
      const answers: Answer[] = [];
      const started = performance.now();
      do {
        const machine = this.machines[next];
        const child = next++;
        answers.push(machine === undefined ? GONE : answer(() => driver.runOne(machine, line, child)));
        if (machine !== undefined) done++;
      } while (next < this.machines.length && performance.now() - started < SLICE_MS);
      ms += performance.now() - started;
      onAnswers(from, answers);
      await nextTurn();
    }
    return { done, ms };
  }

  stop(): void {
    this.#run++;
  }

  /** Takes a child out of the swarm. */
  release(index: number): Machine {
    const machine = this.machines[index];
    if (machine === undefined) throw new Error(`child ${index} is no longer in the group`);
    this.machines[index] = undefined;
    return machine;
  }

  dispose(): void {
    this.stop();
    for (const machine of this.machines) machine?.dispose();
    this.template.dispose();
  }
}

const GONE: Answer = { kind: 'failed', text: 'now a machine of its own', tile: undefined };

function answer(run: () => LineResult): Answer {
  try {
    const { text, failed, picture } = run();
    return {
      kind: failed === true ? 'failed' : 'return',
      text: text.slice(0, ANSWER_CHARACTERS),
      tile: picture?.pixels,
    };
  } catch (error) {
    if (error instanceof TrapError) return { kind: 'trap', text: error.trap.kind, tile: undefined };
    throw error;
  }
}

/** Lets messages in. A timer would be held to 4 ms after a few. */
async function nextTurn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  await new Promise<void>((resolve) => {
    port1.addEventListener('message', () => resolve(), { once: true });
    port1.start();
    port2.postMessage(undefined);
  });
  port1.close();
  port2.close();
}
