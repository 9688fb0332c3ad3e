/**
 * The promises about speed and size, by number: what is claimed, and the limit that a bench holds it to. The only place
 * where a limit stands; docs/specification.md refers to these numbers, docs/benchmarks.md to what was measured.
 */

/** Up to `atMost` holds, or from `atLeast` on; `below` excludes the limit itself. */
export type Limit = { readonly atMost: number } | { readonly below: number } | { readonly atLeast: number };

export interface SpeedPromise {
  readonly statement: string;
  /** Undefined: the figure is published, nothing is promised. */
  readonly limit: Limit | undefined;
  readonly unit: string;
  /** The bench that measures it: `npm run bench -- --only NAME`. */
  readonly bench: string;
}

export const PROMISES = {
  P1: {
    statement: 'Instrumented code runs as fast as the original: ratio of run times, geometric mean, on each engine',
    limit: { atMost: 1.05 },
    unit: 'ratio',
    bench: 'overhead',
  },
  P2: {
    statement: 'No kernel and no Perl program is slowed more than this, on each engine',
    limit: { atMost: 1.2 },
    unit: 'ratio',
    bench: 'overhead',
  },
  P3: {
    statement: 'With the budget on: ratio of run times, geometric mean, on each engine',
    limit: { atMost: 1.25 },
    unit: 'ratio',
    bench: 'overhead',
  },
  P4: {
    statement: 'Fork of a machine at rest or of a snapshot, p50, for guests from 1 MiB to 1 GiB',
    limit: { below: 1 },
    unit: 'µs',
    bench: 'fork',
  },
  P5: {
    statement: 'Fork costs the same whatever the size: 1 GiB over 1 MiB, within noise',
    limit: { atMost: 1.5 },
    unit: 'ratio',
    bench: 'fork',
  },
  P6: {
    statement: 'Fork, call an export that writes one page, discard: a small guest, p50',
    limit: { below: 2 },
    unit: 'µs',
    bench: 'fork-call-discard',
  },
  P7: {
    statement: 'Fork, call an export that writes one page, discard: a guest of 1 GiB, p50',
    limit: { atMost: 20 },
    unit: 'µs',
    bench: 'fork-call-discard',
  },
  P8: {
    statement: 'Perl evaluates an expression in a fresh child: time over the same eval in a plain instance',
    limit: { below: 3 },
    unit: 'ratio',
    bench: 'perl-eval',
  },
  P9: {
    statement: 'Perl evaluates an expression in a fresh child: times faster than instance, init and eval',
    limit: { atLeast: 300 },
    unit: 'times',
    bench: 'perl-eval',
  },
  P10: {
    statement:
      'Perl evaluates an expression in a fresh child: times faster than copying the memory into a new instance',
    limit: { atLeast: 200 },
    unit: 'times',
    bench: 'perl-eval',
  },
  P11: {
    statement: 'An idle child that wrote one page, one of 100,000 of a guest of 4 MiB: resident bytes of the process',
    limit: { atMost: 5.5 },
    unit: 'KiB',
    bench: 'density',
  },
  P12: {
    statement: '`host.usage().totalBytes` agrees with the resident bytes of the process: relative difference',
    limit: { atMost: 0.1 },
    unit: 'ratio',
    bench: 'density',
  },
  P13: {
    statement: '1,000 Perl children after an eval hold their written pages: resident bytes over bytes of those pages',
    limit: { atMost: 1.15 },
    unit: 'ratio',
    bench: 'density-perl',
  },
  P14: {
    statement: '1,000 Perl children have no instance each: cores of the host',
    limit: { atMost: 8 },
    unit: 'cores',
    bench: 'density-perl',
  },
  P15: {
    statement:
      'Perl children that allocate 8 MiB, of a template with headroom, over those of one booted with that memory',
    limit: { atMost: 1.1 },
    unit: 'ratio',
    bench: 'growth',
  },
  P16: {
    statement: 'A new core for a child, where growth has spoilt the old: over a plain instance and a plain copy',
    limit: { atMost: 1.5 },
    unit: 'ratio',
    bench: 'growth',
  },
  P17: {
    statement: 'Instrumenting, warm: code section a second',
    limit: { atLeast: 30 },
    unit: 'MB/s',
    bench: 'instrumenting',
  },
  P18: {
    statement: 'Instrumenting zeroperl.wasm (4 MB of code) in a fresh process',
    limit: { below: 250 },
    unit: 'ms',
    bench: 'instrumenting',
  },
  P19: {
    statement: 'From the start of a process to the first eval of Perl: read, build, boot, init, eval',
    limit: { below: 1000 },
    unit: 'ms',
    bench: 'instrumenting',
  },
  P20: {
    statement: 'Fork to first result of the default guest, with bytes idle and after work: published, no limit',
    limit: undefined,
    unit: 'µs',
    bench: 'first-result',
  },
  P21: {
    statement: 'A child that writes 1 byte of a file of 1 GiB, one of 1,000: its disk, counted and resident',
    limit: { atMost: 8 },
    unit: 'KiB',
    bench: 'disk-forks',
  },
  P22: {
    statement: 'Fork costs the same whatever the disk: a file of 1 GiB over one of 1 MiB, within noise',
    limit: { atMost: 1.5 },
    unit: 'ratio',
    bench: 'disk-forks',
  },
  P23: {
    statement: 'Reading and writing files through WASI: time over the same guest under `node:wasi` on tmpfs',
    limit: { atMost: 2 },
    unit: 'ratio',
    bench: 'disk-io',
  },
  P24: {
    statement: 'Loading a saved Perl where its image is, to the first eval: over boot, warm-up and the same eval',
    limit: { atMost: 2 },
    unit: 'ratio',
    bench: 'snapshot-files',
  },
  P25: {
    statement:
      '1,000 tests, each with a migrated database of 100 tables: fresh set-up of each over one set-up and a fork for each',
    limit: { atLeast: 50 },
    unit: 'times',
    bench: 'fixtures',
  },
  P26: {
    statement: 'A warmed JavaScript component: fork and first call, times faster than instance and first call',
    limit: { atLeast: 100 },
    unit: 'times',
    bench: 'components',
  },
  P27: {
    statement:
      'A warmed JavaScript component: fork and first call, times faster than instance, copy of the memory, call',
    limit: { atLeast: 40 },
    unit: 'times',
    bench: 'components',
  },
  P28: {
    statement: 'A call of a warmed JavaScript component: time over the same call under jco alone',
    limit: { atMost: 1.1 },
    unit: 'ratio',
    bench: 'components',
  },
  P29: {
    statement: 'The same JavaScript handler in other sandboxes, from nothing to its first answer: published, no limit',
    limit: undefined,
    unit: 'ms',
    bench: 'handlers',
  },
} as const satisfies Record<string, SpeedPromise>;

export type PromiseNumber = keyof typeof PROMISES;

export function promiseOf(number: PromiseNumber): SpeedPromise {
  return PROMISES[number];
}

export function holds(limit: Limit, value: number): boolean {
  if ('atMost' in limit) return value <= limit.atMost;
  return 'below' in limit ? value < limit.below : value >= limit.atLeast;
}

/** As in the table: `<= 1.05`. */
export function limitText(limit: Limit): string {
  if ('atMost' in limit) return `<= ${limit.atMost}`;
  return 'below' in limit ? `< ${limit.below}` : `>= ${limit.atLeast}`;
}
