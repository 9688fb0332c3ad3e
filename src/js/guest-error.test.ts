import { expect, test } from 'vitest';

import { FargoError } from '../base/errors.ts';
import type { Failure } from './engine-world.ts';
import { GuestError } from './guest-error.ts';
import { placeIn, readNotes } from './places.ts';

test('what was thrown is an error of the guest, whatever a component says of it', () => {
  const failures: unknown[] = [
    { name: 'Error', message: 'm', stack: '', thrown: '{{{' },
    { name: 'Error', message: 'm', stack: '', thrown: '{"$":1}' },
    { name: 'Error', message: 'm', stack: '', thrown: ['[[]]'] },
    { name: 5, message: undefined, stack: ['a@b:1:1'] },
    {},
    'text',
    undefined,
    null,
  ];
  for (const failure of failures) {
    const error = new GuestError(failure as Failure);
    expect([typeof error.name, typeof error.message, error.thrown]).toEqual(['string', 'string', undefined]);
    expect(error.guestStack).toEqual([]);
  }
  expect(new GuestError({ name: 'E', message: 'm', stack: '', thrown: '{"a":1}' }).thrown).toEqual({ a: 1 });
});

test('places in a file are as short as those of a source', () => {
  const notes = { name: 'app.js', prefix: 4, isText: false, map: { sources: ['src/a.ts', null], mappings: 'AAAA' } };
  expect(placeIn(readNotes(notes))(1, 5)).toBe('src/a.ts:1:1');
  const long = 'x'.repeat(100_000);
  for (const wrong of [
    { ...notes, name: long },
    { ...notes, map: { sources: [long], mappings: 'AAAA' } },
    { ...notes, map: { sources: [5], mappings: 'AAAA' } },
    { ...notes, map: { sources: ['a'], mappings: ';'.repeat(17 << 20) } },
  ]) {
    expect(() => readNotes(wrong)).toThrow(FargoError);
  }
});
