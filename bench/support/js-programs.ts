/**
 * JavaScript programs of some milliseconds in a component made by componentize-js, in a machine or in a plain instance under
 * jco's own glue: those of Perl (workloads.ts) as one would write them in JavaScript, and trees, JSON, and texts.
 */

import { Host } from 'fargo-wasm';
import { componentOf, plainComponent, type Built } from './js-component.ts';

const SOURCE = `
function fib(n) {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

const list = Array.from({ length: 6000 }, (_, i) => (i * 7919) % 30011);
const text = Array.from({ length: 400 }, (_, i) => 'word' + i + ' alpha beta@host' + i + '.example').join(' ');
const prose = 'the quick brown fox jumps over the lazy dog '.repeat(200);

class Tree {
  constructor(depth) {
    this.left = depth === 0 ? null : new Tree(depth - 1);
    this.right = depth === 0 ? null : new Tree(depth - 1);
  }
  count() {
    return 1 + (this.left === null ? 0 : this.left.count() + this.right.count());
  }
}

const PROGRAMS = {
  fib: () => fib(19),
  sort: () => [...list].sort((a, b) => a - b)[99],
  regex() {
    let letters = 0;
    for (const match of text.matchAll(/(\\w+)@(\\w+)\\.example/g)) letters += match[1].length;
    return letters;
  },
  concat() {
    let s = '';
    for (let i = 0; i < 20000; i++) {
      s += String.fromCharCode(65 + (i % 26));
      s += '-';
    }
    return s.length;
  },
  hash() {
    const sums = new Map();
    for (let i = 1; i <= 20000; i++) sums.set(i % 5000, (sums.get(i % 5000) ?? 0) + i);
    let sum = 0;
    for (const value of sums.values()) sum += value;
    return sum;
  },
  words() {
    const counts = {};
    for (const word of prose.split(/\\s+/)) {
      const key = word.toLowerCase();
      counts[key] = (counts[key] ?? 0) + 1;
    }
    return Object.keys(counts).sort().map((key) => key + '=' + counts[key]).join(',').length;
  },
  matrix() {
    const n = 24;
    const a = Array.from({ length: n }, (_, row) => Array.from({ length: n }, (_, column) => row * (column + 1)));
    let trace = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let k = 0; k < n; k++) sum += a[i][k] * a[k][j];
        trace += sum;
      }
    }
    return trace;
  },
  trees: () => new Tree(10).count(),
  json() {
    const entries = list.slice(0, 800).map((value, id) => ({ id, value, name: 'entry ' + id }));
    return JSON.stringify(JSON.parse(JSON.stringify(entries))).length;
  },
  texts() {
    let sum = 0;
    for (let round = 0; round < 20; round++) {
      const words = [];
      for (let i = 0; i < 100; i++) words.push(((i * 2654435761 + round) % 4294967296).toString(36));
      words.sort();
      for (const word of JSON.parse(JSON.stringify(words))) sum = (sum * 31 + word.length + word.charCodeAt(0)) % 1000003;
    }
    return sum;
  },
};

export function names() {
  return Object.keys(PROGRAMS);
}

export function run(name) {
  return PROGRAMS[name]();
}
`;

const WORLD = `package bench:programs; world programs {
  export names: func() -> list<string>;
  export run: func(name: string) -> u32;
}`;

export interface Programs {
  names(): string[];
  run(name: string): number;
}

/** Under jco alone, and in a machine. */
export const PROGRAM_WAYS = ['plain', 'machine'] as const;
export type ProgramWay = (typeof PROGRAM_WAYS)[number];

/** Built once: not by two processes at a time. */
export function programsComponent(): Promise<Built> {
  return componentOf(SOURCE, WORLD, 'wasi');
}

/** @throws Error unless every program gives the same in both */
export async function programsIn(way: ProgramWay): Promise<Programs> {
  const { bytes } = await programsComponent();
  const plain = (await plainComponent<Programs>(bytes))().exports;
  const host = await Host.create();
  const machine = (await (await host.build<Programs>(bytes, { wasi: {}, name: 'programs' })).boot()).exports;
  for (const name of plain.names()) {
    const [expected, got] = [plain.run(name), machine.run(name)];
    if (got !== expected) throw new Error(`${name} gives ${expected} under jco and ${got} in a machine`);
  }
  if (way === 'machine') return machine;
  host.dispose();
  return plain;
}
