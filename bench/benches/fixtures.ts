/**
 * A migrated database of 100 tables for each of 1,000 tests: forked from one that was set up once, against the same set-up
 * for every test, and what else is used for that. Set-up is all that a test pays before and after its own work, up to the
 * first answer of its database, since a fork leaves work to its first call. The ratio counts the template's own set-up, cold,
 * and not the guest's image, which both ways need once.
 *
 * Ways that wait for nothing take turns; PGlite, which is asynchronous, runs after them in the same process.
 */

import { Host } from 'fargo-wasm';
import { figure, held, published, type Bench, type Context, type Result } from '../result.ts';
import { conditions, PROCESSOR_TIME } from '../support/conditions.ts';
import { interleave, processorMs, settle, type Contender } from '../support/interleave.ts';
import { otherPackage, type Other } from '../support/other-package.ts';
import { example, sqliteGuest, type BetterSqlite3, type PGlite, type SqlJs } from '../support/sqlite.ts';
import { median } from '../support/statistics.ts';

const TESTS = 1000;
/** Copies of files, in one round. */
const TIMES = 20;
const FIRST = 'SELECT count(*) FROM t7';

interface Way {
  readonly name: string;
  readonly contender: Contender;
}

export const fixtures: Bench = {
  name: 'fixtures',
  async run({ quick }: Context): Promise<Result[]> {
    const guest = await sqliteGuest();
    if ('missing' in guest) throw new Error(`skipped: ${guest.missing}`);
    const { BUILD, Database, migrated, MIGRATION, TABLES } = await example();
    const host = await Host.create();
    const beganBuild = processorMs();
    const image = await host.build(guest.bytes, BUILD);
    const began = processorMs();
    const parent = migrated(image);
    const templateMs = processorMs() - began;
    const warm = parent.snapshot();

    // A host of its own, as in a run of tests that does nothing else: its machines leave no core behind that forks could use.
    const freshHost = await Host.create();
    const freshImage = await freshHost.build(guest.bytes, BUILD);

    let [first, firstFresh] = ['', ''];
    const forked = (): void => {
      const child = warm.fork();
      first = new Database(child).run(FIRST);
      child.dispose();
    };
    const fresh = (): void => {
      const vm = migrated(freshImage);
      firstFresh = new Database(vm).run(FIRST);
      vm.dispose();
    };
    const [others, missing] = await otherWays(MIGRATION, !quick);
    const ways: readonly Way[] = [
      { name: 'fork', contender: { times: TESTS, work: () => repeat(TESTS, forked) } },
      { name: 'fresh: boot, open, migrate', contender: { work: fresh } },
      ...others,
    ];
    settle(
      ways.map(({ contender }) => contender),
      { blockMs: quick ? 200 : 1000, mostMs: quick ? 3000 : 20_000 },
    );
    const samples = interleave(
      ways.map(({ contender }) => contender),
      { count: quick ? 5 : 30, warmUp: 1 },
    );
    if (!/^\d+$/.test(first) || first !== firstFresh) throw new Error(`first answers: ${first} and ${firstFresh}`);
    const [ours, freshMs] = [median(samples[0]!), median(samples[1]!)];
    const pglite = await pgliteWays(MIGRATION, { count: quick ? 1 : 5, mayInstall: !quick });
    const child = warm.fork();
    new Database(child).run(FIRST);
    const kib = Math.round(child.usage().ownBytes / 1024);
    freshHost.dispose();
    host.dispose();

    const skipped = [...missing, ...('missing' in pglite ? [pglite.missing] : [])].map((each) => `skipped: ${each}`);
    const about = conditions(
      `${TABLES} tables, an index each; ${kib} KiB written by a child`,
      PROCESSOR_TIME,
      ...skipped,
    );
    const beside = (name: string, ms: number): Result[] => [
      published('P25', `${name}, each`, figure(ms * 1000, 'µs'), about),
      published('P25', `${name}, times as long as a fork`, figure(ms / ours, 'times'), about),
    ];
    return [
      held('P25', `${TESTS} tests`, (TESTS * freshMs) / (templateMs + TESTS * ours), about),
      published('P25', 'set-up of the template, cold', figure(templateMs, 'ms'), about),
      published('P25', 'build of the image', figure(began - beganBuild, 'ms'), about),
      published('P25', 'fork, first answer, dispose, each', figure(ours * 1000, 'µs'), about),
      ...ways.slice(1).flatMap(({ name }, index) => beside(name, median(samples[index + 1]!))),
      ...('missing' in pglite ? [] : pglite.flatMap(({ name, ms }) => beside(name, ms))),
    ];
  },
};

