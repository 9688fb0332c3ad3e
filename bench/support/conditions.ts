/** Under what conditions a figure was taken. */

import { availableParallelism, loadavg } from 'node:os';

declare const Bun: { readonly version: string } | undefined;

/** By which clock: see interleave.ts. */
export const PROCESSOR_TIME = 'processor time';
export const WALL_CLOCK = 'wall-clock time';

/** Short name of the engine that runs this: `node20`, `node26`, `bun`. */
export function engineName(): string {
  if (typeof Bun !== 'undefined') return 'bun';
  return `node${process.versions.node.split('.')[0]}`;
}

/** The engine with its version, the machine with its load of the last minute, and what is added. */
export function conditions(...more: readonly string[]): string {
  const engine = typeof Bun !== 'undefined' ? `Bun ${Bun.version}` : `Node ${process.versions.node}`;
  const machine = `${process.platform} ${process.arch}, ${availableParallelism()} cores, load ${loadavg()[0]!.toFixed(1)}`;
  return [engine, machine, ...more].join('; ');
}
