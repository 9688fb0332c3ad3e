/** Before any test: the guests and the kernels are built from their sources, once, so that no test depends on another. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export default function setup(): void {
  for (const script of ['../guests/build.mjs', '../bench/kernels/build.mjs']) {
    execFileSync(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), '--quiet'], { stdio: 'inherit' });
  }
}
