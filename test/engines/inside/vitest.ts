/**
 * What test files import as `vitest`, for engines that vitest does not run on: the part of its interface that they use,
 * over vitest's own `expect` (chai with its matchers), so that an expectation means the same everywhere.
 *
 * A file is imported while `collect` listens; its tests are then run one after another, each hook where vitest has it.
 * There are no time limits here: who started the engine has one.
 */

import {
  addCustomEqualityTesters,
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  ChaiStyleAssertions,
  customMatchers,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from 'vitest:expect';
import { restoreAllMocks, spyOn } from 'vitest:spy';

for (const plugin of [JestExtend, ChaiStyleAssertions, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);

const expectation = (value: unknown, message?: string): unknown => chai.expect(value, message);
export const expect = Object.assign(expectation, chai.expect, globalThis[ASYMMETRIC_MATCHERS_OBJECT as never], {
  fail: (message?: string): never => {
    throw new chai.AssertionError(message ?? 'expect.fail()');
  },
  unreachable: (message?: string): never => {
    throw new chai.AssertionError(message ?? 'expected not to be reached');
  },
});
// JestExtend adds it, and the types of chai do not say so.
type Extensible = typeof chai.expect & { extend(expect: object, matchers: object): void };
(chai.expect as Extensible).extend(expect, customMatchers);
addCustomEqualityTesters([]);
setState({ assertionCalls: 0, isExpectingAssertions: false, expectedAssertionsNumber: null }, expect);

type Work = (...args: never[]) => unknown;
type Hook = 'beforeAll' | 'afterAll' | 'beforeEach' | 'afterEach';

interface Test {
  readonly name: string;
  /** Undefined for a test that is skipped. */
  readonly work: Work | undefined;
  readonly args: readonly unknown[];
}

/** Ends a test that finds out that it is not for this engine. */
class Skipped extends Error {}

const CONTEXT = {
  skip: (condition: unknown = true): void => {
    if (condition) throw new Skipped();
  },
};

class Group {
  readonly name: string;
  readonly skipped: boolean;
  readonly children: (Group | Test)[] = [];
  readonly hooks: Record<Hook, Work[]> = { beforeAll: [], afterAll: [], beforeEach: [], afterEach: [] };

  constructor(name: string, skipped: boolean) {
    this.name = name;
    this.skipped = skipped;
  }
}

/** How a test ended. `skipped`: by its own condition. */
export interface Ended {
  readonly name: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly ms: number;
  readonly error?: string;
}

let current = new Group('', false);
/** Bodies of groups that have not run yet. */
const bodies: { readonly group: Group; readonly run: () => unknown }[] = [];

/** Imports a test file and takes what it declares. */
export async function collect(load: () => Promise<unknown>): Promise<Group> {
  const root = (current = new Group('', false));
  await load();
  for (let open = bodies.shift(); open !== undefined; open = bodies.shift()) {
    current = open.group;
    // What is declared within comes before what was declared after it.
    const after = bodies.splice(0);
    await open.run();
    bodies.push(...after);
  }
  current = root;
  return root;
}

/** Runs what was collected; `told` hears of each test as it begins and as it ends. */
export async function runGroup(
  root: Group,
  told: { skips(name: string): boolean; begins(name: string): void; ended(test: Ended): void },
): Promise<void> {
  await runIn(root, [], false);

  async function runIn(group: Group, above: readonly Group[], skip: boolean): Promise<void> {
    const skipped = skip || group.skipped;
    const path = [...above, group];
    const title = (name: string): string =>
      [...path.map((each) => each.name), name].filter((each) => each !== '').join(' > ');
    const wanted = !skipped && hasTests(group);
    const failed = wanted ? await failure(async () => runAll(group.hooks.beforeAll)) : undefined;
    for (const child of group.children) {
      if (child instanceof Group) {
        await runIn(child, path, skipped || failed !== undefined);
        continue;
      }
      const name = title(child.name);
      const { work } = child;
      if (work === undefined || (skipped && failed === undefined) || told.skips(name)) {
        told.ended({ name, state: 'skipped', ms: 0 });
        continue;
      }
      told.begins(name);
      const started = performance.now();
      const error = failed ?? (await failure(() => runTest(work, child.args, path)));
      const ms = performance.now() - started;
      if (error === undefined || error === SKIPPED) told.ended({ name, ms, state: error ?? 'passed' });
      else told.ended({ name, ms, state: 'failed', error });
    }
    if (!wanted) return;
    const error = await failure(() => runAll(group.hooks.afterAll.toReversed()));
    if (error !== undefined) told.ended({ name: title('afterAll'), state: 'failed', ms: 0, error });
  }
}

function hasTests(group: Group): boolean {
  return group.children.some((child) => (child instanceof Group ? hasTests(child) : child.work !== undefined));
}

async function runTest(work: Work, args: readonly unknown[], path: readonly Group[]): Promise<void> {
  const finished: Work[] = [];
  onFinished = finished;
  try {
    for (const group of path) await runAll(group.hooks.beforeEach);
    await work(...(args as never[]));
  } finally {
    for (const group of path.toReversed()) await runAll(group.hooks.afterEach.toReversed());
    await runAll(finished.toReversed());
  }
}

async function runAll(works: readonly Work[]): Promise<void> {
  for (const work of works) {
    const after = await work();
    if (typeof after === 'function') throw new Error('a hook returned a function: that is not understood here');
  }
}

const SKIPPED = 'skipped';

async function failure(run: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return error instanceof Skipped ? SKIPPED : describeError(error);
  }
}

/** Message, stack, and the same of its cause. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? '';
  // The stack of V8 begins with the message, that of others does not.
  const text = stack.includes(error.message) ? stack : `${error.name}: ${error.message}\n${stack}`;
  const { actual } = error as { actual?: unknown };
  const diff = Array.isArray(actual) ? `given: ${actual.map(String).join('\n').slice(0, 1000)}` : undefined;
  const cause = error.cause === undefined ? '' : `\ncaused by ${describeError(error.cause)}`;
  return `${text.slice(0, 4000)}${diff === undefined ? '' : `\n${diff}`}${cause}`;
}

let onFinished: Work[] = [];
export function onTestFinished(work: Work): void {
  onFinished.push(work);
}

const hook =
  (name: Hook) =>
  (work: Work): void =>
    void current.hooks[name].push(work);
export const beforeAll = hook('beforeAll');
export const afterAll = hook('afterAll');
export const beforeEach = hook('beforeEach');
export const afterEach = hook('afterEach');

type Declare = (name: string, work?: Work | object, maybeWork?: Work | number) => void;
type EachOf = (rows: readonly unknown[]) => Declare;
interface Declarer extends Declare {
  each: EachOf;
  for: EachOf;
  skipIf(condition: unknown): Declarer;
  runIf(condition: unknown): Declarer;
}

const workOf = (work: unknown, other: unknown): Work | undefined =>
  [work, other].find((each): each is Work => typeof each === 'function');

/** Test and describe have the same ways to be declared. `one` declares with the arguments of a row. */
function declarer(
  one: (name: string, work: Work | undefined, args: readonly unknown[], skip: boolean) => void,
  skip: boolean,
): Declarer {
  const many =
    (spread: boolean): EachOf =>
    (rows) =>
    (name, work, other) => {
      rows.forEach((row, index) => {
        const args = spread && Array.isArray(row) ? row : [row];
        one(titleOf(name, args, index), workOf(work, other), spread ? args : [row, CONTEXT], skip);
      });
    };
  const declare: Declare = (name, work, other) => one(name, workOf(work, other), [CONTEXT], skip);
  const skipIf = (condition: unknown): Declarer => (condition && !skip ? declarer(one, true) : declared);
  const declared: Declarer = Object.assign(declare, {
    each: many(true),
    for: many(false),
    skipIf,
    runIf: (condition: unknown) => skipIf(!condition),
  });
  return declared;
}

const declareTest = declarer((name, work, args, skip) => {
  current.children.push({ name, work: skip ? undefined : work, args });
}, false);
export const test = Object.assign(declareTest, { skip: declareTest.skipIf(true) });
export { test as it };

export const describe = declarer((name, work, args, skip) => {
  const group = new Group(name, skip);
  current.children.push(group);
  if (work !== undefined) bodies.push({ group, run: () => work(...(args as never[])) });
}, false);

/** `$name`, `$a.b`, `$#`, `%s`, `%d`, `%i`, `%j`, `%o` of a row. */
function titleOf(name: string, args: readonly unknown[], index: number): string {
  let next = 0;
  const ofRow = (path: string): unknown =>
    path.split('.').reduce((value, key) => (value as Record<string, unknown> | undefined)?.[key], args[0]);
  return name
    .replaceAll(/\$(#|[A-Za-z_][\w.]*)/g, (whole, path: string) => {
      if (path === '#') return String(index);
      const value = typeof args[0] === 'object' ? ofRow(path) : undefined;
      return value === undefined ? whole : String(value);
    })
    .replaceAll(/%[sdijo]/g, (kind) => {
      if (next >= args.length) return kind;
      const value = args[next++];
      return kind === '%s' || kind === '%d' || kind === '%i' ? String(value) : (JSON.stringify(value) ?? String(value));
    });
}

/** Globals that are replaced for a test, and put back. */
const replaced: { readonly key: string; readonly before: PropertyDescriptor | undefined }[] = [];

export const vi = {
  spyOn,
  restoreAllMocks,
  stubGlobal: (key: string, value: unknown): void => {
    replaced.push({ key, before: Object.getOwnPropertyDescriptor(globalThis, key) });
    Object.defineProperty(globalThis, key, { value, configurable: true, writable: true });
  },
  unstubAllGlobals: (): void => {
    for (const { key, before } of replaced.splice(0).toReversed()) {
      if (before === undefined) Reflect.deleteProperty(globalThis, key);
      else Object.defineProperty(globalThis, key, before);
    }
  },
};
