/**
 * SQLite on a machine's disk: a database that is warmed in the parent and forked. Each child's transactions are its own,
 * and a crash in the middle of one is undone, by the machine or, where that keeps what was written, by SQLite itself.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callWithText, filesOf, Host, TrapError, type Image, type Machine, type Snapshot } from '../../src/index.ts';
import { sqliteGuest } from '../../guests/sqlite.mjs';

const guest = sqliteGuest();
const ROWS = 5000;
const CHILDREN = 12;

function run(vm: Machine, statements: string): string {
  const code = callWithText(vm, 'run', statements);
  const printed = vm.memory.readCString(vm.call('printed') as number);
  if (code !== 0) throw new Error(`${statements}: ${String(code)}, ${printed}`);
  return printed.trimEnd();
}

const SUMMARY = 'PRAGMA integrity_check; SELECT count(*), sum(n) FROM t';
const SUM = (ROWS * (ROWS + 1)) / 2;

describe.skipIf('missing' in guest)('missing' in guest ? `SQLite: SKIPPED, ${guest.missing}` : 'SQLite', () => {
  let host: Host;
  let image: Image;
  let parent: Machine;
  let warm: Snapshot;

  function boot(options: Parameters<Image['bootSync']>[0] = {}): Machine {
    const vm = image.bootSync(options);
    expect(callWithText(vm, 'open', '/data/main.db')).toBe(0);
    run(vm, 'CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, n INT); CREATE INDEX by_n ON t(n)');
    run(
      vm,
      `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < ${ROWS})
       INSERT INTO t SELECT x, 'name ' || x, x FROM c`,
    );
    return vm;
  }

  beforeAll(async () => {
    host = await Host.create();
    image = await host.build('bytes' in guest ? guest.bytes : new Uint8Array(0), {
      name: 'sqlite',
      wasi: { files: { data: {} } },
    });
    parent = boot();
    warm = parent.snapshot();
  });

  afterAll(() => {
    expect(host.audit().faults).toEqual([]);
    host.dispose();
  });

  test("each child's transactions are its own", () => {
    const whole = filesOf(warm).usage().storedBytes;
    const children = warm.fork(CHILDREN);
    for (const [i, vm] of children.entries()) {
      run(
        vm,
        `BEGIN; UPDATE t SET n = n + 1000 WHERE id = ${i + 7}; INSERT INTO t(name, n) VALUES('${i}', ${i}); COMMIT`,
      );
      run(vm, `DELETE FROM t WHERE id = ${ROWS - i}`);
    }
    for (const [i, vm] of children.entries()) {
      expect(run(vm, SUMMARY)).toBe(`ok\n${ROWS}|${SUM + 1000 + i - (ROWS - i)}`);
      const { disk } = vm.usage();
      expect(disk.ownBytes).toBeLessThan(whole / 4);
      expect(disk.sharedBytes).toBeGreaterThan(whole / 2);
    }
    expect(run(parent, SUMMARY)).toBe(`ok\n${ROWS}|${SUM}`);
    for (const vm of children) vm.dispose();
  });

  test('a child that crashes in the middle of a transaction is as it was before', () => {
    const vm = warm.fork();
    run(vm, 'DELETE FROM t WHERE id > 1000');
    const before = run(vm, SUMMARY);
    const crashing = (): void =>
      vm.transaction(() => {
        run(vm, `BEGIN; UPDATE t SET n = -1; DELETE FROM t WHERE id < 500`);
        vm.call('crash');
      });
    expect(crashing).toThrowError(TrapError);
    expect(run(vm, SUMMARY)).toBe(before);
    expect(filesOf(vm).list('/data')).toMatchObject([{ name: 'main.db' }]);
    run(vm, 'INSERT INTO t(name, n) VALUES(1, 2)');
    expect(run(vm, SUMMARY)).toBe(`ok\n1001|${500_500 + 2}`);
    vm.dispose();
  });

  test('where a crash keeps what was written, SQLite rolls its journal back', () => {
    const vm = boot({ onTrap: 'keep' });
    // A cache of few pages: changes reach the file before they are committed.
    run(vm, 'PRAGMA cache_size = 5; PRAGMA cache_spill = 5; BEGIN; UPDATE t SET n = -1, name = name || name');
    expect(vm.tryCall('crash')).toMatchObject({ kind: 'trap' });
    // The lock is a directory: without `fcntl` SQLite locks so.
    const left = ['main.db', 'main.db.lock', 'main.db-journal'];
    expect(filesOf(vm).list('/data')).toMatchObject(left.map((name) => ({ name })));
    // Forked with the journal in it: each of them recovers by itself.
    for (const each of [...vm.fork(3), vm]) {
      filesOf(each).remove('/data/main.db.lock');
      expect(callWithText(each, 'open', '/data/main.db')).toBe(0);
      expect(run(each, SUMMARY)).toBe(`ok\n${ROWS}|${SUM}`);
      expect(filesOf(each).list('/data')).toMatchObject([{ name: 'main.db' }]);
      each.dispose();
    }
  });

  test('a database goes out and in again', () => {
    const bytes = filesOf(warm).read('/data/main.db');
    const vm = image.bootSync();
    filesOf(vm).write('/data/copy.db', bytes);
    expect(callWithText(vm, 'open', '/data/copy.db')).toBe(0);
    expect(run(vm, SUMMARY)).toBe(`ok\n${ROWS}|${SUM}`);
    vm.dispose();
  });
});
