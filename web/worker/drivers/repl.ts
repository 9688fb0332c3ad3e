/** The REPL of guests/assembly/repl.ts: a small language of numbers and functions. */

import { callWithBytes, reserveHeadroom, type Machine } from 'fargo-wasm';
import { lineFor, type Driver, type LineResult } from '../driver.ts';

const encoder = new TextEncoder();

const HEADROOM_BYTES = 1 << 20;

const WARM = `fact(n) = if(n < 2, 1, n * fact(n - 1))
fib(n) = if(n < 2, n, fib(n - 1) + fib(n - 2))
inside(x, y) = if(x * x + y * y < 1, 1, 0)
throw(n) = if(n < 1, 0, inside(rand(), rand()) + throw(n - 1))
pi(n) = 4 * throw(n) / n
x = fib(16)`;

export const repl: Driver = {
  build: { name: 'repl', budget: true },
  budget: 1_500_000_000,
  warm(vm) {
    evaluate(vm, WARM);
    // So that children compute without growing: each that grows needs an instance of its own.
    reserveHeadroom(vm, HEADROOM_BYTES);
    return 'five functions defined, fib(16) computed into x';
  },
  run: (vm, line) => evaluate(vm, line),
  runOne: (vm, line, child) => evaluate(vm, lineFor(line, child)),
  probe(vm) {
    evaluate(vm, 'x');
  },
};

function evaluate(vm: Machine, line: string): LineResult {
  const text = vm.transaction(() => {
    const address = callWithBytes(vm, 'eval', encoder.encode(line)) as number;
    return vm.memory.readText(address, vm.call('resultLength') as number);
  });
  return text.startsWith('error:') ? { text, failed: true } : { text };
}
