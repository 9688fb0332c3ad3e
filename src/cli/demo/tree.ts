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
    ...drawn(members, null, '').map(({ branch, member }) => [
      `${dim(branch)}${nameOf(member)} ${member.did}`,
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

function nameOf({ id, machines }: Member): string {
  return machines === 1 ? `#${id}` : `${formatCount(machines)} like #${id}`;
}

interface Line {
  readonly branch: string;
  readonly member: Member;
}

/** Members below `parent`, depth first. */
function drawn(members: readonly Member[], parent: number | null, before: string): Line[] {
  const children = members.filter((each) => each.parent === parent);
  return children.flatMap((member, index) => {
    const last = index === children.length - 1;
    const isRoot = parent === null;
    const branch = isRoot ? '' : `${before}${last ? '└─ ' : '├─ '}`;
    const below = isRoot ? '' : `${before}${last ? '   ' : '│  '}`;
    return [{ branch, member }, ...drawn(members, member.id, below)];
  });
}
