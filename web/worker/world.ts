/** One host, one guest, and the tree of its machines. What the page asks for is done here. */

import {
  diffFiles,
  FargoError,
  filesOf,
  Host,
  TrapError,
  type Image,
  type Machine,
  type PreparedComponent,
  type Snapshot,
} from 'fargo-wasm';
import type {
  Answer,
  FileChange,
  GuestId,
  Inspection,
  Measurement,
  Opened,
  RunResult,
  SwarmResult,
  View,
} from '../protocol.ts';
import type { Driver, LineResult } from './driver.ts';
import { DRIVERS } from './drivers.ts';
import type { Found } from './guest-of-file.ts';
import { measure } from './measure.ts';
import { LOADED, TreeNode } from './node.ts';
import { Swarm } from './swarm.ts';

const STACK_SHOWN = 6;
/** Of frames: a tab that asks for more than the browser gives is ended. A call that would need more is a trap. */
const FRAME_BYTES_MAX = 1.5 * 2 ** 30;
const FILE_SHOWN_BYTES = 4096;
/** Of what a line printed: a terminal that gets more stops the page. */
const TEXT_CHARACTERS = 50_000;

export class World {
  readonly guest: GuestId;
  readonly #driver: Driver;
  readonly #host: Host;
  readonly #image: Image;
  readonly #nodes = new Map<number, TreeNode>();
  readonly #swarms = new Map<number, Swarm>();
  #lastId = 0;
  #colours = 0;
  #cold = true;

  private constructor(guest: GuestId, host: Host, image: Image) {
    this.guest = guest;
    this.#driver = DRIVERS[guest];
    this.#host = host;
    this.#image = image;
  }

