/** A family as a tree of text. */

import type { Colours } from '../colour.ts';
import { formatBytes, formatCount, formatRatio, plural } from '../format.ts';
import { formatTable } from '../table.ts';
import type { Family, Member } from './family.ts';

/** The tree, a line a member, with what each holds; and what all hold together. */
export function familyTree(family: Family, { bold, dim }: Colours): string[] {
  const { members, machines, asCopiesBytes, heldBytes } = family;
  const rows = [
    [dim('pages of 4 KiB'), dim('wrote'), dim('alone'), dim('shares')],
    ...drawn(members, { of: null, before: '', name: '' }).map(({ branch, name, member }) => [
      `${dim(branch)}${name} ${member.did}`,
      formatCount(member.pagesWritten),
      formatCount(member.ownPages),
      formatCount(member.sharedPages),
    ]),
  ];
  return [
    ...formatTable(rows, ['left', 'right', 'right', 'right']),
    `${bold(`${plural(machines, 'machine')} hold ${formatBytes(heldBytes)}.`)} Copies would hold ` +
      `${formatBytes(asCopiesBytes)}: ${formatRatio(asCopiesBytes / heldBytes)} as much.`,
  ];
}

interface Line {
  readonly branch: string;
  readonly name: string;
  readonly member: Member;
}

interface Place {
  /** The id of the machine whose children these are. */
  readonly of: number | null;
  /** What stands before their branches. */
  readonly before: string;
  readonly name: string;
}

/** Members below a place, depth first. A child is called by its parent's name and a number: 1.2 is the second child of 1. */
function drawn(members: readonly Member[], { of, before, name: above }: Place): Line[] {
  const children = members.filter((each) => each.parent === of);
  return children.flatMap((member, index) => {
    const isLast = index === children.length - 1;
    const isRoot = of === null;
    const branch = isRoot ? '' : `${before}${isLast ? '└─ ' : '├─ '}`;
    const below = isRoot ? '' : `${before}${isLast ? '   ' : '│  '}`;
    const own = isRoot ? '' : `${above === '' ? '' : `${above}.`}${index + 1}`;
    const name = isRoot ? 'the parent' : member.machines === 1 ? own : `${formatCount(member.machines)} more`;
    return [{ branch, name, member }, ...drawn(members, { of: member.id, before: below, name: own })];
  });
}
