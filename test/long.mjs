/** `npm run test:long`: every property and mutation test at its full count. Takes about an hour on two cores. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const { status } = spawnSync(
  process.execPath,
  [vitest, 'run', '--testTimeout=3600000', '--hookTimeout=3600000', ...process.argv.slice(2)],
  { stdio: 'inherit', env: { ...process.env, FARGO_LONG: '1' } },
);
process.exit(status ?? 1);
