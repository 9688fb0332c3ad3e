/**
 * What WASI 0.2 has open beyond preview 1's descriptors: streams with their own offsets, timers, listings. Each is a number
 * to the glue, and a value in a table that belongs to the machine; so all of it forks.
 */

import type { ByteCount } from '../../base/units.ts';
import { WasiError } from './error-codes.ts';
import { HELD_BYTES_MAX, heldBy, tooMuch, type HttpThing } from './http-values.ts';
import type { Device, HostFunctions } from '../../machine/device.ts';

/** Immutable. `fd` is a descriptor of preview 1. */
export type OpenThing =
  /** Reads on from `offset`, or from the descriptor's own place. */
  | { readonly kind: 'input'; readonly fd: number; readonly offset: bigint | undefined }
  /** Writes on from `offset`, at the end of the file, or to the descriptor's own place. */
  | { readonly kind: 'output'; readonly fd: number; readonly offset: bigint | 'append' | undefined }
  | { readonly kind: 'listing'; readonly fd: number; readonly cookie: bigint }
  /** Ready from `at` on the monotonic clock, or always. */
  | { readonly kind: 'pollable'; readonly at: bigint | undefined }
  | { readonly kind: 'error'; readonly code: string }
  | { readonly kind: 'terminal' }
  /** One that the guest has let go of while streams of it are open: it is closed with the last of them. */
  | { readonly kind: 'descriptor'; readonly fd: number }
  | HttpThing;

export interface OpenThings {
  readonly next: number;
  readonly things: ReadonlyMap<number, OpenThing>;
  /** Bytes of the host's that they hold: 0 where it is not there. */
  readonly held?: ByteCount;
}

export const NOTHING: OpenThings = { next: 1, things: new Map() };
/** More than any program opens; each call that opens or closes one copies the table. */
export const THINGS_MAX = 4096;

/** The table on one core. */
export class OpenTable implements Device<OpenThings> {
  readonly name = 'wasi-0.2';
  readonly functions: HostFunctions = { resolve: () => undefined };
  #state: OpenThings = NOTHING;
  #things: Map<number, OpenThing> | undefined = undefined;
  #next = 1;
  #held: ByteCount = 0;

  restore(state: OpenThings): void {
    this.#state = state;
    this.#things = undefined;
    this.#next = state.next;
    this.#held = state.held ?? 0;
  }

  commit(): OpenThings {
    if (this.#things === undefined) return this.#state;
    this.#state = { next: this.#next, things: this.#things, held: this.#held };
    this.#things = undefined;
    return this.#state;
  }

  /** @throws WasiError when too many are open; FargoError `limit` */
  add(thing: OpenThing): number {
    const things = this.#own();
    if (things.size >= THINGS_MAX) throw new WasiError('insufficient-memory');
    // jco keeps a list of all numbers that ever were: a free one is taken again.
    let rep = 1;
    while (things.has(rep)) rep++;
    this.#next = Math.max(this.#next, rep + 1);
    this.#hold(undefined, thing);
    things.set(rep, thing);
    return rep;
  }

  /** @throws TypeError for what is not open, or something else: the glue lets no guest name such a number */
  get<Kind extends OpenThing['kind']>(rep: number, kind: Kind): Extract<OpenThing, { readonly kind: Kind }> {
    const thing = this.find(rep);
    if (thing?.kind !== kind) throw new TypeError(`${kind} ${rep} is not open`);
    return thing as Extract<OpenThing, { readonly kind: Kind }>;
  }

  find(rep: number): OpenThing | undefined {
    return (this.#things ?? this.#state.things).get(rep);
  }

  values(): IterableIterator<OpenThing> {
    return (this.#things ?? this.#state.things).values();
  }

  entries(): IterableIterator<[rep: number, thing: OpenThing]> {
    return (this.#things ?? this.#state.things).entries();
  }

  /** @throws FargoError `limit` */
  set(rep: number, thing: OpenThing): void {
    this.#hold(this.find(rep), thing);
    this.#own().set(rep, thing);
  }

  close(rep: number): void {
    this.#hold(this.find(rep), undefined);
    this.#own().delete(rep);
  }

  #hold(before: OpenThing | undefined, after: OpenThing | undefined): void {
    const more = heldBy(after) - heldBy(before);
    if (more > 0 && this.#held + more > HELD_BYTES_MAX) throw tooMuch();
    this.#held += more;
  }

  #own(): Map<number, OpenThing> {
    return (this.#things ??= new Map(this.#state.things));
  }
}
