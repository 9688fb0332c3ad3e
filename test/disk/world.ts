/** A host full of machines with files, and the models that they must be equal to: what a sequence of commands acts on. */

import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { FargoError, filesOf, Host, TrapError, type Image, type Machine, type Snapshot } from '../../src/index.ts';
import { contentsOf, type Command, type Ending, type Step } from './commands.ts';
import { BLOCK, DiskModel, FAILED, newDirectory, newFile, type FileNode, type OpenFile } from './model.ts';

const MACHINES_MAX = 14;
const SNAPSHOTS_MAX = 6;
const DESCRIPTORS = 12;
const NOSPC = -51;
/** Where in the guest's buffer the tag stands, behind all names and contents. */
const TAG_AT = 200_000;
/** What is below at boot: three blocks and a part, the second of them zero. */
const BELOW = contentsOf(3, 3 * BLOCK + 1000).fill(0, BLOCK, 2 * BLOCK);
const INNER = contentsOf(5, 700);

const bytes = readFileSync(new URL('../../guests/build/files.wasm', import.meta.url));

export interface WorldOptions {
  readonly idleCores: number;
  readonly quotaBlocks: number;
  readonly budget: boolean;
  /** A cap on frames that is reached again and again. */
  readonly maxBytes: number | undefined;
}

interface Living {
  readonly machine: Machine;
  readonly model: DiskModel;
  readonly origin: DiskModel;
}

const GAVE_UP = new Error('the host gives up');

