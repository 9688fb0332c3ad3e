/** Where things lie in the repository. The compiled benches stand in `dist-bench`, one folder below its root. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../../', import.meta.url);

export function placeOf(path: string): string {
  return fileURLToPath(new URL(path, root));
}

/** A guest that `npm run build` has built. */
export function guestBytes(name: string): Uint8Array {
  return readFileSync(placeOf(`guests/build/${name}.wasm`));
}

export function jsonOf(path: string): unknown {
  return JSON.parse(readFileSync(placeOf(path), 'utf8'));
}
