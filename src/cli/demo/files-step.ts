/** Files that fork: a guest that writes them through WASI, and what its child then holds. */

import type { FileChange } from '../../devices/index.ts';
import { diffFiles } from '../../host/export.ts';
import { filesOf } from '../../host/files.ts';
import type { Machine } from '../../machine/machine.ts';
import { loadOwnGuest } from '../load-module.ts';
import { openGuest } from '../open-guest.ts';
import { CALL_BUDGET } from '../options.ts';
import { check, timed } from './timed.ts';

const LARGE_BYTES = 16 << 20;
const LARGE = 'table.bin';
const NOTES = 'notes.txt';
const REPORT = 'report.txt';
const CREATE = 1;

export interface FilesStep {
  readonly guest: string;
  /** Of the large file, of which the child changes some bytes in the middle. */
  readonly largeBytes: number;
  readonly changes: readonly FileChange[];
  readonly us: number;
  /** What the child holds of its disk alone. */
  readonly ownBytes: number;
}

export async function changeFiles(): Promise<FilesStep> {
  const module = await loadOwnGuest('files');
  const contents = new Uint8Array(LARGE_BYTES).fill(7);
  const files = { [LARGE]: contents, [NOTES]: 'written before the fork\n' };
  const { host, image, limits } = await openGuest(module, {}, { budget: CALL_BUDGET, wasi: { files } });
  try {
    const parent = image.bootSync({ limits }).snapshot();
    const child = parent.fork();
    writeInto(child, { path: LARGE, position: LARGE_BYTES / 2, text: 'a child was here' });
    writeInto(child, { path: REPORT, position: 0, text: 'all is well\n' });
    child.call('remove', nameOf(child, NOTES));

    const [ms, changes] = timed(() => diffFiles(child, parent));
    const before = filesOf(parent);
    check(before.readText(`/${NOTES}`) === 'written before the fork\n', "the parent's notes are as they were");
    check(sameBytes(before.read(`/${LARGE}`), contents), "the parent's large file is as it was");
    const { ownBytes } = child.usage().disk;
    return { guest: module.name, largeBytes: LARGE_BYTES, changes, us: ms * 1000, ownBytes };
  } finally {
    host.dispose();
  }
}

interface Write {
  readonly path: string;
  readonly position: number;
  readonly text: string;
}

/** Through the guest's own functions: guests/assembly/files.ts. */
function writeInto(vm: Machine, { path, position, text }: Write): void {
  const file = vm.call('open', nameOf(vm, path), CREATE, 0) as number;
  check(file >= 0, `the guest can open ${path}`);
  const bytes = new TextEncoder().encode(text);
  vm.memory.write(vm.call('buffer') as number, bytes);
  check(vm.call('write', file, BigInt(position), 0, bytes.length) === bytes.length, `the guest can write ${path}`);
  vm.call('close', file);
}

/** Lays a name into the guest's buffer: its length. */
function nameOf(vm: Machine, path: string): number {
  const bytes = new TextEncoder().encode(path);
  vm.memory.write(vm.call('buffer') as number, bytes);
  return bytes.length;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
