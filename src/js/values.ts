/**
 * Values that go into a JavaScript guest and come out of it, as text. Both sides use this file: the host, and the engine's
 * guest program.
 *
 * The text is JSON. What JSON lacks is an object with the one member `$`, a list of a tag and what it holds:
 *
 * ```
 *   undefined     {"$":["undefined"]}            Date         {"$":["date",0]}
 *   NaN, -0, ...  {"$":["number","NaN"]}         Uint8Array   {"$":["Uint8Array","aGk="]}, other views alike
 *   12n           {"$":["bigint","c"]}           Map, Set     {"$":["map",[[k,v],...]]}, {"$":["set",[v,...]]}
 *   an Error      {"$":["error",{name,message}]} { $: ... }   {"$":["object",{"$":...}]}
 * ```
 *
 * Functions, symbols and cycles are refused. Objects of classes become plain ones, by `toJSON` if they have it. A member named
 * `__proto__` is left out: who copies objects by assignment would change a prototype with it.
 */

/** Values within values. Threat: cycles, and a stack that overflows. */
const DEPTH_MAX = 500;

/**
 * Characters of one text. Threat: `[[],[],…` of a guest, which takes twenty times as much of the host's memory once it is read.
 */
export const TEXT_MAX: number = 32 << 20;

/** Taken before a source may break them. */
const { parse, stringify } = JSON;

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
type Fields = Readonly<Record<string, unknown>>;

/** A value that can't cross. */
export class ValueError extends TypeError {
  constructor(message: string) {
    super(message);
    this.name = 'ValueError';
  }
}

/** @throws ValueError for what can't cross */
export function toText(value: unknown): string {
  return stringify(lower(value, 0));
}

/** @throws ValueError for text that {@link toText} did not make, and for what is no text: a component says of which type it is */
export function fromText(text: string): unknown {
  if (typeof text !== 'string') throw malformed();
  if (text.length > TEXT_MAX) throw new ValueError(`a value of ${text.length} characters; ${TEXT_MAX} are allowed`);
  let json: unknown;
  try {
    json = parse(text);
  } catch {
    throw malformed();
  }
  return lift(json, 0);
}

const VIEWS = {
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigUint64Array,
  BigInt64Array,
} as const;
type ViewName = keyof typeof VIEWS;

function tagged(tag: string, ...held: readonly Json[]): Json {
  return { $: [tag, ...held] };
}

function lower(value: unknown, depth: number): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      if (Number.isFinite(value) && !Object.is(value, -0)) return value;
      return tagged('number', Object.is(value, -0) ? '-0' : String(value));
    case 'undefined':
      return tagged('undefined');
    case 'bigint':
      return tagged('bigint', value.toString(16));
    case 'object':
      return value === null ? null : lowerObject(value, depth + 1);
    default:
      throw new ValueError(`a ${typeof value} can't go into or out of a sandbox`);
  }
}

function lowerObject(value: object, depth: number): Json {
  if (depth > DEPTH_MAX) throw new ValueError(`a value that holds itself, or values nested deeper than ${DEPTH_MAX}`);
  if (Array.isArray(value)) return Array.from(value, (each: unknown) => lower(each, depth));
  if (value instanceof Date) return tagged('date', Number.isNaN(value.getTime()) ? null : value.getTime());
  if (ArrayBuffer.isView(value)) return lowerView(value);
  if (value instanceof ArrayBuffer) return tagged('ArrayBuffer', toBase64(new Uint8Array(value)));
  if (value instanceof Map) {
    return tagged(
      'map',
      Array.from(value as Map<unknown, unknown>, (pair) => pair.map((each) => lower(each, depth))),
    );
  }
  if (value instanceof Set)
    return tagged(
      'set',
      Array.from(value as Set<unknown>, (each) => lower(each, depth)),
    );
  if (value instanceof Error) {
    const { name, message } = value;
    return tagged('error', { name: String(name), message: String(message) });
  }
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON === 'function') return lower((toJSON as () => unknown).call(value), depth);
  const members: Record<string, Json> = {};
  for (const name of Object.keys(value)) {
    if (name !== '__proto__') members[name] = lower((value as Fields)[name], depth);
  }
  return Object.hasOwn(members, '$') ? tagged('object', members) : members;
}