export class World {
  readonly host: Host;
  readonly image: Image;
  readonly living: Living[] = [];
  readonly kept: { readonly snapshot: Snapshot; readonly model: DiskModel }[] = [];
  /** How often the quota, and the frames of the host, were used up. */
  quotaMet = 0;
  limitMet = 0;
  readonly #options: WorldOptions;
  #buffer = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    const { idleCores, maxBytes, quotaBlocks, budget } = options;
    this.host = new Host({ idleCores, ...(maxBytes !== undefined && { maxBytes }) });
    this.image = this.host.buildSync(bytes, {
      budget,
      wasi: {
        files: { below: BELOW, d: { inner: INNER } },
        limits: { storedBytes: quotaBlocks * BLOCK, descriptors: DESCRIPTORS },
      },
    });
    for (const onTrap of ['rollback', 'keep'] as const) {
      const root = newDirectory({ below: newFile(BELOW), d: newDirectory({ inner: newFile(INNER) }) });
      const model = new DiskModel(root, { quotaBlocks, descriptors: DESCRIPTORS });
      this.#born(this.image.bootSync({ onTrap }), model);
    }
    this.#buffer = this.living[0]!.machine.call('buffer') as number;
    const file = { do: 'open', create: true, truncate: false } as const;
    for (const { machine, model } of this.living) {
      this.#step(machine, model, { ...file, path: 'below', append: false });
      this.#step(machine, model, { ...file, path: 'd/inner', append: false });
      this.#step(machine, model, { ...file, path: 'a', append: true });
    }
  }

  run(command: Command): void {
    switch (command.do) {
      case 'audit':
        return this.audit();
      case 'forkSnapshot': {
        const kept = this.kept[command.snapshot % Math.max(1, this.kept.length)];
        if (kept !== undefined) this.#unlessLimit(() => this.#born(kept.snapshot.fork(), kept.model));
        return undefined;
      }
      case 'disposeSnapshot':
        for (const kept of this.kept.splice(command.snapshot % Math.max(1, this.kept.length), 1))
          kept.snapshot.dispose();
        return undefined;
      default: {
        const living = this.living[command.machine % Math.max(1, this.living.length)];
        return living === undefined ? undefined : this.#runOn(living, command);
      }
    }
  }

  audit(): void {
    expect(this.host.audit().faults).toEqual([]);
  }

  /** All files of a machine, from outside and through its descriptors, and the word of memory that is as old. */
  check({ machine, model }: Living): void {
    const files = filesOf(machine);
    const seen = new Map<number, FileNode>();
    const names = new Set([...model.paths()].map(([path]) => path));
    const list = (directory: string): void => {
      for (const { name, kind } of files.list(directory)) {
        const path = directory === '' ? name : `${directory}/${name}`;
        if (path === 'dev') continue;
        expect(names.delete(path), `machine ${machine.id} has "${path}"`).toBe(true);
        if (kind === 'directory') list(path);
      }
    };
    list('');
    expect([...names], `machine ${machine.id} lacks`).toEqual([]);
    for (const [path, node] of model.paths()) {
      const stat = files.stat(path)!;
      expect(stat.kind).toBe(node.kind);
      expect((node.inode ??= stat.inode), `inode of "${path}"`).toBe(stat.inode);
      if (node.kind === 'directory') continue;
      expect({ size: stat.sizeBytes, links: stat.links }).toEqual({ size: node.size, links: node.links });
      expect(seen.get(stat.inode) ?? node, 'two files do not share a number').toBe(node);
      seen.set(stat.inode, node);
      for (const [position, length] of piecesOf(node)) {
        this.#same(
          `"${path}" from ${position}`,
          files.read(path, { offset: position, length }),
          model.read(node, position, length),
        );
      }
    }
    for (const [fd, { file, offset }] of model.open) {
      expect(machine.call('sizeOf', fd)).toBe(BigInt(file.size));
      expect(machine.call('seek', fd, 0n, 1)).toBe(BigInt(offset));
      for (const [position, length] of piecesOf(file)) {
        const read = machine.call('read', fd, BigInt(position), 0, Math.min(length, TAG_AT)) as number;
        const wanted = model.read(file, position, Math.min(length, TAG_AT));
        this.#same(`descriptor ${fd} from ${position}`, machine.memory.read(this.#buffer, read), wanted);
      }
    }
    expect(machine.memory.getUint32(this.#buffer + TAG_AT), 'memory is of the same instant').toBe(model.tag);
  }

  checkUsage({ machine, model }: Living): void {
    const { disk, heldBytes } = machine.usage();
    const held = model.heldBlocks * BLOCK;
    expect(disk.ownBytes + disk.sharedBytes).toBe(held);
    expect(filesOf(machine).usage().storedBytes).toBe(held);
    expect(disk.ownBytes).toBeLessThanOrEqual(this.#ownBlocks(machine, model) * BLOCK);
    expect(heldBytes).toBeGreaterThanOrEqual(disk.ownBytes);
    expect(held).toBeLessThanOrEqual(this.#options.quotaBlocks * BLOCK);
  }

  /** Compares all, disposes all in the order that `seed` gives, and proves that nothing is left. */
  finish(seed: number): void {
    for (const living of this.living) this.#unlessLimit(() => this.check(living));
    for (const living of this.living) this.checkUsage(living);
    this.audit();
    let random = seed >>> 0;
    while (this.living.length + this.kept.length > 0) {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
      const list =
        this.living.length === 0 || (this.kept.length > 0 && (random & 0x1_0000) !== 0) ? this.kept : this.living;
      for (const each of list.splice((random >>> 20) % list.length, 1))
        ('machine' in each ? each.machine : each.snapshot).dispose();
      const [left] = this.living;
      if (left !== undefined && random % 3 === 0) this.#unlessLimit(() => this.check(left));
    }
    this.audit();
    this.image.dispose();
    this.audit();
    expect(this.host.usage()).toMatchObject({ machines: 0, snapshots: 0, cores: 0, frameBytes: 0, mapBytes: 0 });
    this.host.dispose();
  }

  #runOn(living: Living, command: Extract<Command, { readonly machine: number }>): void {
    const { machine, model, origin } = living;
    switch (command.do) {
      case 'steps':
        return command.together ? this.#together(living, command) : this.#oneByOne(living, command);
      case 'fork':
        return this.#unlessLimit(() => {
          const room = Math.min(command.count, MACHINES_MAX - this.living.length);
          for (const child of machine.fork(Math.max(0, room))) this.#born(child, model);
        });
      case 'snapshot':
        if (this.kept.length >= SNAPSHOTS_MAX) return undefined;
        return this.#unlessLimit(() => this.kept.push({ snapshot: machine.snapshot(), model: model.copy() }));
      case 'reset':
        machine.reset();
        return model.become(origin);
      case 'rollback': {
        const kept = this.kept[command.snapshot % Math.max(1, this.kept.length)];
        if (kept === undefined) return undefined;
        machine.rollback(kept.snapshot);
        return model.become(kept.model);
      }
      case 'check':
        return this.#unlessLimit(() => this.check(living));
      case 'usage':
        return this.#unlessLimit(() => this.checkUsage(living));
      case 'dispose':
        this.living.splice(this.living.indexOf(living), 1);
        return machine.dispose();
    }
  }

  #together({ machine, model }: Living, { steps, ending }: { steps: readonly Step[]; ending: Ending }): void {
    const before = model.copy();
    let ended: Ending = 'well';
    try {
      machine.transaction(() => {
        for (const step of steps) this.#step(machine, model, step);
        if (ending === 'trap') machine.call('fail');
        if (ending === 'give up') throw GAVE_UP;
      });
    } catch (error) {
      if (this.#isLimit(error)) return model.become(before);
      if (error === GAVE_UP) ended = 'give up';
      else if (error instanceof TrapError && error.trap.kind === 'unreachable') ended = 'trap';
      else throw error;
    }
    expect(ended).toBe(ending);
    const kept = ending === 'well' || (ending === 'trap' && machine.onTrap === 'keep');
    if (!kept) model.become(before);
  }

  #oneByOne({ machine, model }: Living, { steps, ending }: { steps: readonly Step[]; ending: Ending }): void {
    for (const step of steps) {
      const before = model.copy();
      try {
        this.#step(machine, model, step);
      } catch (error) {
        if (!this.#isLimit(error)) throw error;
        return model.become(before);
      }
    }
    if (ending !== 'trap') return;
    const outcome = machine.tryCall('fail');
    expect(outcome).toMatchObject({ kind: 'trap', trap: { kind: 'unreachable' } });
  }

  #step(machine: Machine, model: DiskModel, step: Step): void {
    switch (step.do) {
      case 'tag':
        machine.memory.setUint32(this.#buffer + TAG_AT, step.value);
        model.tag = step.value;
        return;
      case 'open': {
        const flags = (step.create ? 1 : 0) | (step.truncate ? 8 : 0);
        const fd = machine.call('open', this.#put(machine, step.path), flags, step.append ? 1 : 0) as number;
        // Cutting a file may need a frame for its last block.
        if (fd === NOSPC && step.truncate && this.#metLimit()) return;
        return this.#agree(step, fd, model.openFile(step.path, step));
      }
      case 'remove':
      case 'makeDirectory':
      case 'removeDirectory':
        return this.#agree(step, machine.call(step.do, this.#put(machine, step.path)), model[step.do](step.path));
      case 'rename':
      case 'link': {
        this.#put(machine, step.path + step.to);
        const result = machine.call(step.do, step.path.length, step.to.length);
        return this.#agree(step, result, model[step.do](step.path, step.to));
      }
      default:
        return this.#stepOnFile(machine, model, step);
    }
  }

  #stepOnFile(machine: Machine, model: DiskModel, step: Extract<Step, { readonly fd: number }>): void {
    const fds = [...model.open.keys()];
    // One more than there are: a descriptor that is not open.
    const fd = fds[step.fd % (fds.length + 1)] ?? DESCRIPTORS + 7;
    const open = model.open.get(fd);
    switch (step.do) {
      case 'close':
        model.open.delete(fd);
        return this.#agree(step, machine.call('close', fd), open === undefined ? FAILED : 0);
      case 'write':
      case 'writeNext': {
        const contents = contentsOf(step.seed, step.length);
        machine.memory.write(this.#buffer, contents);
        const next = step.do === 'writeNext';
        const result = next
          ? machine.call('writeNext', fd, 0, step.length)
          : machine.call('write', fd, BigInt(step.position), 0, step.length);
        return this.#written(step, open, {
          model,
          contents,
          result: result as number,
          position: next ? undefined : step.position,
        });
      }
      case 'read':
      case 'readNext': {
        const next = step.do === 'readNext';
        const read = next
          ? machine.call('readNext', fd, 0, step.length)
          : machine.call('read', fd, BigInt(step.position), 0, step.length);
        if (open === undefined) return this.#agree(step, read, FAILED);
        const wanted = model.read(open.file, next ? open.offset : step.position, step.length);
        this.#agree(step, read, wanted.length);
        this.#same(JSON.stringify(step), machine.memory.read(this.#buffer, wanted.length), wanted);
        if (next) open.offset += wanted.length;
        return undefined;
      }
      case 'seek': {
        const result = machine.call('seek', fd, BigInt(step.offset), step.whence) as bigint;
        const base = open === undefined ? NaN : [0, open.offset, open.file.size][step.whence]!;
        const target = base + step.offset >= 0 ? base + step.offset : FAILED;
        if (target >= 0) open!.offset = target;
        return this.#agree(step, Number(result), target);
      }
      case 'resize':
      case 'allocate': {
        const sizes = step.do === 'resize' ? [BigInt(step.size)] : [0n, BigInt(step.size)];
        const result = machine.call(step.do, fd, ...sizes) as number;
        if (open === undefined || (step.do === 'allocate' && step.size === 0)) return this.#agree(step, result, FAILED);
        if (step.do === 'allocate') return this.#agree(step, result, model.allocate(open.file, step.size) ? 0 : NOSPC);
        if (result === NOSPC && this.#metLimit()) return undefined;
        model.resize(open.file, step.size);
        return this.#agree(step, result, 0);
      }
    }
  }

  /** A write is as long as the quota allows; where frames are scarce it may be shorter, and what it says is what was done. */
  #written(
    step: Step,
    open: OpenFile | undefined,
    did: { model: DiskModel; contents: Uint8Array; result: number; position: number | undefined },
  ): void {
    const { model, contents, result } = did;
    if (open === undefined) return this.#agree(step, result, FAILED);
    const position = did.position ?? (open.append ? open.file.size : open.offset);
    const expected = new DiskModel(newDirectory(), model);
    expected.become(model);
    const twin = expected.open.get([...model.open].find(([, each]) => each === open)![0])!;
    const allowed = expected.write(twin.file, position, contents);
    if (allowed < contents.length) this.quotaMet++;
    let done = allowed;
    if (result !== allowed && (result === NOSPC || (result >= 0 && result < allowed)) && this.#metLimit())
      done = result;
    this.#agree(step, result, done);
    if (done <= 0) return;
    // What was written frees no blocks that lie behind it.
    expect(model.write(open.file, position, contents.subarray(0, done))).toBe(done);
    if (did.position === undefined) open.offset = position + done;
  }

  #agree(step: Step, result: unknown, expected: number): void {
    const given = result as number;
    const same = expected === FAILED ? given < 0 : given === expected;
    if (!same) expect.fail(`${JSON.stringify(step)}: ${given}; the model says ${expected}`);
  }

  #same(what: string, given: Uint8Array, wanted: Uint8Array): void {
    if (Buffer.compare(given, wanted) === 0) return;
    const at = wanted.findIndex((byte, i) => byte !== given[i]);
    expect.fail(
      `${what}: ${given.length} bytes, ${wanted.length} expected; byte ${at} is ${given[at]}, not ${wanted[at]}`,
    );
  }

  #put(machine: Machine, text: string): number {
    machine.memory.write(this.#buffer, new TextEncoder().encode(text));
    return text.length;
  }

  #born(machine: Machine, from: DiskModel): void {
    this.living.push({ machine, model: from.copy(), origin: from.copy() });
  }

  /**
   * Blocks of a machine that nobody else has: neither others, nor snapshots, nor what it would be reset to, unless it still
   * is what it would be reset to.
   */
  #ownBlocks(machine: Machine, model: DiskModel): number {
    const others = new Set<Uint8Array>();
    const add = (other: DiskModel): void => {
      for (const block of other.allBlocks()) others.add(block);
    };
    for (const each of this.living) {
      if (each.machine !== machine) add(each.model);
      if (each.machine !== machine || !each.origin.hasSameBlocks(model)) add(each.origin);
    }
    for (const kept of this.kept) add(kept.model);
    let own = 0;
    for (const block of model.allBlocks()) if (!others.has(block)) own++;
    return own;
  }

  #unlessLimit(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!this.#isLimit(error)) throw error;
    }
  }

  #metLimit(): boolean {
    if (this.#options.maxBytes === undefined) return false;
    this.limitMet++;
    return true;
  }

  /** Limits are met where there is a cap, and nowhere else. */
  #isLimit(error: unknown): boolean {
    const code = error instanceof TrapError ? error.trap.kind : error instanceof FargoError ? error.code : '';
    if (code === 'limit' && this.#metLimit()) {
      this.audit();
      return true;
    }
    // A door that can't be opened for want of frames says so in the words of files.
    return code === 'file-error' && (error as Error).message.endsWith('nospc') && this.#metLimit();
  }
}

/** Pieces of a file that are worth reading: all of a small one, around the blocks of a large one. */
function piecesOf(file: FileNode): [position: number, length: number][] {
  if (file.size <= 50 * BLOCK) return [[0, file.size + 10]];
  const blocks = [...file.blocks.keys()].flatMap((block) => [block - 1, block, block + 1]);
  const starts = new Set([0, Math.floor(file.size / BLOCK), ...blocks.filter((block) => block >= 0)]);
  return [...starts].map((block) => [block * BLOCK, BLOCK]);
}
