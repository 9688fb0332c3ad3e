/** Names and values of headers, and `fields` of wasi:http. */

import { WasiError } from './error-codes.ts';
import { headersSize, type Field } from './http-values.ts';
import { numberedAs, repOf, takeNumber, type Numbered } from './numbered.ts';
import type { OpenTable } from './open-things.ts';

/** RFC 9110, 5.6.2: a token. */
const TOKEN = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/;
const NAME_LENGTH_MAX = 1024;
/** Of one set of headers. */
const FIELDS_BYTES_MAX = 1 << 20;
/** Of one connection, which is the host's. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

export function isForbidden(name: string): boolean {
  return FORBIDDEN.has(name);
}

/** @throws WasiError with a `header-error` */
function checked(name: string, value: Uint8Array): Field {
  const lower = requireName(name);
  if (!isValue(value)) throw new WasiError({ tag: 'invalid-syntax' });
  return [lower, value.slice()];
}

function requireName(name: string): string {
  if (!isName(name)) throw new WasiError({ tag: 'invalid-syntax' });
  const lower = name.toLowerCase();
  if (FORBIDDEN.has(lower)) throw new WasiError({ tag: 'forbidden' });
  return lower;
}

export function isName(name: string): boolean {
  return name.length <= NAME_LENGTH_MAX && TOKEN.test(name);
}

/** RFC 9110, 5.5: no control characters but the tab. */
export function isValue(value: Uint8Array): boolean {
  return value.every((byte) => (byte >= 0x20 && byte !== 0x7f) || byte === 9);
}

/** The class that a guest makes and asks. */
export interface FieldsClass {
  new (): object;
}

export interface FieldsDoor {
  readonly Fields: FieldsClass;
  /** Headers that a guest may only read. */
  immutable(entries: readonly Field[]): object;
  /** Takes the entries of fields that the guest gave away. */
  taken(fields: Numbered): readonly Field[];
}

export function fieldsOf(table: OpenTable): FieldsDoor {
  const entriesOf = (fields: Numbered): readonly Field[] => table.get(repOf(fields), 'fields').entries;
  const change = (fields: Numbered, to: (entries: readonly Field[]) => readonly Field[]): void => {
    const { immutable, entries } = table.get(repOf(fields), 'fields');
    if (immutable) throw new WasiError({ tag: 'immutable' });
    const changed = to(entries);
    if (headersSize(changed) > FIELDS_BYTES_MAX) throw new WasiError({ tag: 'forbidden' });
    table.set(repOf(fields), { kind: 'fields', entries: changed, immutable });
  };
  const add = (entries: readonly Field[], immutable: boolean): object =>
    numberedAs(Fields, table.add({ kind: 'fields', entries, immutable }));

  class Fields {
    constructor() {
      takeNumber(this, table.add({ kind: 'fields', entries: [], immutable: false }));
    }

    static fromList(list: readonly (readonly [string, Uint8Array])[]): object {
      const entries = list.map(([name, value]) => checked(name, value));
      if (headersSize(entries) > FIELDS_BYTES_MAX) throw new WasiError({ tag: 'forbidden' });
      return add(entries, false);
    }

    get(name: string): Uint8Array[] {
      const wanted = name.toLowerCase();
      return entriesOf(this).flatMap(([each, value]) => (each === wanted ? [value] : []));
    }

    has(name: string): boolean {
      return this.get(name).length > 0;
    }

    set(name: string, values: readonly Uint8Array[]): void {
      const made = values.map((value) => checked(name, value));
      const lower = requireName(name);
      change(this, (entries) => [...entries.filter(([each]) => each !== lower), ...made]);
    }

    delete(name: string): void {
      const lower = requireName(name);
      change(this, (entries) => entries.filter(([each]) => each !== lower));
    }

    append(name: string, value: Uint8Array): void {
      const made = checked(name, value);
      change(this, (entries) => [...entries, made]);
    }

    entries(): [string, Uint8Array][] {
      return entriesOf(this).map(([name, value]) => [name, value]);
    }

    clone(): object {
      return add(entriesOf(this), false);
    }

    static [Symbol.for('cabiDispose')](rep: number): void {
      table.close(rep);
    }
  }

  return {
    Fields,
    immutable: (entries) => add(entries, true),
    taken: (fields) => {
      const entries = entriesOf(fields);
      table.close(repOf(fields));
      return entries;
    },
  };
}
