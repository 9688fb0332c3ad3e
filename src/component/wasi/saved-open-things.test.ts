import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { FargoError } from '../../base/errors.ts';
import type { Json } from '../../base/fields.ts';
import type { SavedDevice } from '../../machine/device.ts';
import { HELD_BYTES_MAX } from './http-values.ts';
import type { OpenThing, OpenThings } from './open-things.ts';
import { OPEN_THINGS } from './saved-open-things.ts';

const text = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);
const headers = [
  ['content-type', text('text/plain')],
  ['x-empty', text('')],
] as const;

const THINGS: readonly OpenThing[] = [
  { kind: 'input', fd: 0, offset: undefined },
  { kind: 'output', fd: 5, offset: 'append' },
  { kind: 'output', fd: 5, offset: 2n ** 60n },
  { kind: 'listing', fd: 4, cookie: 7n },
  { kind: 'pollable', at: undefined },
  { kind: 'pollable', at: 12n },
  { kind: 'error', code: 'no-entry' },
  { kind: 'terminal' },
  { kind: 'descriptor', fd: 9 },
  { kind: 'fields', entries: headers, immutable: true },
  {
    kind: 'incoming-request',
    head: {
      method: { tag: 'other', val: 'BREW' },
      path: '/a?b',
      scheme: { tag: 'HTTPS' },
      authority: 'c.example',
      headers,
    },
    body: text('one'),
  },
  {
    kind: 'incoming-request',
    head: { method: { tag: 'get' }, path: undefined, scheme: undefined, authority: undefined, headers: [] },
    body: undefined,
  },
  { kind: 'incoming-response', head: { status: 404, headers }, body: text('two') },
  { kind: 'incoming-body', bytes: text('three') },
  { kind: 'incoming-body', bytes: undefined },
  { kind: 'body-input', bytes: text('four'), at: 2 },
  { kind: 'future-trailers', taken: true },
  { kind: 'request-options', timeouts: { connect: 5n, firstByte: undefined } },
  { kind: 'response-pollable', future: 3 },
];

/** In an order of their own, as a machine may have them. */
const state: OpenThings = {
  next: 40,
  things: new Map(THINGS.map((thing, at) => [1 + ((at * 7) % 39), thing])),
  held: 0,
};

function saved(of: OpenThings): SavedDevice {
  const part = OPEN_THINGS.save!(of, { storage: undefined as never, maxBytes: 1 << 20, beneath: undefined });
  return { ...structuredClone(part.saved), path: 'state' };
}

function loaded(device: SavedDevice): OpenThings {
  return OPEN_THINGS.load!(device, { storage: undefined as never, beneath: undefined });
}

// oxlint-disable-next-line typescript/no-explicit-any -- to change as one likes
type Loose = any;

test('all that can be kept between calls is saved, and is the same when it is loaded', () => {
  const device = saved(state);
  const again = loaded(device);
  expect([...again.things]).toEqual([...state.things]);
  expect(again.next).toBe(40);
  expect(again.held).toBeGreaterThan('onetwothreefour'.length);
  expect(saved(again)).toEqual(device);
});

test.each<OpenThing>([
  { kind: 'outgoing-body', parts: [], state: 'open', hasStream: false },
  { kind: 'response-outparam', answer: undefined },
  { kind: 'outgoing-response', head: { status: 200, headers: [] }, body: undefined },
])('$kind is of a call, and refused by its name', (thing) => {
  expect(() => saved({ next: 2, things: new Map([[1, thing]]) })).toThrow(
    expect.objectContaining({ code: 'unsupported', message: expect.stringContaining(thing.kind) as string }),
  );
});

const one = (thing: Loose, blobs: SavedDevice['blobs'] = {}): SavedDevice => ({
  path: 'state',
  state: { next: 5, things: [{ number: 1, ...thing }] as Json },
  blobs,
});

describe('a file that says', () => {
  test.each<[string, SavedDevice]>([
    ['a header that is none', one({ kind: 'fields', immutable: false, headers: [['a b', '']] })],
    ['a header in capitals', one({ kind: 'fields', immutable: false, headers: [['Host', '']] })],
    ['a header of several lines', one({ kind: 'fields', immutable: false, headers: [['a', '610d0a62']] })],
    ['half a byte', one({ kind: 'fields', immutable: false, headers: [['a', '6']] })],
    ['a body without bytes', one({ kind: 'incoming-body', body: 3 })],
    ['bytes without a body', one({ kind: 'incoming-body', body: null }, { bodies: text('abc') })],
    ['a place behind the body', one({ kind: 'body-input', body: 3, at: 4 }, { bodies: text('abc') })],
    ['no status', one({ kind: 'incoming-response', status: 7, headers: [], body: null })],
    ['another blob', one({ kind: 'terminal' }, { other: text('abc') })],
    [
      'a number that was never given',
      { ...one({ kind: 'terminal' }), state: { next: 1, things: [{ number: 1, kind: 'terminal' }] } },
    ],
    [
      'one number twice',
      { ...one({}), state: { next: 3, things: Array.from({ length: 2 }, () => ({ number: 1, kind: 'terminal' })) } },
    ],
    ['what is of a call', one({ kind: 'future-response', taken: false })],
  ])('%s is refused', (_, device) => {
    expect(() => loaded(device)).toThrow(expect.objectContaining({ code: 'invalid-image' }));
  });

  test('more than a machine may hold reaches a limit', () => {
    const bodies = new Uint8Array(HELD_BYTES_MAX + 1);
    const half = HELD_BYTES_MAX / 2;
    const things = [half, half, 1].map((body, at) => ({ number: at + 1, kind: 'incoming-body', body }));
    expect(() => loaded({ path: 'state', state: { next: 5, things }, blobs: { bodies } })).toThrow(
      expect.objectContaining({ code: 'limit' }),
    );
  });

  test('anything is an error of the file, or is saved again as it is', () => {
    const value = fc.oneof(fc.constantFrom<Json>(null, true, '', 'x', '7', -1, 0, 1, 1.5, 2 ** 53, [], {}), fc.nat(50));
    fc.assert(
      fc.property(fc.nat(THINGS.length - 1), fc.nat(10), value, (which, field, to) => {
        const device = saved(state) as Loose;
        const thing = device.state.things[which];
        const names = Object.keys(thing);
        thing[names[field % names.length]!] = to;
        let again: OpenThings;
        try {
          again = loaded(device);
        } catch (error) {
          expect(error).toBeInstanceOf(FargoError);
          return;
        }
        expect(loaded(saved(again))).toEqual(again);
      }),
      { numRuns: 2000, seed: 7 },
    );
  });
});
