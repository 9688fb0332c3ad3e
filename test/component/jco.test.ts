/** jco's tools on components that are meant badly: an error in time, and the next component is built as if nothing had been. */

import { parse } from '@bytecodealliance/jco';
import { expect, test } from 'vitest';
import { callJco } from '../../src/component/jco-thread.ts';
import { transpile, worldOf } from '../../src/component/transpile.ts';
import { componentOf, COUNTER_WAT, COUNTER_WIT } from './components.ts';

/** jco 1.35 panics over both, and then refuses whatever comes next. */
const PANICS = {
  'an encoding that its glue does not know': `(component
    (core module $m (memory (export "memory") 1) (func (export "f") (result i32) i32.const 0))
    (core instance $i (instantiate $m))
    (func $f (result string)
      (canon lift (core func $i "f") string-encoding=latin1+utf16 (memory (core memory $i "memory"))))
    (export "f" (func $f)))`,
  'an import by address': '(component (import "url=<http://a.example>" (func)))',
};

test.each(Object.entries(PANICS))('a panic over %s is an error of that component only', async (_, text) => {
  const bytes = await parse(text);
  const good = await componentOf(COUNTER_WIT, COUNTER_WAT);
  // Several at once: each in a thread of its own, or one after the other.
  const results = await Promise.allSettled([
    transpile(bytes),
    worldOf(good),
    transpile(bytes.slice()),
    transpile(good),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
  await expect(transpile(bytes)).rejects.toMatchObject({ code: 'invalid-module' });
  await expect(worldOf(good)).resolves.toContain('export bump');
});

/** Instances of instances, 25 times doubled: `checkNames` refuses it before jco has it. */
const DOUBLED = `(component
  (component $c0 (core module $m) (core instance (instantiate $m)))
  ${Array.from(
    { length: 25 },
    (_, i) => `(component $c${i + 1} (alias outer 1 $c${i} (component $c))
      (instance (instantiate $c)) (instance (instantiate $c)))`,
  ).join('\n')}
  (instance (instantiate $c25)))`;

test.runIf(process.env['FARGO_LONG'])('what is too much for jco ends, by its time or its memory', async () => {
  const bytes = await parse(DOUBLED);
  const options = { name: 'component', instantiation: 'sync' };
  const refused = await callJco('transpile', bytes, options).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: expect.stringMatching(/^(?:limit|invalid-module)$/) });
  expect(process.memoryUsage().rss).toBeLessThan(2 ** 31);
  await expect(worldOf(await componentOf(COUNTER_WIT, COUNTER_WAT))).resolves.toContain('export bump');
});
