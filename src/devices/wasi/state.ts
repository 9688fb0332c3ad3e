/** What a machine's WASI device is at rest: one immutable value, shared by parent and children until one changes it. */

import type { SeededStream } from '../entropy.ts';
import type { InodeNumber } from '../fs/file-system.ts';
import type { FileTreeState } from '../fs/file-tree.ts';
import type { ClockState } from '../machine-clock.ts';

/** An open descriptor. Immutable; each has its own offset, since preview 1 can't duplicate one. */
export interface Descriptor {
  readonly kind: 'stdin' | 'stdout' | 'stderr' | 'file';
  /** What is open; 0 for a standard stream. A directory and a device are files here too. */
  readonly inode: InodeNumber;
  /** Bytes from the start of a file. */
  readonly offset: number;
  /** `fdflags`. */
  readonly flags: number;
  /** Rights for the descriptor itself, and for those opened through it. */
  readonly rights: number;
  readonly inheriting: number;
  /** Guest path of a directory that was open at boot. */
  readonly preopen: string | undefined;
}

export interface WasiState {
  readonly files: FileTreeState;
  /** By number; undefined where none is open. */
  readonly descriptors: readonly (Descriptor | undefined)[];
  /** Bytes of the input given at boot that were read. */
  readonly inputOffset: number;
  /** Present when a seed was given. */
  readonly stream: SeededStream | undefined;
  /** What `proc_exit` was last called with. */
  readonly exitCode: number | undefined;
  readonly clock: ClockState;
}
