/** JavaScript guests in tests: componentize-js from its folder, and what it built kept beside it. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { describe } from 'vitest';
import { folder } from './install.mjs';

const installed = existsSync(join(folder, 'node_modules'));

/** Where to look for packages, and where to keep what was built. */
export const tools: { readonly packages: string; readonly cache: string } = {
  packages: folder,
  cache: join(folder, '.cache'),
};

/** A group of tests that needs componentize-js. */
export function describeWithTools(name: string, tests: () => void): void {
  const why = installed ? '' : ' (skipped: componentize-js is not installed; run: node test/js/install.mjs)';
  describe.skipIf(!installed)(`${name}${why}`, tests);
}

/** The first build of an engine takes minutes on a busy machine. */
export const BUILD_MS = 600_000;
