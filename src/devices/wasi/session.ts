/**
 * The working state of the machine that a core runs: what the WASI functions change between `restore` and `commit`.
 *
 * Invariants: the descriptor table is copied before its first change after a `restore` or `commit`; an inode without a
 * name lives exactly as long as a descriptor names it.
 */

import { readStream } from '../entropy.ts';
import type { SeededStream } from '../entropy.ts';
import { E } from '../fs/errno.ts';
import type { Errno, Outcome } from '../fs/errno.ts';
import type { FileSystem, InodeKind, InodeNumber } from '../fs/file-system.ts';
import type { FileTreeState } from '../fs/file-tree.ts';
import type { WasiLimits } from '../limits.ts';
import type { MachineClock } from '../machine-clock.ts';
import type { Entropy, InputPort } from '../ports.ts';
import type { Descriptor, WasiState } from './state.ts';

/** What is the same for every machine of a device. */
export interface WasiConfig {
  /** UTF-8, each with its final NUL. */
  readonly args: readonly Uint8Array[];
  readonly env: readonly Uint8Array[];
  readonly stdin: Uint8Array | InputPort;
  /** Whether 0, 1 and 2 look like terminals. */
  readonly terminals: readonly boolean[];
  readonly entropy: Entropy;
  readonly limits: WasiLimits;
}

/** Bytes of the buffer through which files and guest memory exchange contents. */
const SCRATCH_BYTES = 65_536;

export class WasiSession {
  readonly config: WasiConfig;
  readonly files: FileSystem<FileTreeState>;
  readonly clock: MachineClock;
  /** Holds bytes only while one function copies them; nothing reads what it did not write itself. */
  readonly scratch: Uint8Array = new Uint8Array(SCRATCH_BYTES);
  #committed: WasiState;
  #descriptors: (Descriptor | undefined)[];
  #ownsDescriptors = false;
  #inputOffset: number;
  #stream: SeededStream | undefined;
  #exitCode: number | undefined;
  #changed = false;

  constructor(config: WasiConfig, files: FileSystem<FileTreeState>, clock: MachineClock, state: WasiState) {
    this.config = config;
    this.files = files;
    this.clock = clock;
    this.#committed = state;
    this.#descriptors = [];
    this.#inputOffset = 0;
    this.restore(state);
  }

  restore(state: WasiState): void {
    this.#committed = state;
    this.files.restore(state.files);
    this.clock.restore(state.clock);
    this.#descriptors = state.descriptors as (Descriptor | undefined)[];
    this.#ownsDescriptors = false;
    this.#inputOffset = state.inputOffset;
    this.#stream = state.stream;
    this.#exitCode = state.exitCode;
    this.#changed = false;
  }

  commit(): WasiState {
    const files = this.files.commit();
    const clock = this.clock.state;
    const same = !this.#changed && files === this.#committed.files && clock === this.#committed.clock;
    if (same) return this.#committed;
    this.#committed = {
      files,
      descriptors: this.#descriptors,
      inputOffset: this.#inputOffset,
      stream: this.#stream,
      exitCode: this.#exitCode,
      clock,
    };
    this.#ownsDescriptors = false;
    this.#changed = false;
    return this.#committed;
  }

  /** The descriptor `fd` if it has all of `rights`. */
  descriptor(fd: number, rights: number): Descriptor | Errno {
    const descriptor = this.#descriptors[fd];
    if (descriptor === undefined) return E.badf;
    return (descriptor.rights & rights) === rights ? descriptor : E.notcapable;
  }

  /** The directory that is open as `fd`, if it has all of `rights`. */
  directory(fd: number, rights: number): Descriptor | Errno {
    const descriptor = this.#descriptors[fd];
    if (descriptor === undefined) return E.badf;
    if (this.kindOf(descriptor) !== 'directory') return E.notdir;
    return (descriptor.rights & rights) === rights ? descriptor : E.notcapable;
  }

  kindOf(descriptor: Descriptor): InodeKind | 'stream' {
    return descriptor.kind === 'file' ? this.files.kind(descriptor.inode) : 'stream';
  }

  /** Whether one more descriptor can be opened. */
  canOpen(): boolean {
    return this.#freeNumber() < this.config.limits.descriptors;
  }

  /** Opens a descriptor at the lowest free number, as POSIX does: the number, or minus `mfile`. */
  open(descriptor: Descriptor): Outcome {
    const fd = this.#freeNumber();
    if (fd >= this.config.limits.descriptors) return -E.mfile;
    this.set(fd, descriptor);
    return fd;
  }

  /** Replaces the descriptor `fd`, which the caller has read before. */
  set(fd: number, descriptor: Descriptor | undefined): void {
    if (!this.#ownsDescriptors) this.#descriptors = this.#descriptors.slice();
    this.#ownsDescriptors = true;
    this.#descriptors[fd] = descriptor;
    this.#changed = true;
  }

  close(fd: number): Errno {
    const descriptor = this.#descriptors[fd];
    if (descriptor === undefined) return E.badf;
    this.set(fd, undefined);
    this.releaseUnused(descriptor.inode);
    return E.success;
  }

  /** Moves the descriptor `from` to the number `to`, closing what is there. Both must be open. */
  renumber(from: number, to: number): Errno {
    const descriptor = this.#descriptors[from];
    const replaced = this.#descriptors[to];
    if (descriptor === undefined || replaced === undefined) return E.badf;
    if (from === to) return E.success;
    this.set(to, descriptor);
    this.set(from, undefined);
    this.releaseUnused(replaced.inode);
    return E.success;
  }

  /** Lets an inode go that may have lost its last name or its last descriptor. */
  releaseUnused(inode: InodeNumber): void {
    if (inode !== 0 && !this.#descriptors.some((each) => each?.inode === inode)) this.files.release(inode);
  }

  /** Input that was given at boot and not read yet, in bytes; undefined when it comes from outside. */
  inputLeft(): number | undefined {
    const { stdin } = this.config;
    return stdin instanceof Uint8Array ? stdin.length - this.#inputOffset : undefined;
  }

  /** The next bytes of standard input, at most `max`; undefined at its end. Not to be changed. */
  readInput(max: number): Uint8Array | undefined {
    const { stdin } = this.config;
    if (!(stdin instanceof Uint8Array)) return stdin.read(max)?.subarray(0, max);
    const bytes = stdin.subarray(this.#inputOffset, this.#inputOffset + max);
    if (bytes.length === 0) return undefined;
    this.#inputOffset += bytes.length;
    this.#changed = true;
    return bytes;
  }

  fillRandom(into: Uint8Array): void {
    if (this.#stream === undefined) {
      // A source that fills too little leaves zeros, not what the buffer held for another machine (I8).
      into.fill(0);
      this.config.entropy.fillRandom(into);
      return;
    }
    this.#stream = readStream(this.#stream, into);
    this.#changed = true;
  }

  setExitCode(code: number): void {
    this.#exitCode = code;
    this.#changed = true;
  }

  #freeNumber(): number {
    const free = this.#descriptors.indexOf(undefined);
    return free < 0 ? this.#descriptors.length : free;
  }
}
