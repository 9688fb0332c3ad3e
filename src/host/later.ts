/** What hosts for pages fetch when it is first needed, in one piece: each further piece would make the first download larger. */

export { wasmFromText } from '../wasm/text.ts';
export { loadSnapshot } from './load.ts';
export { saveSnapshot } from './save.ts';