function repeat(times: number, work: () => void): void {
  for (let i = 0; i < times; i++) work();
}

/** SQLite by others, in memory: migrated anew, and copied from a migrated one, which is as old a trick. */
async function otherWays(migration: string, mayInstall: boolean): Promise<[Way[], string[]]> {
  const ways: Way[] = [];
  const missing: string[] = [];
  const better = otherPackage(
    { folder: 'databases', name: 'better-sqlite3', wanted: 'better-sqlite3@12', mayInstall },
    (module) => module as BetterSqlite3,
  );
  if ('missing' in better) missing.push(better.missing);
  else {
    const Better = better.value;
    const template = new Better(':memory:');
    template.exec(migration);
    const file = template.serialize();
    const use = (from: string | Buffer, statements: string): void => {
      const database = new Better(from);
      database.exec(statements);
      database.prepare(FIRST).get();
      database.close();
    };
    ways.push({ name: 'better-sqlite3 :memory:, migrate', contender: { work: () => use(':memory:', migration) } });
    const copies = (): void => repeat(TIMES, () => use(file, ''));
    ways.push({ name: 'better-sqlite3, copy of the file', contender: { times: TIMES, work: copies } });
  }
  const sqlJs = otherPackage(
    { folder: 'databases', name: 'sql.js', wanted: 'sql.js@1', mayInstall },
    (module) => module as SqlJs,
  );
  if ('missing' in sqlJs) missing.push(sqlJs.missing);
  else {
    const SQL = await sqlJs.value();
    const template = new SQL.Database();
    template.exec(migration);
    const file = template.export();
    const use = (from: Uint8Array | undefined, statements: string): void => {
      const database = new SQL.Database(from);
      database.exec(statements + FIRST);
      database.close();
    };
    ways.push({ name: 'sql.js, migrate', contender: { work: () => use(undefined, migration) } });
    const copies = (): void => repeat(TIMES, () => use(file, ''));
    ways.push({ name: 'sql.js, copy of the file', contender: { times: TIMES, work: copies } });
  }
  return [ways, missing];
}

async function pgliteWays(
  migration: string,
  { count, mayInstall }: { readonly count: number; readonly mayInstall: boolean },
): Promise<{ readonly name: string; readonly ms: number }[] | { readonly missing: string }> {
  const found: Other<new () => PGlite> = otherPackage(
    { folder: 'databases', name: '@electric-sql/pglite', wanted: '@electric-sql/pglite@0.5', mayInstall },
    (module) => (module as { readonly PGlite: new () => PGlite }).PGlite,
  );
  if ('missing' in found) return found;
  const Pg = found.value;
  const fresh = async (): Promise<void> => {
    const database = new Pg();
    await database.waitReady;
    await database.exec(migration);
    await ended(database);
  };
  try {
    const template = new Pg();
    await template.waitReady;
    await template.exec(migration);
    const times = [
      { name: 'PGlite, new, migrate', ms: await timed(count, fresh) },
      { name: 'PGlite, clone', ms: await timed(count, async () => ended(await template.clone())) },
    ];
    await template.close();
    return times;
  } catch (error) {
    return { missing: `PGlite fails: ${error instanceof Error ? error.message : String(error)}` };
  }
}

async function ended(database: PGlite): Promise<void> {
  await database.exec(FIRST);
  await database.close();
}

/** Median of the processor time, after one that does not count. */
async function timed(count: number, work: () => Promise<void>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i <= count; i++) {
    const began = processorMs();
    await work();
    if (i > 0) times.push(processorMs() - began);
  }
  return median(times);
}
