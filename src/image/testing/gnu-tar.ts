/** GNU tar and folders on disk, for tests that compare with them. */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether the `tar` of this machine is GNU tar. Tests that need it are skipped where it is not. */
export const HAS_GNU_TAR: boolean = /GNU tar/.test(spawnSync('tar', ['--version'], { encoding: 'utf8' }).stdout ?? '');

/** A folder that goes when `work` returns. */
export function inTemporaryFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'fargo-tar-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a shell script in a folder. */
export function shell(folder: string, script: string): string {
  return execFileSync('bash', ['-euc', script], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The tar that GNU tar makes of what the script leaves in a folder. */
export function tarOf(script: string, options: string = '--format=gnu'): Uint8Array<ArrayBuffer> {
  return inTemporaryFolder((folder) => {
    shell(folder, `mkdir in; cd in; ${script}`);
    shell(folder, `tar -C in --sort=name ${options} -cf out.tar .`);
    return new Uint8Array(readFileSync(join(folder, 'out.tar')));
  });
}
