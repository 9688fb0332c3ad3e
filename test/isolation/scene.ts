/** Machines with secrets: what each may know, and the search for what it may not. */

import fc from 'fast-check';
import { expect } from 'vitest';
import { filesOf, Host, TrapError, type Image, type Machine, type Snapshot } from '../../src/index.ts';
import { PAGE_BYTES } from '../../src/base/units.ts';
import { GUEST_AT } from '../../src/instrument/layout.ts';
import { readFrame } from '../../src/memory/frames-raw.ts';
import { SLAB_FRAMES } from '../../src/memory/limits.ts';
import { forestForEach } from '../../src/memory/map-forest.ts';

const MACHINES_MAX = 16;
const SNAPSHOTS_MAX = 6;

const PLACES = [
  'inMemory',
  'byHost',
  'inGlobal',
  'inVector',
  'inTable',
  'inGrownTable',
  'inGrownMemory',
  'inOutput',
  'inFile',
  'inFile',
  'environment',
  'input',
] as const;

interface Plant {
  readonly do: 'plant';
  readonly machine: number;
  readonly place: (typeof PLACES)[number];
  readonly at: number;
  /** The call traps after it has planted. */
  readonly trap: boolean;
}

export type Command =
  | Plant
  | { readonly do: 'fork' | 'snapshot' | 'dispose' | 'scan' | 'forget' | 'reset'; readonly machine: number }
  | { readonly do: 'cut'; readonly machine: number; readonly at: number }
  | { readonly do: 'forkSnapshot' | 'disposeSnapshot'; readonly snapshot: number }
  | { readonly do: 'rollback'; readonly machine: number; readonly snapshot: number };

const nat = fc.nat(1000);
const plant: fc.Arbitrary<Plant> = fc.record({
  do: fc.constant('plant' as const),
  machine: nat,
  place: fc.constantFrom(...PLACES),
  at: fc.oneof(
    fc.integer({ min: 1024, max: 131_056 }),
    fc.tuple(fc.integer({ min: 1, max: 31 }), fc.nat(15)).map(([page, by]) => page * PAGE_BYTES - by),
  ),
  trap: fc.nat(3).map((each) => each === 0),
});
const onMachine = fc
  .tuple(fc.constantFrom('fork', 'fork', 'snapshot', 'dispose', 'scan', 'scan', 'forget', 'reset' as const), nat)
  .map(([name, machine]) => ({ do: name, machine }) as Command);
const onSnapshot = fc
  .tuple(fc.constantFrom('forkSnapshot', 'forkSnapshot', 'disposeSnapshot' as const), nat)
  .map(([name, snapshot]) => ({ do: name, snapshot }) as Command);

export const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    { weight: 14, arbitrary: plant },
    { weight: 12, arbitrary: onMachine },
    { weight: 3, arbitrary: onSnapshot },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('cut' as const), machine: nat, at: fc.integer({ min: 0, max: 131_072 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('rollback' as const), machine: nat, snapshot: nat }) },
  ),
  { maxLength: 70, size: 'max' },
);

/** 16 bytes, and an object for tables. */
class Secret {
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly low: bigint;
  readonly high: bigint;
  readonly text: string;

  constructor(id: number, random: () => number) {
    this.id = id;
    this.bytes = Uint8Array.from({ length: 16 }, () => 33 + Math.floor(random() * 94));
    const view = new DataView(this.bytes.buffer);
    this.low = view.getBigInt64(0, true);
    this.high = view.getBigInt64(8, true);
    this.text = latin1(this.bytes);
  }

  /** Where either half of it stands in bytes as {@link latin1}; -1 for nowhere. */
  in(where: string): number {
    const low = where.indexOf(this.text.slice(0, 8));
    return low >= 0 ? low : where.indexOf(this.text.slice(8));
  }
}

const decoder = new TextDecoder('latin1');

