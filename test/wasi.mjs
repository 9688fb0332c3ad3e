/**
 * `FARGO_WASI_TESTSUITE=<folder> npm run test:wasi [-- --write]`: every prebuilt preview 1 program of the public WASI test
 * suite. The folder is a copy of WebAssembly/wasi-testsuite, branch prod/testsuite-base. `--write` puts the result by
 * program into docs/wasi-support.md; all other arguments are vitest's.
 */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

if (!process.env.FARGO_WASI_TESTSUITE) {
  process.stderr.write(
    'FARGO_WASI_TESTSUITE is not set, so nothing was tested. It names a folder with a copy of ' +
      'WebAssembly/wasi-testsuite, branch prod/testsuite-base.\n',
  );
  process.exit(2);
}
const given = process.argv.slice(2);
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const config = fileURLToPath(new URL('wasi/vitest.config.ts', import.meta.url));
const args = ['run', '--config', config, ...given.filter((each) => each !== '--write')];
const env = { ...process.env, ...(given.includes('--write') && { FARGO_WASI_WRITE: '1' }) };
const { status } = spawnSync(process.execPath, [vitest, ...args], { stdio: 'inherit', env });
process.exit(status ?? 1);
