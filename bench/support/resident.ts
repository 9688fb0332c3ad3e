/** Resident memory of the process, after the collector has run. Needs `--expose-gc`. */

declare const gc: (() => void) | undefined;

export function residentBytes(): number {
  if (typeof gc === 'undefined') throw new Error('start the process with --expose-gc');
  for (let i = 0; i < 4; i++) gc();
  return process.memoryUsage.rss();
}
