/** Declares the tests of one way to run the suite: a test a script, and the count at the end. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setParanoid } from '../../src/base/assert.ts';
import { runScript, type RunOptions } from './runner.ts';
import { findScripts } from './scripts.ts';

/** @param options `paranoid`: with costly checks of invariants */
export function declareSuite(title: string, options: RunOptions & { readonly paranoid: boolean }): void {
  const found = findScripts();
  if (found.kind === 'absent') {
    test.skip(`${title}: ${found.reason}`, () => undefined);
    return;
  }
  const { scripts } = found;
  const counts = { scripts: 0, passed: 0, failed: 0, text: 0, later: 0 };
  const started = performance.now();

  describe(title, () => {
    beforeAll(() => setParanoid(options.paranoid));
    afterAll(() => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(
        `${title}: ${counts.scripts} scripts, ${counts.passed} commands passed, ${counts.failed} failed ` +
          `(left out: ${counts.text} modules in text, ${counts.later} valid in the engine's later standard) in ${seconds} s`,
      );
    });
    test.each(scripts)('$name', async (script) => {
      const { passed, text, later, failures } = await runScript(script, options);
      counts.scripts++;
      counts.passed += passed;
      counts.text += text;
      counts.later += later;
      counts.failed += failures.length;
      expect(failures.slice(0, 20), `${script.name}: ${passed} passed, ${failures.length} failed`).toEqual([]);
      expect(passed + text).toBeGreaterThan(0);
    });
  });
}