/** Bytes as characters: all engines search fast in a string, and not all in a buffer. Those of a secret are themselves. */
function latin1(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

interface Living {
  readonly machine: Machine;
  /** Secrets that it may have. */
  known: ReadonlySet<Secret>;
  readonly origin: ReadonlySet<Secret>;
  /** Secrets that it has printed: what is committed is out, whatever the machine goes back to. */
  readonly printed: Set<Secret>;
}

export class Scene {
  readonly host: Host;
  readonly living: Living[] = [];
  readonly #images: Image[] = [];
  readonly #kept: { readonly snapshot: Snapshot; readonly known: ReadonlySet<Secret> }[] = [];
  readonly #secrets: Secret[] = [];
  /** Of each image: what its environment and its input hold. */
  readonly #ofImage: Secret[] = [];
  #random: number;

  constructor(bytes: Uint8Array, { seed, idleCores }: { readonly seed: number; readonly idleCores: number }) {
    this.#random = seed >>> 0;
    this.host = new Host({ idleCores, spareCores: 0 });
    for (const budget of [false, true]) {
      const secret = this.#secret();
      this.#ofImage.push(secret);
      const image = this.host.buildSync(bytes, {
        wasi: { env: { SECRET: secret.text }, stdin: secret.bytes, files: {} },
        budget,
      });
      this.#images.push(image);
      for (const onTrap of ['rollback', 'keep'] as const) {
        this.living.push({
          machine: image.bootSync({ onTrap }),
          known: new Set(),
          origin: new Set(),
          printed: new Set(),
        });
      }
    }
  }

  run(command: Command): void {
    if (!('machine' in command)) {
      const kept = this.#kept[command.snapshot % Math.max(1, this.#kept.length)];
      if (kept === undefined) return;
      if (command.do === 'forkSnapshot') this.#born(kept.snapshot.fork(), kept.known);
      else {
        this.#kept.splice(this.#kept.indexOf(kept), 1);
        kept.snapshot.dispose();
      }
      return;
    }
    const one = this.living[command.machine % Math.max(1, this.living.length)];
    if (one !== undefined) this.#runOn(one, command);
  }

  #runOn(one: Living, command: Extract<Command, { readonly machine: number }>): void {
    const { machine } = one;
    switch (command.do) {
      case 'plant':
        return this.#plant(one, command);
      case 'fork':
        return this.#born(machine.fork(), one.known);
      case 'snapshot':
        if (this.#kept.length < SNAPSHOTS_MAX) this.#kept.push({ snapshot: machine.snapshot(), known: one.known });
        return undefined;
      case 'scan':
        return this.scan(one);
      case 'forget':
        machine.call('forget');
        return undefined;
      case 'cut':
        machine.call('cut', command.at);
        return undefined;
      case 'reset':
        machine.reset();
        one.known = one.origin;
        return undefined;
      case 'rollback': {
        const kept = this.#kept[command.snapshot % Math.max(1, this.#kept.length)];
        if (kept === undefined || kept.snapshot.program !== machine.program) return undefined;
        machine.rollback(kept.snapshot);
        one.known = kept.known;
        return undefined;
      }
      case 'dispose':
        this.living.splice(this.living.indexOf(one), 1);
        return machine.dispose();
    }
  }

  /** Looks for every secret that a machine may not have, in all that is its own and all of the core that it lies on. */
  scan({ machine, known, printed }: Living): void {
    const search = (what: string, where: Uint8Array, allowed = known): void => {
      const characters = latin1(where);
      for (const secret of this.#secrets) {
        if (allowed.has(secret)) continue;
        const at = secret.in(characters);
        if (at >= 0) expect.fail(`machine ${machine.id}: secret ${secret.id} stands in its ${what} at ${at}`);
      }
    };
    search('memory at rest', machine.memory.read(0, machine.memory.byteLength));
    for (const words of machine.state.registers) search('registers at rest', new Uint8Array(words.buffer));
    // Laid out on a core, with nothing run and nothing committed yet.
    machine.getGlobal('nothing');
    const [memory] = machine.core!.memories;
    search('front region', memory!.bytes.subarray(0, GUEST_AT));
    search('memory on its core', memory!.bytes.subarray(GUEST_AT));
    search('i64', new Uint8Array(BigInt64Array.of(machine.getGlobal('low') as bigint).buffer));
    search('v128', machine.call('vector') as Uint8Array);
    const things = Array.from({ length: machine.call('things') as number }, (_, index) => machine.call('thing', index));
    for (const thing of [...things, machine.call('keptThing')]) {
      if (thing !== null) expect(known.has(thing as Secret), `machine ${machine.id} holds a foreign object`).toBe(true);
    }
    const files = filesOf(machine);
    if (files.stat('f') !== undefined) search('file', files.read('f'));
    const { pool, maps } = machine.runtime;
    const block = new Uint8Array(PAGE_BYTES);
    for (const [device] of machine.program.devices.entries()) {
      // Whole blocks: what lies behind the end of a file, too.
      forestForEach(maps, machine.state.deviceRoot(device), (_file, _block, frame) => {
        readFrame(pool, frame, 0, block);
        search('blocks', block);
      });
    }
    for (const chunk of machine.takeOutput()) search('output', chunk.bytes, printed);
    search('front region after calls', machine.core!.memories[0]!.bytes.subarray(0, GUEST_AT));
  }

  /** Ends everything. Afterwards no frame of the pool holds a secret, as freed frames are poisoned. */
  finish(): void {
    for (const one of this.living) this.scan(one);
    expect(this.host.audit().faults).toEqual([]);
    const pool = this.living[0]?.machine.runtime.pool;
    for (const { machine } of this.living) machine.dispose();
    for (const { snapshot } of this.#kept) snapshot.dispose();
    for (const image of this.#images) image.dispose();
    expect(this.host.usage()).toMatchObject({ frameBytes: 0, mapBytes: 0 });
    if (pool === undefined) return;
    for (let slab = 0; slab < pool.heldBytes / (SLAB_FRAMES * PAGE_BYTES); slab++) {
      const where = latin1(new Uint8Array(pool.slabBytes(slab * SLAB_FRAMES).buffer));
      for (const secret of this.#secrets) expect(secret.in(where), 'freed frames are poisoned').toBe(-1);
    }
  }

  #plant(one: Living, { place, at, trap }: Plant): void {
    const { machine } = one;
    if (place === 'environment' || place === 'input') {
      if (place === 'environment') machine.call('environment', Math.min(at, 130_000));
      else machine.call('input', at, 16);
      const ofImage = this.#ofImage[this.#images.findIndex((image) => image.program === machine.program)]!;
      one.known = new Set([...one.known, ofImage]);
      return;
    }
    const secret = this.#secret();
    const { low, high } = secret;
    const doomed = trap ? 1 : 0;
    let planted = true;
    try {
      if (place === 'byHost') machine.memory.write(at, secret.bytes);
      else if (place === 'inMemory' || place === 'inFile') machine.call(place, at, low, high, doomed);
      else if (place === 'inVector') machine.call(place, secret.bytes, doomed);
      else if (place === 'inTable') machine.call(place, at % 3, secret, doomed);
      else if (place === 'inGrownTable') machine.call(place, secret, doomed);
      else machine.call(place, low, high, doomed);
    } catch (error) {
      if (!(error instanceof TrapError)) throw error;
      planted = machine.onTrap === 'keep';
    }
    if (!planted) return;
    one.known = new Set([...one.known, secret]);
    if (place === 'inOutput') one.printed.add(secret);
  }

  #born(machine: Machine, known: ReadonlySet<Secret>): void {
    if (this.living.length < MACHINES_MAX) this.living.push({ machine, known, origin: known, printed: new Set() });
    else machine.dispose();
  }

  #secret(): Secret {
    const secret = new Secret(this.#secrets.length, () => {
      this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
      return this.#random / 2 ** 32;
    });
    this.#secrets.push(secret);
    return secret;
  }
}
