/**
 * One handler in JavaScript in all the ways there are to run it apart: from nothing to the first answer, with its table filled
 * anew (which a fork has) and without, and the memory of each. Ways take turns. The clock is the processor time, that of
 * threads and child processes with it.
 */

import { execFileSync } from 'node:child_process';
import { figure, published, type Bench, type Context, type Result } from '../result.ts';
import { conditions, PROCESSOR_TIME } from '../support/conditions.ts';
import { KEY, SQUARE, WAYS, type Create, type Way } from '../support/handler-ways.ts';
import { processorMs } from '../support/interleave.ts';
import { CALLS, checkAnswer, ENTRIES } from '../support/js-component.ts';
import { placeOf } from '../support/places.ts';
import { median } from '../support/statistics.ts';

/** Forks of one round. */
const FORKS = 50;

interface Contender {
  readonly name: string;
  readonly way: Way;
  readonly create: Create;
  readonly filled: number[];
  readonly empty: number[];
}

export const handlers: Bench = {
  name: 'handlers',
  async run({ quick }: Context): Promise<Result[]> {
    const contenders: Contender[] = [];
    const missing: string[] = [];
    for (const [name, way] of Object.entries(WAYS)) {
      try {
        contenders.push({ name, way, create: await way.prepare(true), filled: [], empty: [] });
      } catch (error) {
        missing.push(`skipped: ${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    const count = quick ? 3 : 20;
    for (let round = 0; round < count + 2; round++) {
      for (const { name, way, create, filled, empty } of contenders) {
        const warm = await timed(name, create, way, ENTRIES);
        const cold = way.fills ? await timed(name, create, way, 0) : warm;
        if (round < 2) continue;
        filled.push(warm);
        empty.push(cold);
      }
    }
    const about = conditions(
      `table of ${ENTRIES} entries, ${count} rounds`,
      `asked for ${KEY}`,
      PROCESSOR_TIME,
      ...missing,
    );
    return contenders.flatMap(({ name, filled, empty }) => [
      published('P29', `${name}: first answer, table filled`, figure(median(filled), 'ms'), about),
      published('P29', `${name}: first answer, no table`, figure(median(empty), 'ms'), about),
      published('P29', `${name}: memory`, figure(memoryOf(name) / (1 << 20), 'MiB'), about),
    ]);
  },
};

/** Milliseconds from nothing to the first answer. */
async function timed(name: string, create: Create, { fills }: Way, entries: number): Promise<number> {
  const times = fills ? 1 : FORKS;
  let tookMs = 0;
  for (let i = 0; i < times; i++) {
    const began = processorMs();
    const made = create(entries);
    const { answer, elsewhereUs = 0, end } = made instanceof Promise ? await made : made;
    tookMs += processorMs() - began + elsewhereUs / 1000;
    const count = fills ? 1 : CALLS + 1;
    checkAnswer(name, answer, { count, square: entries > 0 || !fills ? SQUARE : undefined });
    end();
  }
  return tookMs / times;
}

/** Resident bytes of each, measured in a process that has done nothing else. */
function memoryOf(name: string): number {
  const script = placeOf('dist-bench/handler-memory.js');
  const text = execFileSync(process.execPath, ['--expose-gc', script, name], { encoding: 'utf8' });
  return JSON.parse(text.trimEnd().split('\n').at(-1)!) as number;
}
