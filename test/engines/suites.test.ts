/** Every test file of the suites can run without Node, or is named with the reason: told here before an engine tells it. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { allSuites } from './suites.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** What inside/node stands in for. */
const TO_BE_HAD = /^node:(fs|url|path|child_process|v8|module)$/;

test.each(allSuites().flatMap(({ files }) => files))('%s runs on every engine', (file) => {
  const text = readFileSync(`${root}${file}`, 'utf8');
  const imports = [...text.matchAll(/^(?:import|\} from) .*?'([^']+)';$/gm)].map(([, specifier]) => specifier!);
  const missing = imports.filter((each) => each.startsWith('node:') && !TO_BE_HAD.test(each));
  expect(missing, `${file} wants what not every engine has: name it in test/engines/suites.mjs`).toEqual([]);
  expect(imports.filter((each) => each.includes('platform/'))).toEqual([]);
});
