/** Component machines as files: what is saved goes on elsewhere, and code is made of the component here, never taken from a file. */

import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { ComponentError, ComponentSnapshot, Host, type ComponentMachine } from '../../src/index.ts';
import { componentOf, COUNTER_WAT, COUNTER_WIT } from './components.ts';

let counter: Uint8Array;
let host: Host;
let lines: string[];
const imports = { log: (text: string) => lines.push(text) };

beforeAll(async () => {
  counter = await componentOf(COUNTER_WIT, COUNTER_WAT);
});

beforeEach(async () => {
  host = await Host.create();
  lines = [];
});

afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
});

async function booted(): Promise<ComponentMachine> {
  const image = await host.build<Record<string, any>>(counter, { imports });
  return image.boot();
}

/** Loads a file in a host of its own. */
async function elsewhere(file: Uint8Array, work: (snapshot: ComponentSnapshot, there: Host) => unknown): Promise<void> {
  const there = await Host.create();
  try {
    const snapshot = await there.load<Record<string, any>>(file, { imports: imports as never });
    expect(snapshot).toBeInstanceOf(ComponentSnapshot);
    await work(snapshot, there);
    expect(there.audit().faults).toEqual([]);
  } finally {
    there.dispose();
  }
}

test('memory, globals and handles go on where a file is loaded; its children diverge', async () => {
  const vm = await booted();
  vm.exports.bump(1000);
  vm.exports.put(5, 55);
  const item = new vm.exports.store.Item(7);
  new vm.exports.store.Item(1).dispose();
  const file = await vm.snapshot().save();
  vm.exports.bump(1);
  await elsewhere(file, (snapshot) => {
    const [a, b] = snapshot.fork(2);
    expect([a!.exports.bump(1), b!.exports.bump(2)]).toEqual([1001, 1002]);
    expect(a!.exports.get(5)).toBe(55);
    expect(a!.exports.store.live()).toBe(1);
    // The handle that is in use is not given again, the one that was freed is.
    const [first, second] = a!.exports.store.make(Uint32Array.of(10, 20));
    expect([first.add(0), second.add(0)]).toEqual([10, 20]);
    expect(b!.exports.store.live()).toBe(1);
    expect(() => b!.exports.divide(1, 0)).toThrow(ComponentError);
  });
  expect(item.add(0)).toBe(7);
});
