/**
 * A process of its own for the memory of one way to run a handler: `handler-memory.js WAY`, with `--expose-gc`. Prints resident
 * bytes of each, with its table filled and after its first answer.
 */

import { residentBytes } from './support/resident.ts';
import { WAYS, type Created } from './support/handler-ways.ts';
import { ENTRIES } from './support/js-component.ts';

const way = WAYS[process.argv[2] ?? ''];
if (way === undefined) throw new Error(`there is no way ${String(process.argv[2])}`);
const create = await way.prepare(false);
const kept: Created[] = [await create(ENTRIES)];
const before = residentBytes();
for (let i = 0; i < way.many; i++) kept.push(await create(ENTRIES));
const elsewhere = kept.slice(1).reduce((sum, { elsewhereBytes = 0 }) => sum + elsewhereBytes, 0);
console.log(JSON.stringify((residentBytes() - before + elsewhere) / way.many));
for (const { end } of kept) end();
process.exit(0);
