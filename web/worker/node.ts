/**
 * A machine of the tree, with what is remembered of it: the frames it was born with, its time line, and how warm each of
 * its pages is.
 *
 * Whose a page is: the machine on the way up to the root that is the first to differ, in that page's frame, from what it
 * was born with. All of them were alive when their children were born, so equal numbers mean equal frames, however many
 * of them have gone since.
 */

import type { Machine, Snapshot } from 'fargo-wasm';
import type { Checkpoint, NodeInfo } from '../protocol.ts';

/** Steps that a time line remembers, the first one apart. */
const STEPS_MAX = 60;
/** The first step of a machine that came out of a file. */
export const LOADED = 'loaded';
const WARMEST = 255;
/** What one further call leaves of a page's heat. */
const FADING = 0.62;

interface Step extends Checkpoint {
  readonly snapshot: Snapshot;
}

export class TreeNode {
  readonly id: number;
  readonly parent: TreeNode | undefined;
  readonly generation: number;
  readonly colour: number;
  readonly machine: Machine;
  /** Frames by page, at birth. */
  readonly bornFrames: Uint32Array;
  readonly #loaded: boolean;
  readonly #born: Snapshot;
  #steps: Step[];
  /** Index of the step after which it stands now. */
  #position = 0;
  #heat = new Uint8Array(0);
  last: NodeInfo['last'] = 'none';
  disposed = false;

  constructor(
    machine: Machine,
    place: { id: number; parent: TreeNode | undefined; colour: number; born?: Snapshot; label: string },
  ) {
    this.id = place.id;
    this.parent = place.parent;
    this.colour = place.colour;
    this.generation = place.parent === undefined ? 0 : place.parent.generation + 1;
    this.machine = machine;
    this.#loaded = place.label === LOADED;
    this.#born = place.born ?? machine.snapshot();
    this.bornFrames = this.#born.pages().frames;
    this.#steps = [{ label: place.label, pages: 0, snapshot: this.#born }];
  }

  get info(): NodeInfo {
    return {
      id: this.id,
      parent: this.livingParent?.id,
      generation: this.generation,
      colour: this.colour,
      changedPages: this.machine.pagesSince(this.#born).length,
      loaded: this.#loaded,
      last: this.last,
    };
  }

  /** The nearest machine above that has not been ended. */
  get livingParent(): TreeNode | undefined {
    let at = this.parent;
    while (at?.disposed === true) at = at.parent;
    return at;
  }

  get heat(): Uint8Array {
    return this.#heat;
  }

  get timeline(): Checkpoint[] {
    return this.#steps.map(({ label, pages }) => ({ label, pages }));
  }

  get position(): number {
    return this.#position;
  }

  get born(): Snapshot {
    return this.#born;
  }

  /** Takes what a call has done as a further step. @returns how many pages it wrote */
  step(label: string): number {
    const written = this.machine.pagesSince(this.#steps[this.#position]!.snapshot);
    this.#warm(written);
    for (const gone of this.#steps.splice(this.#position + 1)) gone.snapshot.dispose();
    this.#steps.push({ label, pages: written.length, snapshot: this.machine.snapshot() });
    if (this.#steps.length > STEPS_MAX + 1) this.#steps.splice(1, 1)[0]!.snapshot.dispose();
    this.#position = this.#steps.length - 1;
    return written.length;
  }

  /** Pages that differ from the present step: none, after a trap. */
  strayPages(): number {
    return this.machine.pagesSince(this.#steps[this.#position]!.snapshot).length;
  }

  /** Goes to a step, back or forth. */
  goTo(position: number): void {
    const step = this.#steps[position];
    if (step === undefined) throw new Error(`there is no step ${position}`);
    const moved = this.machine.pagesSince(step.snapshot);
    this.machine.rollback(step.snapshot);
    this.#position = position;
    this.#warm(moved);
  }

  /** By page: 0 zero, 1 as the guest booted, else 2 + colour of the machine that wrote it. */
  owners(): Uint16Array<ArrayBuffer> {
    const { frames } = this.machine.pages();
    return Uint16Array.from(frames, (frame, page) => {
      const writer = frame === 0 ? undefined : this.#writerOf(page, frame);
      if (writer === undefined) return frame === 0 ? 0 : 1;
      return 2 + writer.colour;
    });
  }

  dispose(): void {
    for (const { snapshot } of this.#steps) snapshot.dispose();
    this.machine.dispose();
    this.disposed = true;
  }

  #writerOf(page: number, frame: number): TreeNode | undefined {
    if (this.bornFrames[page] !== frame) return this;
    return this.parent === undefined ? undefined : this.parent.#writerOf(page, frame);
  }

  #warm(pages: Uint32Array): void {
    const length = this.machine.memory.byteLength / 4096;
    const heat = new Uint8Array(length);
    for (let i = 0; i < length; i++) heat[i] = (this.#heat[i] ?? 0) * FADING;
    for (const page of pages) if (page < length) heat[page] = WARMEST;
    this.#heat = heat;
  }
}
