/**
 * What the glue remembers beyond what is captured (I8): nothing, once a call has ended. Every variable of jco's runtime is looked
 * at after calls of several machines that take turns on one core: it is as it was before the first.
 */

import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { buildComponent } from '../../src/component/build.ts';
import type { GlueSource } from '../../src/component/glue-source.ts';
import { Host } from '../../src/index.ts';
import { componentOf, COUNTER_WAT, COUNTER_WIT } from './components.ts';
import { HTTP_WAT, HTTP_WIT } from './http-guest.ts';

/** Declarations of the runtime that can hold something, as glue-source.ts has them of jco 1.35; of functions only statics. */
const VARIABLES = `dv RESOURCE_SCOPE_TASKS curResourceBorrows ASYNC_TASKS_BY_COMPONENT_IDX ASYNC_CURRENT_COMPONENT_IDXS
  ASYNC_CURRENT_TASK_IDS ASYNC_STATE INSTANCE_FLAGS STORE_TRAP STORE_ASYNC_STATE GLOBAL_COMPONENT_MEMORY_MAP
  CURRENT_TASK_META CURRENT_TASK_MAY_BLOCK`.split(/\s+/);

type Peek = () => Record<string, unknown>;

/** The runtimes that were evaluated, in order: a function is added to the glue that gives what its variables hold. */
const peeks = vi.hoisted((): Peek[] => {
  const made: Peek[] = [];
  Object.defineProperty(Object, 'fargoPeeks', { value: made });
  return made;
});

vi.mock('../../src/component/glue-source.ts', async (original) => {
  const actual = await original<{ readGlue(text: string): GlueSource }>();
  return {
    ...actual,
    readGlue(text: string): GlueSource {
      const source = actual.readGlue(text);
      const declared = VARIABLES.filter((name) => new RegExp(`^ *(const|let|var) ${name}\\b`, 'm').test(source.body));
      const body = source.body.replace(
        /^\$fargo\(/m,
        `Object.fargoPeeks.push(() => ({ ${declared.join(', ')} }));\n$fargo(`,
      );
      if (body === source.body) throw new Error('the glue has no place to look from');
      return { ...source, body };
    },
  };
});

let host: Host;
beforeAll(async () => {
  host = await Host.create({ idleCores: 1, spareCores: 0 });
});
afterAll(() => host.dispose());

/** As text, so that two states can be compared: what objects of the runtime say of themselves by their methods too. */
function described(value: unknown, depth = 0): unknown {
  if (depth > 6) return '…';
  if (value instanceof Map)
    return ['Map', ...[...value].map(([key, each]) => [String(key), described(each, depth + 1)])];
  if (value instanceof Set) return ['Set', ...[...value].map((each) => described(each, depth + 1))];
  if (Array.isArray(value)) return value.map((each) => described(each, depth + 1));
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? 'a function' : value;
  const of = value.constructor?.name;
  if (of === 'ComponentAsyncState') {
    const state = value as { [name: string]: () => unknown } & {
      handles: { size(): number };
      subtasks: { size(): number };
    };
    return {
      of,
      handles: state.handles.size(),
      subtasks: state.subtasks.size(),
      mayLeave: state['mayLeave'],
      errored: state['errored']!(),
      locked: state['isExclusivelyLocked']!(),
      calling: state['callingSyncImport']!(),
      suspended: [...(state['suspendedTaskMetas']!() as Iterable<unknown>)].length,
    };
  }
  if (of === 'GlueGlobal') return { of, value: (value as { value: unknown }).value };
  if (of !== 'Object') return of;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, described(each, depth + 1)]));
}

/** Of the glue that was evaluated last: that of the one core. Handles are captured, and tested elsewhere. */
function state(): Record<string, unknown> {
  return described(peeks.at(-1)!()) as Record<string, unknown>;
}

test('tasks, borrows, flags and traps are gone with the call', async () => {
  const image = await buildComponent(host, await componentOf(COUNTER_WIT, COUNTER_WAT), { imports: { log() {} } });
  const a = await image.boot();
  const b = await image.boot();
  const work = [
    () => a.exports.bump(1),
    () => b.exports.echo('text'),
    () => a.exports.divide(1, 0),
    () => b.exports.divide(4, 2),
    () => a.exports.crash(),
    () => b.exports.store.swallow(new b.exports.store.Item(3)),
    () => a.exports.store.make(Uint32Array.of(1, 2, 3)),
    () => a.exports.store.Item.sum(new a.exports.store.Item(1), new a.exports.store.Item(2)),
    () => b.exports.bump('wrong'),
    () => new b.exports.store.Item(1).dispose(),
  ];
  const run = (): void => {
    for (const each of work) {
      try {
        each();
      } catch {
        // Some are to fail.
      }
    }
  };
  run();
  const first = state();
  expect(first).toMatchObject({
    ASYNC_CURRENT_TASK_IDS: [],
    ASYNC_CURRENT_COMPONENT_IDXS: [],
    RESOURCE_SCOPE_TASKS: ['Map'],
    STORE_TRAP: { error: null },
  });
  expect((first['ASYNC_STATE'] as unknown[]).length).toBeGreaterThan(1);
  expect((first['ASYNC_TASKS_BY_COMPONENT_IDX'] as unknown[]).length).toBeGreaterThan(1);
  for (let round = 0; round < 50; round++) {
    for (const each of work) {
      try {
        each();
      } catch {
        // As before.
      }
      const now = state();
      // What was called first decides which entries there are; none holds anything.
      expect(now['ASYNC_CURRENT_TASK_IDS'], String(each)).toEqual([]);
      expect(now['RESOURCE_SCOPE_TASKS'], String(each)).toEqual(['Map']);
      expect(now['STORE_TRAP'], String(each)).toEqual({ error: null });
      expect(now['curResourceBorrows'] ?? [], String(each)).toEqual([]);
      for (const [, tasks] of (now['ASYNC_TASKS_BY_COMPONENT_IDX'] as [string, unknown[]][]).slice(1)) {
        expect(tasks, String(each)).toEqual([]);
      }
      for (const [, one] of (now['ASYNC_STATE'] as [string, Record<string, unknown>][]).slice(1)) {
        expect(one, String(each)).toMatchObject({
          handles: 0,
          mayLeave: true,
          errored: false,
          locked: false,
          suspended: 0,
        });
        expect(one['subtasks'], String(each)).toBe(0);
      }
    }
  }
  expect(state()).toEqual(first);
  for (const each of [a, b]) each.dispose();
  image.dispose();
});

test('as with hundreds of imports in a call', async () => {
  const image = await buildComponent(host, await componentOf(HTTP_WIT, HTTP_WAT), { http: () => ({ body: 'x' }) });
  const vm = await image.boot();
  vm.handle({ url: '/fetch' });
  const first = state();
  for (let i = 0; i < 200; i++) vm.handle({ url: i % 2 === 0 ? '/fetch' : '/' });
  expect(state()).toEqual(first);
  vm.dispose();
  image.dispose();
});
