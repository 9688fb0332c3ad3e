/**
 * Plain data of unknown origin, field by field: each read says which type and range it wants, each error names the path
 * of the field. Fields that nobody asked for are an error too ({@link Fields.end}), so that nothing is passed over.
 *
 * All errors are `FargoError` `invalid-image`.
 */

import { FargoError } from './errors.ts';

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Numbers from `low` to `high`. */
export type Range = readonly [low: number, high: number];

export class Fields {
  /** Path of the object in its document, for messages. */
  readonly path: string;
  readonly #values: { readonly [name: string]: Json };
  readonly #left: Set<string>;

  constructor(value: Json | undefined, path: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(path, value, 'an object');
    this.path = path;
    this.#values = value as { readonly [name: string]: Json };
    this.#left = new Set(Object.keys(value));
  }

  /** The value as it is, whatever it is. */
  any(name: string): Json {
    const value = this.#take(name);
    if (value === undefined) throw wrong(`${this.path}.${name}`, undefined, 'a value');
    return value;
  }

  /** Names of all fields. */
  get names(): string[] {
    return Object.keys(this.#values);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#values, name);
  }

  text(name: string, lengthMax: number): string {
    const value = this.#take(name);
    if (typeof value !== 'string') throw this.#wrong(name, value, 'text');
    if (value.length > lengthMax) throw this.#wrong(name, value, `text of at most ${lengthMax} characters`);
    return value;
  }

  /** One of a few words. */
  word<T extends string>(name: string, words: readonly T[]): T {
    const value = this.#take(name);
    if (!words.includes(value as T)) throw this.#wrong(name, value, `one of ${words.join(', ')}`);
    return value as T;
  }

  /** Text of hexadecimal digits, as bytes: exactly `bytes` of them. */
  hex(name: string, bytes: number): Uint8Array<ArrayBuffer> {
    const text = this.text(name, 2 * bytes);
    if (text.length !== 2 * bytes || !/^[0-9a-f]*$/.test(text)) {
      throw this.#wrong(name, text, `${bytes} bytes as hexadecimal digits`);
    }
    return fromHex(text);
  }

  truth(name: string): boolean {
    const value = this.#take(name);
    if (typeof value !== 'boolean') throw this.#wrong(name, value, 'true or false');
    return value;
  }

  /** A whole number. */
  number(name: string, [low, high]: Range): number {
    const value = this.#take(name);
    if (!Number.isSafeInteger(value) || (value as number) < low || (value as number) > high) {
      throw this.#wrong(name, value, `a whole number from ${low} to ${high}`);
    }
    return value as number;
  }

  /** A whole number as decimal digits. */
  bigint(name: string, [low, high]: readonly [bigint, bigint]): bigint {
    const text = this.#take(name);
    const value = typeof text === 'string' && /^(0|-?[1-9][0-9]{0,38})$/.test(text) ? BigInt(text) : undefined;
    if (value === undefined || value < low || value > high) {
      throw this.#wrong(name, text, `decimal digits from ${low} to ${high}`);
    }
    return value;
  }

  /** What `read` makes of the field, or undefined where that is null. */
  optional<T>(name: string, read: (fields: this, name: string) => T): T | undefined {
    if (this.#values[name] !== null || !this.has(name)) return read(this, name);
    this.#left.delete(name);
    return undefined;
  }

  object(name: string): Fields {
    return new Fields(this.#take(name), `${this.path}.${name}`);
  }

  /** The elements of an array. */
  list(name: string, countMax: number): readonly Json[] {
    const value = this.#take(name);
    if (!Array.isArray(value)) throw this.#wrong(name, value, 'an array');
    if (value.length > countMax) {
      throw wrong(`${this.path}.${name}`, value, `an array of at most ${countMax}`);
    }
    return value as readonly Json[];
  }

  /** The elements of an array of objects, each read to its end. */
  objects<T>(name: string, countMax: number, read: (fields: Fields, index: number) => T): T[] {
    return this.list(name, countMax).map((value, index) => {
      const fields = new Fields(value, `${this.path}.${name}[${index}]`);
      const result = read(fields, index);
      fields.end();
      return result;
    });
  }

  /** The elements of an array of texts. */
  texts(name: string, countMax: number, lengthMax: number): string[] {
    return this.list(name, countMax).map((value, index) => {
      if (typeof value === 'string' && value.length <= lengthMax) return value;
      throw wrong(`${this.path}.${name}[${index}]`, value, `text of at most ${lengthMax} characters`);
    });
  }

  /** The elements of an array of whole numbers. */
  numbers(name: string, countMax: number, [low, high]: Range): number[] {
    return this.list(name, countMax).map((value, index) => {
      if (Number.isSafeInteger(value) && (value as number) >= low && (value as number) <= high) return value as number;
      throw wrong(`${this.path}.${name}[${index}]`, value, `a whole number from ${low} to ${high}`);
    });
  }

  /** Nothing else may stand here. */
  end(): void {
    for (const name of this.#left) throw wrong(`${this.path}.${name.slice(0, 100)}`, undefined, 'no such field');
  }

  /** The error that a field is not as it should be. */
  wrong(name: string, expected: string): FargoError {
    return this.#wrong(name, this.#values[name], expected);
  }

  #take(name: string): Json | undefined {
    this.#left.delete(name);
    return this.has(name) ? this.#values[name] : undefined;
  }

  #wrong(name: string, value: Json | undefined, expected: string): FargoError {
    return wrong(`${this.path}.${name}`, value, expected);
  }
}

function fromHex(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

function wrong(path: string, value: Json | undefined, expected: string): FargoError {
  const place = path.length > 300 ? `${path.slice(0, 150)}...${path.slice(-150)}` : path;
  return new FargoError('invalid-image', `${place} is ${spell(value)}; expected is ${expected}`);
}

function spell(value: Json | undefined): string {
  if (value === undefined) return 'missing or unknown';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return JSON.stringify(typeof value === 'string' ? value.slice(0, 100) : value);
}