  /** Builds a guest and boots its first machine. */
  static async open(
    guest: GuestId,
    module: Uint8Array,
    prepared?: PreparedComponent,
  ): Promise<{ world: World; opened: Opened }> {
    const driver = DRIVERS[guest];
    const host = await Host.create({ maxBytes: FRAME_BYTES_MAX });
    try {
      const from = performance.now();
      const image = await host.build(module, { ...driver.build, ...(prepared && { prepared }) });
      const built = performance.now();
      const world = new World(guest, host, image);
      const machine = await image.boot({ limits: { budget: driver.budget } });
      driver.boot?.(machine);
      const bootMs = performance.now() - built;
      const root = world.#root(machine, 'boot');
      return { world, opened: world.#opened(root, { buildMs: built - from, bootMs }) };
    } catch (error) {
      host.dispose();
      throw error;
    }
  }

  /** A world of its own for a saved machine. */
  static async load(
    { guest, module, prepared }: Found & { readonly prepared?: PreparedComponent | undefined },
    file: Uint8Array,
  ): Promise<{ world: World; opened: Opened }> {
    const host = await Host.create({ maxBytes: FRAME_BYTES_MAX });
    try {
      const from = performance.now();
      const image = await host.build(module, { ...DRIVERS[guest].build, ...(prepared && { prepared }) });
      const buildMs = performance.now() - from;
      const world = new World(guest, host, image);
      world.#cold = false;
      return { world, opened: { ...(await world.join(file)), buildMs, joined: false } };
    } catch (error) {
      host.dispose();
      throw error;
    }
  }

  /** Loads a saved machine as a further root. What it may do in a call is the page's to say, not the file's. */
  async join(file: Uint8Array): Promise<Opened> {
    const from = performance.now();
    const snapshot = await this.#host.load(file, {
      image: this.#image,
      limits: { budget: this.#driver.budget },
      onTrap: 'rollback',
    });
    let machine: Machine;
    try {
      machine = snapshot.fork();
    } finally {
      snapshot.dispose();
    }
    const root = this.#root(machine, LOADED);
    return { ...this.#opened(root, { buildMs: 0, bootMs: performance.now() - from }), cold: false, joined: true };
  }

  /** A machine as a file, as it is now. */
  async save(id: number): Promise<Uint8Array<ArrayBuffer>> {
    const snapshot = this.#node(id).machine.snapshot();
    try {
      return await snapshot.save();
    } finally {
      snapshot.dispose();
    }
  }

  view(): View {
    const nodes = [...this.#nodes.values()];
    const swarms = [...this.#swarms.values()];
    const usage = this.#host.usage();
    let copiesBytes = 0;
    for (const { machine } of nodes) copiesBytes += machine.memory.byteLength;
    for (const { guestBytes, count } of swarms) copiesBytes += count * guestBytes;
    return {
      nodes: nodes.map(({ info }) => info),
      swarms: swarms.map(({ info }) => info),
      stats: { machines: usage.machines, totalBytes: usage.totalBytes, copiesBytes, cores: usage.cores },
    };
  }

  warm(): { view: View; text: string; ms: number } {
    const root = this.#node(1);
    const from = performance.now();
    const text = this.#driver.warm(root.machine);
    const ms = performance.now() - from;
    root.machine.takeOutput();
    root.step('warm');
    root.last = 'return';
    this.#cold = false;
    return { view: this.view(), text, ms };
  }

  measure(id: number): Measurement {
    return measure(this.#node(id).machine, this.#driver);
  }

  fork(id: number, count: number): { view: View; made: number[]; ms: number } {
    const parent = this.#node(id);
    const from = performance.now();
    const machines = parent.machine.fork(count);
    const ms = performance.now() - from;
    const made: number[] = [];
    try {
      for (const machine of machines) made.push(this.#add(machine, parent, 'fork').id);
    } catch (error) {
      for (const id of made) this.disposeNode(id);
      for (const machine of machines.slice(made.length)) machine.dispose();
      throw error;
    }
    return { view: this.view(), made, ms };
  }

  swarm(id: number, count: number): { view: View; made: number; ms: number } {
    const swarm = new Swarm(this.#node(id), count, ++this.#lastId);
    this.#swarms.set(swarm.id, swarm);
    return { view: this.view(), made: swarm.id, ms: swarm.forkMs };
  }

  run(id: number, line: string): RunResult {
    const node = this.#node(id);
    const from = performance.now();
    try {
      const result: LineResult = this.#driver.run(node.machine, line);
      const ms = performance.now() - from;
      const pagesWritten = node.step(line);
      node.last = 'return';
      const kind = result.failed === true ? 'failed' : 'return';
      return {
        view: this.view(),
        kind,
        text: shownOf(result.text),
        picture: result.picture,
        ms,
        pagesWritten,
        stack: [],
      };
    } catch (error) {
      if (!(error instanceof TrapError)) throw error;
      const ms = performance.now() - from;
      node.last = 'trap';
      const { trap } = error;
      return {
        view: this.view(),
        kind: 'trap',
        text: `${trap.kind}: ${trap.message}`,
        picture: undefined,
        ms,
        pagesWritten: node.strayPages(),
        stack: trap.stack.slice(0, STACK_SHOWN).map(({ name, index }) => name ?? `function ${index}`),
      };
    }
  }

  async runAll(id: number, line: string, onAnswers: (from: number, answers: Answer[]) => void): Promise<SwarmResult> {
    const swarm = this.#swarm(id);
    const before = this.#host.usage().totalBytes;
    const { done, ms } = await swarm.runAll(this.#driver, line, onAnswers);
    // What the last one wrote lies on the core only, until it is asked for.
    swarm.machines.findLast((machine) => machine !== undefined && !machine.disposed)?.usage();
    const bytesPerChild = (this.#host.usage().totalBytes - before) / Math.max(1, done);
    return { view: this.view(), ms, bytesPerChild, done };
  }

  stop(): void {
    for (const swarm of this.#swarms.values()) swarm.stop();
  }

  /** Makes a child of a swarm a machine of the tree. */
  adopt(id: number, index: number): { view: View; made: number } {
    const swarm = this.#swarm(id);
    const label = swarm.line ?? 'fork';
    const machine = swarm.release(index);
    const { template, parent } = swarm;
    // The node lets go of its snapshot when it is disposed, the swarm of its own: they are two.
    const forked = template.fork();
    const born = forked.snapshot();
    forked.dispose();
    const node = this.#add(machine, parent, 'fork', born);
    if (machine.pagesSince(born).length > 0) node.step(label);
    return { view: this.view(), made: node.id };
  }

  inspect(id: number): Inspection {
    const node = this.#node(id);
    const lineage: number[] = [];
    for (let at: TreeNode | undefined = node; at !== undefined; at = at.parent) lineage.unshift(at.id);
    return {
      node: node.info,
      lineage,
      owners: node.owners(),
      heat: node.heat.slice(),
      guestBytes: node.machine.memory.byteLength,
      timeline: node.timeline,
      position: node.position,
      files: this.#files(node),
    };
  }

  /** The beginning of a file, as text. */
  readFile(id: number, path: string): string {
    const bytes = filesOf(this.#node(id).machine).read(path, { length: FILE_SHOWN_BYTES });
    return new TextDecoder().decode(bytes);
  }

  rollback(id: number, position: number): View {
    const node = this.#node(id);
    node.goTo(position);
    node.last = 'return';
    return this.view();
  }

  /** Ends a machine; its children live on. */
  disposeNode(id: number): View {
    const node = this.#node(id);
    node.dispose();
    this.#nodes.delete(id);
    return this.view();
  }

  disposeSwarm(id: number): View {
    this.#swarm(id).dispose();
    this.#swarms.delete(id);
    return this.view();
  }

  dispose(): void {
    this.stop();
    this.#host.dispose();
  }

  /** What differs from the files that a machine was born with; undefined for a guest that has none. */
  #files(node: TreeNode): FileChange[] | undefined {
    try {
      return diffFiles(node.machine, node.born).filter(({ type }) => type === 'file');
    } catch (error) {
      if (error instanceof FargoError && error.code === 'unsupported') return undefined;
      throw error;
    }
  }

  #root(machine: Machine, label: string): TreeNode {
    machine.takeOutput();
    return this.#add(machine, undefined, label);
  }

  #opened(root: TreeNode, times: { buildMs: number; bootMs: number }): Opened {
    return {
      view: this.view(),
      guest: this.guest,
      joined: false,
      root: root.id,
      guestBytes: root.machine.memory.byteLength,
      cold: this.#cold,
      ...times,
    };
  }

  #add(machine: Machine, parent: TreeNode | undefined, label: string, born?: Snapshot): TreeNode {
    const place = { id: ++this.#lastId, parent, colour: this.#colours++, label, ...(born && { born }) };
    try {
      const node = new TreeNode(machine, place);
      this.#nodes.set(node.id, node);
      return node;
    } catch (error) {
      machine.dispose();
      born?.dispose();
      throw error;
    }
  }

  #node(id: number): TreeNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`there is no machine ${id}`);
    return node;
  }

  #swarm(id: number): Swarm {
    const swarm = this.#swarms.get(id);
    if (swarm === undefined) throw new Error(`there is no group ${id}`);
    return swarm;
  }
}

function shownOf(text: string): string {
  if (text.length <= TEXT_CHARACTERS) return text;
  const more = (text.length - TEXT_CHARACTERS).toLocaleString('en');
  return `${text.slice(0, TEXT_CHARACTERS)}\n… and ${more} characters that are not shown`;
}
