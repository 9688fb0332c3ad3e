/** Names of a guest's that mean something else to the host. */

import { expect, test } from 'vitest';

import { isHostName } from './host-names.ts';

test.each(['', '.', '..', 'a/b', 'a\0b'])('%j is no name on any host', (name) => {
  expect(isHostName(name, false)).toBe(false);
  expect(isHostName(name, true)).toBe(false);
});

test.each(['C:', '..\\..', 'a:stream', 'a*', 'a.', 'a ', 'con', 'NUL.txt', 'com1', 'Lpt9.log', 'a|b'])(
  '%j means something to Windows only',
  (name) => {
    expect(isHostName(name, false)).toBe(true);
    expect(isHostName(name, true)).toBe(false);
  },
);

test.each(['a', '...a', 'console', 'com', 'nul1', 'ä', '.hidden'])('%j is a name everywhere', (name) => {
  expect(isHostName(name, false)).toBe(true);
  expect(isHostName(name, true)).toBe(true);
});