function lowerView(view: ArrayBufferView): Json {
  const name = Object.prototype.toString.call(view).slice('[object '.length, -1);
  if (!Object.hasOwn(VIEWS, name)) throw new ValueError(`a ${name} can't go into or out of a sandbox`);
  return tagged(name, toBase64(new Uint8Array(view.buffer, view.byteOffset, view.byteLength)));
}

function lift(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEPTH_MAX) throw new ValueError(`values nested deeper than ${DEPTH_MAX}`);
  if (Array.isArray(value)) return value.map((each: unknown) => lift(each, depth + 1));
  const fields = value as Fields;
  if (!Object.hasOwn(fields, '$')) return members(fields, depth);
  const held = fields['$'];
  if (!Array.isArray(held)) throw malformed();
  return liftTagged(held[0], held[1], depth);
}

function members(fields: Fields, depth: number): Record<string, unknown> {
  const lifted: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    if (name !== '__proto__') lifted[name] = lift(fields[name], depth + 1);
  }
  return lifted;
}

function liftTagged(tag: unknown, held: unknown, depth: number): unknown {
  const list = (): unknown[] => {
    if (!Array.isArray(held)) throw malformed();
    return held.map((each: unknown) => lift(each, depth + 1));
  };
  switch (tag) {
    case 'undefined':
      return undefined;
    case 'number':
      return Number(text(held));
    case 'bigint':
      return hexToBigInt(text(held));
    case 'date':
      if (held !== null && typeof held !== 'number') throw malformed();
      return new Date(held ?? Number.NaN);
    case 'object':
      return members(record(held), depth + 1);
    case 'error': {
      const { name, message } = record(held);
      return Object.defineProperty(new Error(text(message)), 'name', { value: text(name), configurable: true });
    }
    case 'map':
      return new Map(
        list().map((pair) => {
          if (!Array.isArray(pair)) throw malformed();
          return [pair[0], pair[1]] as [unknown, unknown];
        }),
      );
    case 'set':
      return new Set(list());
    case 'ArrayBuffer':
      return fromBase64(text(held)).buffer;
    default:
      if (typeof tag !== 'string' || !Object.hasOwn(VIEWS, tag)) throw malformed();
      return liftView(tag as ViewName, fromBase64(text(held)));
  }
}

function liftView(name: ViewName, bytes: Uint8Array<ArrayBuffer>): ArrayBufferView {
  const View = VIEWS[name];
  if (bytes.length % View.BYTES_PER_ELEMENT !== 0) throw malformed();
  return new View(bytes.buffer);
}

function malformed(): ValueError {
  return new ValueError('the text is not of a value that crossed');
}

function text(held: unknown): string {
  if (typeof held !== 'string') throw malformed();
  return held;
}

function record(held: unknown): Fields {
  if (typeof held !== 'object' || held === null || Array.isArray(held)) throw malformed();
  return held as Fields;
}

/** Hexadecimal: the engine reads it in linear time, which is not so for decimal digits. */
function hexToBigInt(digits: string): bigint {
  const found = /^(-?)([0-9a-f]+)$/.exec(digits);
  if (found === null) throw malformed();
  const value = BigInt(`0x${found[2]}`);
  return found[1] === '-' ? -value : value;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const DIGITS: Readonly<Record<string, number>> = Object.fromEntries([...ALPHABET].map((each, index) => [each, index]));

/** RFC 4648, 4. */
function toBase64(bytes: Uint8Array): string {
  let base64 = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const word = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    base64 += ALPHABET[word >> 18]! + ALPHABET[(word >> 12) & 63]!;
    base64 += at + 1 < bytes.length ? ALPHABET[(word >> 6) & 63]! : '=';
    base64 += at + 2 < bytes.length ? ALPHABET[word & 63]! : '=';
  }
  return base64;
}

function fromBase64(base64: string): Uint8Array<ArrayBuffer> {
  if (base64.length % 4 !== 0) throw malformed();
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((base64.length / 4) * 3 - padding);
  for (let at = 0, to = 0; at < base64.length; at += 4, to += 3) {
    const last = at + 4 === base64.length ? padding : 0;
    let word = 0;
    for (let i = 0; i < 4; i++) {
      const digit = i < 4 - last ? DIGITS[base64[at + i]!] : 0;
      if (digit === undefined) throw malformed();
      word = (word << 6) | digit;
    }
    bytes[to] = word >> 16;
    if (last < 2) bytes[to + 1] = word >> 8;
    if (last < 1) bytes[to + 2] = word;
  }
  return bytes;
}
