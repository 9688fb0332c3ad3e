import { expect, test } from 'vitest';
import { LoopAssumptions } from './loop-assumptions.ts';
import { OperandStack } from './operand-stack.ts';

const [X, Y] = [0, 1];

function begun(): { stack: OperandStack; loops: LoopAssumptions } {
  const stack = new OperandStack();
  stack.begin(10, 4);
  const loops = new LoopAssumptions(stack);
  loops.begin(false);
  return { stack, loops };
}

test('what a loop does not set holds', () => {
  const { stack, loops } = begun();
  loops.enter(10, 1);
  loops.assume(0, X);
  stack.setLocal(Y);
  loops.leave();
  expect(loops.failed).toBe(false);
});

test('what it sets fails, and is known the next time', () => {
  const { stack, loops } = begun();
  loops.enter(10, 1);
  loops.assume(0, X);
  stack.setLocal(X);
  loops.leave();
  expect(loops.failed).toBe(true);
  const [x, y] = [stack.versionOf(X), stack.versionOf(Y)];
  loops.begin(true);
  loops.enter(10, 1);
  expect(loops.failed).toBe(false);
  expect(stack.versionOf(X), 'set at the entry').not.toBe(x);
  expect(stack.versionOf(Y)).toBe(y);
  loops.begin(false);
  loops.enter(10, 1);
  expect(stack.versionOf(X), 'another body').toBe(x + 1);
});

test('the loop around is asked only about what was before it', () => {
  for (const [window, fails] of [
    [0, true],
    [1, false],
  ] as const) {
    const { stack, loops } = begun();
    loops.enter(10, 1);
    loops.enter(20, 2);
    loops.assume(window, X);
    loops.leave();
    expect(loops.failed).toBe(false);
    stack.setLocal(X);
    loops.leave();
    expect(loops.failed).toBe(fails);
  }
});

test('a body that was written four times, and loops nested deeply, hide what was before', () => {
  const { loops } = begun();
  for (let attempt = 2; attempt <= 4; attempt++) {
    loops.enter(10, 7);
    expect(loops.hidden).toBe(0);
    loops.begin(true);
  }
  loops.enter(10, 7);
  expect(loops.hidden).toBe(7);
  loops.leave();
  expect(loops.hidden).toBe(0);
  loops.begin(false);
  for (let depth = 0; depth < 8; depth++) loops.enter(depth, depth);
  expect(loops.hidden).toBe(0);
  loops.enter(8, 8);
  expect(loops.hidden).toBe(8);
});

test('a loop around one that sets a local is known to set it', () => {
  const { stack, loops } = begun();
  loops.enter(10, 1);
  loops.enter(20, 1);
  loops.assume(0, X);
  stack.setLocal(X);
  loops.leave();
  loops.leave();
  loops.begin(true);
  const before = stack.versionOf(X);
  loops.enter(10, 1);
  expect(stack.versionOf(X)).not.toBe(before);
});

test('a body that assumes very much is written once more, with everything hidden', () => {
  const { loops } = begun();
  loops.enter(10, 200_000);
  for (let window = 0; window < 100_000; window++) loops.assume(window, X);
  loops.leave();
  expect(loops.failed).toBe(true);
  loops.begin(true);
  loops.enter(10, 200_000);
  expect(loops.hidden).toBe(200_000);
  loops.leave();
  expect(loops.failed).toBe(false);
});
