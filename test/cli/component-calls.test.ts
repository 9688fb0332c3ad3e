/** Expressions for components: names and arguments by the types of the world, results as text and as JSON. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { callsOfWorld } from '../../src/cli/component-calls.ts';
import { parseExpression } from '../../src/cli/expression.ts';
import { formatResult, resultToJson, type GuestCalls } from '../../src/cli/invocation.ts';
import { readWorld } from '../../src/component/world.ts';
import { Host, type ComponentMachine } from '../../src/index.ts';
import { componentOf, COUNTER_WAT, COUNTER_WIT } from '../component/components.ts';
import { ECHO_WAT, ECHO_WIT } from './echo.ts';

interface Guest {
  readonly calls: GuestCalls;
  readonly vm: ComponentMachine;
}

let host: Host;
let echo: Guest;
let counter: Guest;

async function guest(wit: string, wat: string, imports: object): Promise<Guest> {
  const bytes = await componentOf(wit, wat);
  const image = await host.build<Record<string, never>>(bytes, { imports: imports as Record<string, unknown> });
  return { calls: callsOfWorld(readWorld(bytes)), vm: await image.boot() };
}

function call({ calls, vm }: Guest, expression: string): unknown {
  const outcome = calls.bind(parseExpression(expression)).run(vm);
  if (outcome.kind !== 'return') throw new Error(outcome.kind);
  return outcome.value;
}

/** What is said of an expression that is refused. */
function refuses({ calls }: Guest, expression: string): string {
  try {
    calls.bind(parseExpression(expression));
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing';
}

beforeAll(async () => {
  host = new Host();
  echo = await guest(ECHO_WIT, ECHO_WAT, {});
  counter = await guest(COUNTER_WIT, COUNTER_WAT, { log: () => {} });
});

afterAll(() => host.dispose());

describe('arguments of every type, as WAVE and as JSON', () => {
  test.each<[call: string, text: string, json: unknown]>([
    ['same-point({x-axis: -3, y: 0.5})', '{x-axis: -3, y: 0.5}', { 'x-axis': -3, y: 0.5 }],
    ['same-point({"y": 2, "xAxis": 127})', '{x-axis: 127, y: 2}', { 'x-axis': 127, y: 2 }],
    ['same-shape(nothing)', 'nothing', { tag: 'nothing' }],
    ['same-shape(disc(1.5))', 'disc(1.5)', { tag: 'disc', val: 1.5 }],
    ['same-shape({"tag": "text", "val": "a\'b"})', 'text("a\'b")', { tag: 'text', val: "a'b" }],
    ['same-colour(dark-green)', 'dark-green', 'dark-green'],
    ['same-colour("red")', 'red', 'red'],
    ['same-rights({may-write})', '{may-write}', ['may-write']],
    ['same-rights(["read", may-write])', '{read, may-write}', ['read', 'may-write']],
    ['same-rights({"read": true, "may-write": false})', '{read}', ['read']],
    ['same-option(none)', 'none', null],
    ['same-option(some(none))', 'some(none)', { some: null }],
    ['same-option(some(some(7)))', 'some(some(7))', { some: 7 }],
    ['same-option(7)', 'some(some(7))', { some: 7 }],
    ['same-option(null)', 'none', null],
    ['same-pair((65535, "😀"))', "(65535, '😀')", [65535, '😀']],
    ['same-pair([1, "\'"])', "(1, '\\'')", [1, "'"]],
    ['sum([1, 2, 253])', '256', 256],
    ['sum("abc")', '294', 294],
    ['check(ok(5))', 'ok(5)', { tag: 'ok', val: 5 }],
    ['truth(true)', 'true', true],
    ['large(18446744073709551615)', '18446744073709551615', '18446744073709551615'],
    ['name-of({name: "Ada"})', '"Ada"', 'Ada'],
    ['name-of({name: "Ada", at: {x-axis: 1, y: inf}})', '"Ada"', 'Ada'],
  ])('%s', (expression, text, json) => {
    const result = call(echo, `shapes#${expression}`);
    expect(formatResult(result)).toBe(text);
    expect(resultToJson(result)).toEqual(json);
  });

  test.each([
    ['same-point({y: 1})', 'it of test:echo/shapes@1.2.0#same-point has no field x-axis: s8'],
    ['same-point({y: 1, x-axis: 1, z: 1})', 'has a field z, and there is none such; the fields are x-axis, y'],
    ['same-point({y: 1, y: 1})', 'has a field y, and it is there twice'],
    ['same-point({x-axis: 128, y: 1})', '.x-axis is 128; s8 takes a whole number from -2^7 to 2^7 - 1'],
    ['same-shape(disc)', 'shape takes one of nothing, disc(…), text(…)'],
    ['same-shape(nothing(1))', 'shape takes one of'],
    ['same-colour(blue)', 'is blue; colour takes one of red, dark-green'],
    ['same-rights({execute})', 'rights takes {read, may-write}, or some of them'],
    ['same-pair([1])', 'tuple<u16, char> takes [a list] of 2'],
    ['same-pair([1, "ab"])', '[1] is "ab"; char takes a string of one character'],
    ['sum([256])', '[0] is 256; u8 takes'],
    ['truth(1)', 'bool takes true or false'],
    ['large(-1)', 'u64 takes a whole number from 0 to 2^64 - 1'],
    ['check(no)', 'result<u32> takes one of ok(…), err'],
  ])('%s is refused', (expression, message) => {
    expect(() => call(echo, `shapes#${expression}`)).toThrow(message);
  });
});

describe('functions', () => {
  test('are called by all their names, and give what is in a result', () => {
    for (const name of ['test:echo/shapes@1.2.0#truth', 'test:echo/shapes#truth', 'shapes#truth']) {
      expect(formatResult(call(echo, `${name}(false)`))).toBe('false');
    }
    expect(call(echo, 'greet')).toBeUndefined();
    expect(call(counter, 'divide(7, 2)')).toEqual({ text: 'ok(3)', json: { tag: 'ok', val: 3 }, isError: false });
    expect(call(counter, 'divide(7, 0)')).toEqual({
      text: 'err("division by zero")',
      json: { tag: 'err', val: 'division by zero' },
      isError: true,
    });
    expect(formatResult(call(counter, 'store#make([1, 2])'))).toBe('[<item>, <item>]');
    expect(formatResult(call(echo, 'shapes#check(err)'))).toBe('err');
    expect(formatResult(call(counter, String.raw`echo("\u{9b}31m\x1b\u{202e}ä")`))).toBe(
      String.raw`"\u{9b}31m\x1b\u{202e}ä"`,
    );
  });

  test('that are not there, or are called otherwise', () => {
    expect(refuses(counter, 'nope')).toMatch(
      /^no export "nope"; there are bump\(by: u32\) -> u32, echo\(text: string\)/,
    );
    expect(refuses(counter, 'get()')).toBe('get(at: u32) -> u32 takes 1 argument; 0 given');
    expect(refuses(counter, 'get({a: [1]})')).toBe(
      'at of get is {a: [1]}; u32 takes a whole number from 0 to 2^32 - 1',
    );
    expect(refuses(counter, 'store#swallow(1)')).toContain('is a resource, item: none can be written here');
    expect(counter.calls).toMatchObject({ command: undefined, commandName: 'wasi:cli/run' });
  });
});

test('a world is read of every component that jco makes, and says what is damaged', async () => {
  const bytes = await componentOf(ECHO_WIT, ECHO_WAT);
  expect(readWorld(bytes).modules).toHaveLength(1);
  let read = 0;
  for (let at = 8; at < bytes.length; at += 7) {
    const damaged = bytes.slice();
    damaged[at] = damaged[at]! ^ 0x5a;
    try {
      readWorld(damaged);
      read++;
    } catch (error) {
      expect(error).toMatchObject({
        name: 'FargoError',
        code: expect.stringMatching(/^(invalid-module|unsupported|limit)$/),
      });
    }
  }
  expect(read).toBeGreaterThan(0);
});
