/** Unpacks and converts the scripts once, before the test files share the work. */

import { findScripts } from './scripts.ts';

export default function prepare(): void {
  const found = findScripts();
  if (found.kind === 'absent') console.log(`specification suite: skipped: ${found.reason}`);
}
