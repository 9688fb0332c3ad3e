/** The key-value store of guests/assembly/kv.ts, behind a few commands. */

import { callWithBytes, withBytes, type Machine } from 'fargo-wasm';
import { lineFor, type Driver, type LineResult } from '../driver.ts';

const KEYS = 50_000;
/** An address that no guest of this size has. */
const WILD = 0xfff0_0000 | 0;

const encoder = new TextEncoder();

interface Command {
  readonly usage: string;
  readonly what: string;
  run(vm: Machine, words: readonly string[]): string;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  set: {
    usage: 'set KEY VALUE',
    what: 'a string under a string',
    run(vm, [key, ...rest]) {
      const value = encoder.encode(rest.join(' '));
      withBytes(vm, value, (at) => callWithBytes(vm, 'set', encoder.encode(need(key)), at, value.length));
      return 'ok';
    },
  },
  get: {
    usage: 'get KEY',
    what: 'the string under KEY',
    run(vm, [key]) {
      const at = callWithBytes(vm, 'get', encoder.encode(need(key))) as number;
      return at === 0 ? '(none)' : vm.memory.readText(at, vm.call('valueLength') as number);
    },
  },
  put: {
    usage: 'put N VALUE',
    what: 'a number under a number',
    run(vm, [key, value]) {
      vm.call('put', whole(key), whole(value));
      return 'ok';
    },
  },
  lookup: {
    usage: 'lookup N',
    what: 'the number under N, or -1',
    run: (vm, [key]) => String(vm.call('lookup', whole(key))),
  },
  add: {
    usage: 'add N BY',
    what: 'adds to the number under N',
    run: (vm, [key, by]) => String(vm.call('increment', whole(key), whole(by))),
  },
  size: { usage: 'size', what: 'how many keys there are', run: (vm) => String(vm.call('size')) },
  digest: {
    usage: 'digest',
    what: 'a hash over all numbers',
    run: (vm) => ((vm.call('digest') as number) >>> 0).toString(16).padStart(8, '0'),
  },
  scatter: {
    usage: 'scatter COUNT',
    what: 'writes COUNT keys all over the table',
    run(vm, [count]) {
      const total = whole(count);
      if (total > KEYS) throw new UsageError(`at most ${KEYS} keys at once`);
      for (let i = 0; i < total; i++) vm.call('put', Math.imul(i, 7919) % KEYS, i);
      return 'ok';
    },
  },
  crash: {
    usage: 'crash',
    what: 'writes 500 keys, then follows a wild pointer',
    run(vm) {
      for (let i = 0; i < 500; i++) vm.call('put', i * 97, -1);
      vm.call('set', WILD, 16, 0, 0);
      return 'it did not crash';
    },
  },
};

export const keyValue: Driver = {
  build: { name: 'kv', budget: true },
  budget: 500_000_000,
  warm(vm) {
    vm.call('warm', KEYS);
    return '50,000 keys put in';
  },
  run: (vm, line) => command(vm, line),
  runOne: (vm, line, child) => command(vm, lineFor(line, child)),
  probe(vm) {
    vm.call('lookup', 7);
  },
};

function command(vm: Machine, line: string): LineResult {
  const [name = '', ...words] = line.trim().split(/\s+/);
  if (name === '') return { text: '' };
  const found = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (found === undefined) return { text: help(), failed: name !== 'help' };
  try {
    return { text: vm.transaction(() => found.run(vm, words)) };
  } catch (error) {
    if (error instanceof UsageError) return { text: `${error.message}; usage: ${found.usage}`, failed: true };
    throw error;
  }
}

class UsageError extends Error {}

function need(word: string | undefined): string {
  if (word === undefined) throw new UsageError('a word is missing');
  return word;
}

function whole(word: string | undefined): number {
  const value = Number(need(word));
  if (!Number.isInteger(value) || Math.abs(value) > 0x7fff_ffff) throw new UsageError(`"${word}" is no whole number`);
  return value;
}

function help(): string {
  const width = Math.max(...Object.values(COMMANDS).map(({ usage }) => usage.length));
  return Object.values(COMMANDS)
    .map(({ usage, what }) => `${usage.padEnd(width)}  ${what}`)
    .join('\n');
}
