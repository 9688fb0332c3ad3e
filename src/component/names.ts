/**
 * The names in a component, read before jco sees it: jco writes them into the glue as they are, between quotes, so a name with
 * a quote in it would be code of the host's (tested in test/component/names.test.ts).
 *
 * Read are the sections whose names can be any text: core instances, instances, aliases, imports, exports, and the imports
 * and exports of core modules. Names in types are held to words by the format. A section of another kind is refused.
 */

import { FargoError } from '../base/errors.ts';

/** What ends a string or a comment of JavaScript, or begins code in a template. */
const DANGEROUS = /['"`\\\p{Cc}\u2028\u2029]|\$\{|\*\/|\/\*/u;
const HEADER_BYTES = 8;
/** Components within components; no tool nests deeper than a few. */
const DEPTH_MAX = 16;
const MODULE = 1;
const COMPONENT = 4;
const CORE_SORT = 0;

const decoder = new TextDecoder('utf-8', { fatal: true });

/** @throws FargoError `unsupported` for a name that JavaScript can't hold as it is, `invalid-module` for damaged sections */
export function checkNames(component: Uint8Array): void {
  checkComponent(new Cursor(component, HEADER_BYTES, component.length), 0);
}

function checkComponent(cursor: Cursor, depth: number): void {
  if (depth > DEPTH_MAX) throw new FargoError('limit', `components are nested deeper than ${DEPTH_MAX}`);
  while (cursor.at < cursor.end) {
    const id = cursor.byte();
    const section = cursor.part(cursor.u32());
    if (id === MODULE) checkModule(section);
    else if (id === COMPONENT) checkComponent(section.behind(HEADER_BYTES), depth + 1);
    else if (id in NAMED) section.each(NAMED[id]!);
    else if (!NAMELESS.includes(id)) throw new FargoError('unsupported', `a section of kind ${id} in the component`);
  }
}

/** Custom sections, core types, types, canonical functions. A start or value section is refused: jco has none. */
const NAMELESS: readonly number[] = [0, 3, 7, 8];

/** Sections with names, by what reads one item. */
const NAMED: Readonly<Record<number, (cursor: Cursor) => void>> = {
  // Core instances.
  2: (cursor) => {
    if (cursor.byte() === 0) {
      cursor.u32();
      cursor.each(() => {
        cursor.name();
        cursor.byte();
        cursor.u32();
      });
    } else {
      cursor.each(() => {
        cursor.name();
        cursor.byte();
        cursor.u32();
      });
    }
  },
  // Instances.
  5: (cursor) => {
    if (cursor.byte() === 0) {
      cursor.u32();
      cursor.each(() => {
        cursor.name();
        cursor.sortIndex();
      });
    } else {
      cursor.each(() => {
        cursor.externName();
        cursor.sortIndex();
      });
    }
  },
  // Aliases.
  6: (cursor) => {
    if (cursor.byte() === CORE_SORT) cursor.byte();
    const target = cursor.byte();
    cursor.u32();
    if (target === 2) cursor.u32();
    else cursor.name();
  },
  // Imports.
  10: (cursor) => {
    cursor.externName();
    cursor.externType();
  },
  // Exports.
  11: (cursor) => {
    cursor.externName();
    cursor.sortIndex();
    if (cursor.byte() === 1) cursor.externType();
  },
};

/** A core module's imports and exports. What is wrong with the module otherwise is for others to say. */
function checkModule(cursor: Cursor): void {
  cursor = cursor.behind(HEADER_BYTES);
  while (cursor.at < cursor.end) {
    const id = cursor.byte();
    const section = cursor.part(cursor.u32());
    if (id === 2) {
      section.each(() => {
        section.name();
        section.name();
        section.coreImportType();
      });
    } else if (id === 7) {
      section.each(() => {
        section.name();
        section.byte();
        section.u32();
      });
    }
  }
}

class Cursor {
  readonly #bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.end = end;
  }

  byte(): number {
    if (this.at >= this.end) throw damaged(this.at);
    return this.#bytes[this.at++]!;
  }

  u32(): number {
    const value = this.u64();
    if (value > 0xffff_ffff) throw damaged(this.at);
    return value;
  }

  /** As a number, exact enough for what is only skipped. */
  u64(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw damaged(this.at);
  }

  /** The next bytes, which are skipped here. */
  part(length: number): Cursor {
    const from = this.at;
    if (length > this.end - from) throw damaged(from);
    this.at = from + length;
    return new Cursor(this.#bytes, from, this.at);
  }

  behind(length: number): Cursor {
    this.part(length);
    return this;
  }

  /** A vector, which is read to the end of what is counted. */
  each(read: (cursor: this) => void): void {
    for (let left = this.u32(); left > 0; left--) read(this);
  }

  name(): void {
    const from = this.at;
    const { at, end } = this.part(this.u32());
    let text: string;
    try {
      text = decoder.decode(this.#bytes.subarray(at, end));
    } catch {
      throw damaged(from);
    }
    const found = DANGEROUS.exec(text);
    if (found === null) return;
    throw new FargoError(
      'unsupported',
      `the component has a name with ${JSON.stringify(found[0])}: JavaScript can't be made of it`,
      {
        offset: from,
      },
    );
  }

  externName(): void {
    if (this.byte() > 1) throw new FargoError('unsupported', 'the component has names of a kind that is not known');
    this.name();
  }

  sortIndex(): void {
    if (this.byte() === CORE_SORT) this.byte();
    this.u32();
  }

  externType(): void {
    const kind = this.byte();
    const tagged = kind === 2 || kind === 3;
    if (kind > 5) throw damaged(this.at);
    if (kind === 0) this.byte();
    // A type that is only said to be a resource has no index.
    if (tagged && this.byte() === 1 && kind === 3) return;
    this.u32();
  }

  coreImportType(): void {
    switch (this.byte()) {
      case 0:
        this.u32();
        break;
      case 1:
        this.byte();
        this.limits();
        break;
      case 2:
        this.limits();
        break;
      case 3:
        this.byte();
        this.byte();
        break;
      case 4:
        this.byte();
        this.u32();
        break;
      default:
        throw damaged(this.at);
    }
  }

  limits(): void {
    const flags = this.byte();
    this.u64();
    if ((flags & 1) !== 0) this.u64();
    if ((flags & 8) !== 0) this.u32();
  }
}

function damaged(offset: number): FargoError {
  return new FargoError('invalid-module', 'the component is damaged, or of a form that is not known', { offset });
}
