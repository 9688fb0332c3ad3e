/** Which names of a guest's are only names to the host too: on Windows some are drives, streams, devices or paths. */

import { sep } from 'node:path';

const WINDOWS_MEANING = /[\\:*?"<>|]|[. ]$|^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i;

/** Whether the host takes `name` as the name of an entry, and as nothing else. `windows`: whether it is Windows. */
export function isHostName(name: string, windows: boolean = sep === '\\'): boolean {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) return false;
  return !windows || !WINDOWS_MEANING.test(name);
}
