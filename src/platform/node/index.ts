/** What only Node has: host directories and the process's streams. */

export { hostDirectory } from './host-directory.ts';
export type { NodeHostDirectory } from './host-directory.ts';
export { processInput, processOutput } from './stdio.ts';
