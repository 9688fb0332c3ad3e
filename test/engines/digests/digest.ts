/** Everything that a machine is, as one SHA-256: memories, registers, tables, files, output. */

import { filesOf, type Machine, type MachineFiles } from '../../../src/index.ts';
import type { Reference } from '../../../src/machine/tables.ts';

const encoder = new TextEncoder();

/** Pieces of bytes, each with its name and length before it, so that no two lists read alike. */
export class Digest {
  readonly #pieces: Uint8Array[] = [];

  add(name: string, bytes: Uint8Array | string): this {
    const given = typeof bytes === 'string' ? encoder.encode(bytes) : bytes;
    this.#pieces.push(encoder.encode(`${name} ${given.length}\n`), given);
    return this;
  }

  async hex(): Promise<string> {
    const whole = new Uint8Array(this.#pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    const digest = new Uint8Array(await crypto.subtle!.digest('SHA-256', whole));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }
}

/** Adds all that a machine is. Its output is taken. */
export function addMachine(digest: Digest, machine: Machine): void {
  const { program } = machine;
  program.memories.forEach(({ unit, index }) => {
    const door = machine.memoryOf(unit, index);
    digest.add('memory', door.read(0, door.byteLength));
  });
  const { registers, tables } = machine.settle();
  for (const words of registers) {
    digest.add('registers', new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
  }
  digest.add(
    'tables',
    JSON.stringify(tables, (_key, value: unknown) => described(value)),
  );
  if (program.devices.some(({ name }) => name === 'wasi')) addFiles(digest, filesOf(machine), '/');
  for (const { stream, bytes } of machine.takeOutput()) digest.add(stream, bytes);
}

/** Host references are numbers and texts in these scenes; a function is where it stands. */
function described(value: unknown): unknown {
  const reference = value as Reference;
  if (reference === null || typeof reference !== 'object' || !('kind' in reference)) return value;
  return reference.kind === 'host'
    ? `host ${String(reference.value)}`
    : `function ${reference.unit}:${reference.index}`;
}

function addFiles(digest: Digest, files: MachineFiles, path: string): void {
  for (const { name, kind } of files.list(path)) {
    const inner = path === '/' ? `/${name}` : `${path}/${name}`;
    if (kind === 'directory') addFiles(digest.add(inner, ''), files, inner);
    else if (kind === 'symlink') digest.add(inner, files.readLink(inner));
    else if (kind === 'file') digest.add(inner, files.read(inner));
  }
}
