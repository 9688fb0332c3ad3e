/** The guest that works on files (guests/assembly/files.ts), as a machine; `plain-files.ts` has it under `node:wasi`. */

import type { Host, Machine } from 'fargo-wasm';
import { guestBytes } from './places.ts';

export const BLOCK_BYTES = 4096;
const MIB = 1 << 20;
const PIECE_BYTES = 64 * 1024;
/** `creat` and `trunc` of `oflags`. */
const CREATE = 1 | 8;

/** What both have: calls of exports, and the buffer. */
export interface FilesGuest {
  call(name: string, ...args: (number | bigint)[]): unknown;
  /** Puts text where the guest's buffer begins: its length. */
  put(text: string): number;
}

/** As a machine with an empty disk. `storedBytes`: its quota. */
export async function filesMachine(host: Host, storedBytes: number): Promise<Machine & FilesGuest> {
  const image = await host.build(guestBytes('files'), { wasi: { files: {}, limits: { storedBytes } } });
  const vm = await image.boot();
  const put = (text: string): number => {
    const bytes = new TextEncoder().encode(text);
    vm.memory.write(vm.call('buffer') as number, bytes);
    return bytes.length;
  };
  return Object.assign(vm, { put });
}

/** Opens a file, or makes it anew: its descriptor. */
export function openFile(guest: FilesGuest, name: string, anew: boolean): number {
  const fd = guest.call('open', guest.put(name), anew ? CREATE : 0, 0) as number;
  if (fd < 0) throw new Error(`"${name}" could not be opened: errno ${-fd}`);
  return fd;
}

/** Writes a file of which no block is zero: its descriptor, which stays open. */
export function makeFile(guest: FilesGuest, name: string, mib: number): number {
  const fd = openFile(guest, name, true);
  guest.call('fill', 7);
  const written = guest.call('writeAll', fd, PIECE_BYTES, (mib * MIB) / PIECE_BYTES);
  if (written !== BigInt(mib * MIB)) throw new Error(`${String(written)} bytes of ${mib} MiB were written`);
  return fd;
}
