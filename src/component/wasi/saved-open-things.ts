/**
 * What WASI 0.2 has open as a device's state, and as plain data in a file. Descriptors that it names are checked by preview 1
 * whenever they are used.
 */

import { BinaryReader } from '../../base/binary.ts';
import { Fields, type Json } from '../../base/fields.ts';
import { FargoError } from '../../base/errors.ts';
import type { DeviceFactory, SavedDevice, SavedPart } from '../../machine/device.ts';
import { HELD_BYTES_MAX, heldBy, joined, tooMuch } from './http-values.ts';
import { NOTHING, OpenTable, THINGS_MAX, type OpenThing, type OpenThings } from './open-things.ts';
import { KEPT_HTTP, readHttp, saveHttp, type KeptHttp } from './saved-http.ts';

const INT32: readonly [number, number] = [-(2 ** 31), 2 ** 31 - 1];
const NUMBERS: readonly [number, number] = [1, Number.MAX_SAFE_INTEGER];
const UINT64: readonly [bigint, bigint] = [0n, 2n ** 64n - 1n];
const CODE_LENGTH = 100;
const BODIES = 'bodies';
const PLAIN = ['input', 'output', 'listing', 'pollable', 'error', 'terminal', 'descriptor'] as const;

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
  const bodies: Uint8Array[] = [];
  const put = (bytes: Uint8Array): number => (bodies.push(bytes), bytes.length);
  const things = [...state.things].map(([number, thing]): Json => ({ number, ...saveThing(thing, put) }));
  const blob = joined(bodies);
  return {
    saved: { state: { next: state.next, things }, blobs: blob.length === 0 ? {} : { [BODIES]: blob } },
    whole: state,
  };
}

/** @throws FargoError `invalid-image` */
function loadOpenThings(saved: SavedDevice): OpenThings {
  const fields = new Fields(saved.state, saved.path);
  const { [BODIES]: bodies = new Uint8Array(0), ...others } = saved.blobs;
  const [other] = Object.keys(others);
  if (other !== undefined) throw new FargoError('invalid-image', `${saved.path} has a blob ${other.slice(0, 100)}`);
  const reader = new BinaryReader('the blob of bodies', bodies);
  const take = (length: number): Uint8Array => reader.take(length).slice();
  const next = fields.number('next', NUMBERS);
  const things = new Map<number, OpenThing>();
  for (const [number, thing] of fields.objects('things', THINGS_MAX, (each) => readThing(each, next, take))) {
    if (things.has(number)) throw fields.wrong('things', 'each number once');
    things.set(number, thing);
  }
  fields.end();
  reader.end();
  const held = [...things.values()].reduce((sum, thing) => sum + heldBy(thing), 0);
  if (held > HELD_BYTES_MAX) throw tooMuch();
  return { next, things, held };
}

function saveThing(thing: OpenThing, put: (bytes: Uint8Array) => number): { readonly [name: string]: Json } {
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
      const { kind } = thing;
      if (isKept(thing)) return { kind, ...saveHttp(thing, put) };
      throw new FargoError('unsupported', `the component has a ${kind} open, which can't be saved`);
    }
  }
}

function readThing(fields: Fields, next: number, take: (length: number) => Uint8Array): [number, OpenThing] {
  const number = fields.number('number', [1, next - 1]);
  const kind = fields.word('kind', [...PLAIN, ...KEPT_HTTP]);
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
    default:
      return [number, readHttp(kind, fields, take)];
  }
}

function isKept(thing: OpenThing): thing is KeptHttp {
  return (KEPT_HTTP as readonly string[]).includes(thing.kind);
}

function text(value: bigint | undefined): string | null {
  return value === undefined ? null : value.toString();
}
