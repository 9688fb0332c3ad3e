/** Files whose contents this process believes: those that nobody but its user could have written. */

import type { Stats } from 'node:fs';
import { open } from 'node:fs/promises';

const WRITABLE_BY_OTHERS = 0o022;

/** Whether nobody but this process's user can write it. Where there are no such numbers: yes. */
export function isOwn({ uid, mode }: Pick<Stats, 'uid' | 'mode'>): boolean {
  const user = process.getuid?.();
  return user === undefined || (uid === user && (mode & WRITABLE_BY_OTHERS) === 0);
}

/** The contents of a file; undefined where there is none, or others could have written it. */
export async function readOwn(path: string): Promise<Buffer | undefined> {
  const file = await open(path).catch(() => undefined);
  try {
    const about = await file?.stat();
    return about?.isFile() && isOwn(about) ? await file!.readFile() : undefined;
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
}
