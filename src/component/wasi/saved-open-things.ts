/**
 * What WASI 0.2 has open as a device's state, and as plain data in a file. Descriptors that it names are checked by preview 1
 * whenever they are used.
 */

import { Fields, type Json } from '../../base/fields.ts';
import { FargoError } from '../../base/errors.ts';
import type { DeviceFactory, SavedDevice, SavedPart } from '../../machine/device.ts';
import { NOTHING, OpenTable, THINGS_MAX, type OpenThing, type OpenThings } from './open-things.ts';

const INT32: readonly [number, number] = [-(2 ** 31), 2 ** 31 - 1];
const NUMBERS: readonly [number, number] = [1, Number.MAX_SAFE_INTEGER];
const UINT64: readonly [bigint, bigint] = [0n, 2n ** 64n - 1n];
const CODE_LENGTH = 100;

export const OPEN_THINGS: DeviceFactory<OpenThings> = {
  name: 'wasi-0.2',
  initial: NOTHING,
  create: () => new OpenTable(),
  fork: (state) => state,
  save: saveOpenThings,
  load: loadOpenThings,
};

/** @throws FargoError `unsupported` for what has no saved form, by its kind */
function saveOpenThings(state: OpenThings): SavedPart<OpenThings> {
  const things = [...state.things].map(([number, thing]): Json => ({ number, ...saveThing(thing) }));
  return { saved: { state: { next: state.next, things }, blobs: {} }, whole: state };
}

/** @throws FargoError `invalid-image` */
function loadOpenThings(saved: SavedDevice): OpenThings {
  const fields = new Fields(saved.state, saved.path);
  const [blob] = Object.keys(saved.blobs);
  if (blob !== undefined) throw new FargoError('invalid-image', `${saved.path} has a blob ${blob.slice(0, 100)}`);
  const next = fields.number('next', NUMBERS);
  const things = new Map<number, OpenThing>();
  for (const [number, thing] of fields.objects('things', THINGS_MAX, (each) => readThing(each, next))) {
    if (things.has(number)) throw fields.wrong('things', 'each number once');
    things.set(number, thing);
  }
  fields.end();
  return { next, things };
}

function saveThing(thing: OpenThing): { readonly [name: string]: Json } {
  switch (thing.kind) {
    case 'input':
      return { kind: thing.kind, fd: thing.fd, offset: text(thing.offset) };
    case 'output':
      return { kind: thing.kind, fd: thing.fd, offset: thing.offset === 'append' ? thing.offset : text(thing.offset) };
    case 'listing':
      return { kind: thing.kind, fd: thing.fd, cookie: text(thing.cookie) };
    case 'pollable':
      return { kind: thing.kind, at: text(thing.at) };
    case 'error':
      return { kind: thing.kind, code: thing.code };
    case 'terminal':
      return { kind: thing.kind };
    case 'descriptor':
      return { kind: thing.kind, fd: thing.fd };
    default: {
      const { kind } = thing as { readonly kind: string };
      throw new FargoError('unsupported', `the component has a ${kind} open, which can't be saved`);
    }
  }
}

function readThing(fields: Fields, next: number): [number, OpenThing] {
  const number = fields.number('number', [1, next - 1]);
  const kind = fields.word('kind', ['input', 'output', 'listing', 'pollable', 'error', 'terminal', 'descriptor']);
  const fd = (): number => fields.number('fd', INT32);
  const optional = (name: string): bigint | undefined => fields.optional(name, (of, field) => of.bigint(field, UINT64));
  switch (kind) {
    case 'input':
      return [number, { kind, fd: fd(), offset: optional('offset') }];
    case 'output': {
      const appends = fields.any('offset') === 'append';
      return [number, { kind, fd: fd(), offset: appends ? 'append' : optional('offset') }];
    }
    case 'listing':
      return [number, { kind, fd: fd(), cookie: fields.bigint('cookie', UINT64) }];
    case 'pollable':
      return [number, { kind, at: optional('at') }];
    case 'error':
      return [number, { kind, code: fields.text('code', CODE_LENGTH) }];
    case 'terminal':
      return [number, { kind }];
    case 'descriptor':
      return [number, { kind, fd: fd() }];
  }
}

function text(value: bigint | undefined): string | null {
  return value === undefined ? null : value.toString();
}
