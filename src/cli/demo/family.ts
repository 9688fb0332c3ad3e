/** Children of children, and what each of them holds. */

import { PAGE_BYTES } from '../../base/units.ts';
import type { Host } from '../../component/host.ts';
import type { Machine } from '../../machine/machine.ts';
import type { Snapshot } from '../../machine/snapshot.ts';
import { check } from './timed.ts';

/** A machine, or many that are alike. */
export interface Member {
  readonly id: number;
  readonly parent: number | null;
  /** How many machines this line is of. */
  readonly machines: number;
  readonly did: string;
  /** Pages that differ from those at birth. */
  readonly pagesWritten: number;
  /** Pages that no other machine or snapshot holds; pages that others hold too. */
  readonly ownPages: number;
  readonly sharedPages: number;
}

export interface Family {
  /** Parents before their children. */
  readonly members: readonly Member[];
  readonly machines: number;
  /** Memories of all, as if each were a copy; and what the host counts for them. */
  readonly asCopiesBytes: number;
  readonly heldBytes: number;
}

interface Root {
  readonly vm: Machine;
  readonly template: Snapshot;
  /** Children that are alike: one line. */
  readonly children: readonly Machine[];
}

/** Grows a family beside the children that are there, and looks at it. All but the root are disposed at the end. */
export function growFamily(host: Host, { vm, template, children }: Root): Family {
  const born: { machine: Machine; parent: Machine; birth: Snapshot; did: string; machines: number }[] = [];
  const birth = (parent: Machine, from: Snapshot, did: string, work: (child: Machine) => void): Machine => {
    const machine = from.fork();
    work(machine);
    born.push({ machine, parent, birth: from, did, machines: 1 });
    return machine;
  };
  const snapshots: Snapshot[] = [];
  const warmed = (machine: Machine): Snapshot => {
    const snapshot = machine.snapshot();
    snapshots.push(snapshot);
    return snapshot;
  };

  const first = birth(vm, template, 'changed 2,000 keys', put(0, 2_000));
  const ofFirst = warmed(first);
  const second = birth(first, ofFirst, 'changed 5 more', put(2_000, 5));
  birth(second, warmed(second), 'nothing yet', () => {});
  birth(first, ofFirst, 'changed 5 of the same', put(0, 5));
  birth(vm, template, 'only looked', (child) => void child.call('lookup', 7));
  const [alike] = children;
  if (alike !== undefined) {
    born.push({
      machine: alike,
      parent: vm,
      birth: template,
      did: 'changed a key each',
      machines: children.length,
    });
  }

  const written = born.map(({ machine, birth: from }) => machine.pagesSince(from).length);
  for (const snapshot of snapshots) snapshot.dispose();
  const members: Member[] = [
    { id: vm.id, parent: null, machines: 1, did: 'is warm', pagesWritten: 0, ...pagesOf(vm) },
    ...born.map(({ machine, parent, did, machines }, index) => ({
      id: machine.id,
      parent: parent.id,
      machines,
      did,
      pagesWritten: written[index]!,
      ...pagesOf(machine),
    })),
  ];
  const machines = [...host.machines()];
  check(machines.length === members.reduce((sum, each) => sum + each.machines, 0), 'the tree has all machines');
  const family = {
    members,
    machines: machines.length,
    asCopiesBytes: machines.reduce((sum, each) => sum + each.memory.byteLength, 0),
    heldBytes: host.usage().totalBytes,
  };
  for (const { machine } of born) machine.dispose();
  for (const child of children) child.dispose();
  return family;
}

/** Changes `count` keys. */
function put(from: number, count: number): (child: Machine) => void {
  return (child) => {
    for (let key = from; key < from + count; key++) child.call('put', key, -1);
  };
}

function pagesOf(machine: Machine): { ownPages: number; sharedPages: number } {
  const { ownBytes, sharedBytes } = machine.usage();
  return { ownPages: ownBytes / PAGE_BYTES, sharedPages: sharedBytes / PAGE_BYTES };
}
