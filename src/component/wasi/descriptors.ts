/** The end of descriptors of preview 1: streams and listings outlive the descriptor that they are of. */

import type { OpenTable, OpenThing } from './open-things.ts';
import { RECORD_AT, type Preview1 } from './preview1.ts';

/** The guest has let go of a descriptor. */
export function closeDescriptor(p1: Preview1, table: OpenTable, fd: number): void {
  // A component asks for preopened directories as often as it likes, and each time has handles of its own.
  if (p1.try('fd_prestat_get', fd, RECORD_AT) === 0) return;
  if (isUsed(table, fd)) table.add({ kind: 'descriptor', fd });
  else p1.try('fd_close', fd);
}

/** The guest has let go of a stream or a listing. */
export function closeStream(p1: Preview1, table: OpenTable, rep: number): void {
  const fd = fdOf(table.find(rep));
  table.close(rep);
  if (fd === undefined || isUsed(table, fd)) return;
  for (const [number, thing] of table.entries()) {
    if (thing.kind !== 'descriptor' || thing.fd !== fd) continue;
    table.close(number);
    p1.try('fd_close', fd);
    return;
  }
}

function isUsed(table: OpenTable, fd: number): boolean {
  for (const thing of table.values()) if (fdOf(thing) === fd) return true;
  return false;
}

function fdOf(thing: OpenThing | undefined): number | undefined {
  const isStream = thing?.kind === 'input' || thing?.kind === 'output' || thing?.kind === 'listing';
  return isStream ? thing.fd : undefined;
}
