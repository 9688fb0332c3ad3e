/** Runs `qemu-img` in a folder of its own: the oracle for everything about disk images. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether `qemu-img` is there (Debian: `apt-get install qemu-utils`). Without it the tests are skipped, and say so. */
export const HAS_QEMU_IMG: boolean = spawnSync('qemu-img', ['--version']).status === 0;

export const QEMU_IMG_TITLE = HAS_QEMU_IMG ? 'against qemu-img' : 'SKIPPED, no qemu-img (apt-get install qemu-utils)';

/** A temporary folder with `qemu-img` in it. */
export class Workshop implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'fargo-disk-'));

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Runs `qemu-img` with `args` in the folder and returns what it says. Throws when it fails. */
  qemuImg(...args: string[]): string {
    return this.run('qemu-img', ...args);
  }

  qemuIo(file: string, ...commands: string[]): string {
    return this.run('qemu-io', ...commands.flatMap((command) => ['-c', command]), file);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private run(program: string, ...args: string[]): string {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: this.folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}${stdout}`);
    return stdout;
  }
}
