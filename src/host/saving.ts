/** Saving and loading together, for hosts that fetch them when they are needed. */

export { loadSnapshot } from './load.ts';
export { saveSnapshot } from './save.ts';
