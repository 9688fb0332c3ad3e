/**
 * The names in a component, and how many instances it has, read before jco sees it: jco writes them into the glue as they are, between quotes, so a name with
 * a quote in it would be code of the host's (tested in test/component/names.test.ts).
 *
 * Read are the sections whose names can be any text: core instances, instances, aliases, imports, exports, and the imports
 * and exports of core modules. Names in types are held to words by the format. A section of another kind is refused.
 *
 * Instances are counted with those that they contain: a component that instantiates another twice, which instantiates a
 * third twice, and so on, is small, and jco would take it apart for hours.
 */

import { FargoError } from '../base/errors.ts';
import { Cursor } from '../wasm/leb.ts';
import { NAME_BYTES_MAX } from '../wasm/limits.ts';

/** What ends a string or a comment of JavaScript, or begins code in a template. */
const DANGEROUS = /['"`\\\p{Cc}\u2028\u2029]|\$\{|\*\/|\/\*/u;
const HEADER_BYTES = 8;
/** Components within components; no tool nests deeper than a few. */
const DEPTH_MAX = 16;
const MODULE = 1;
const COMPONENT = 4;
const CORE_SORT = 0;
const COMPONENT_SORT = 4;
/** With all that they contain, and lists of exports: a real component has some tens, composed of twenty some hundreds. */
const INSTANCES_MAX = 5000;

/** @throws FargoError `unsupported` for a name that JavaScript can't hold as it is, `invalid-module` for damaged sections */
export function checkNames(component: Uint8Array): void {
  checkComponent(new NameReader(component, HEADER_BYTES, component.length), []);
}

/** What is read of a component while it is read. */
interface Scope {
  /** Instances that an instance of each component makes, by the component's index. */
  readonly components: number[];
  instances: number;
}

/** @returns how many instances one of it makes */
function checkComponent(cursor: NameReader, outer: readonly Scope[]): number {
  const scope: Scope = { components: [], instances: 0 };
  const scopes = [...outer, scope];
  if (outer.length > DEPTH_MAX) throw new FargoError('limit', `components are nested deeper than ${DEPTH_MAX}`);
  while (cursor.at < cursor.end) {
    const id = cursor.u8();
    const section = cursor.part(cursor.u32());
    if (id === MODULE) checkModule(section);
    else if (id === COMPONENT) scope.components.push(checkComponent(section.behind(HEADER_BYTES), scopes));
    else if (id in NAMED) section.each((reader) => NAMED[id]!(reader, scopes));
    else if (!NAMELESS.includes(id)) throw new FargoError('unsupported', `a section of kind ${id} in the component`);
  }
  return scope.instances;
}

function addInstances(scopes: readonly Scope[], count: number): void {
  const scope = scopes.at(-1)!;
  scope.instances += count;
  if (scope.instances <= INSTANCES_MAX) return;
  throw new FargoError('limit', `the component has more than ${INSTANCES_MAX} instances, with those that they contain`);
}

/**
 * A component that was defined around this one, or here, gets an index here.
 *
 * @throws FargoError `unsupported` for one that is known only where it is passed: jco has none at the top
 */
function addComponent(scopes: readonly Scope[], of: Scope | undefined, index = 0): void {
  const known = of?.components[index];
  if (known === undefined) throw new FargoError('unsupported', 'the component imports a component');
  scopes.at(-1)!.components.push(known);
}

/** Custom sections, core types, types, canonical functions. A start or value section is refused: jco has none. */
const NAMELESS: readonly number[] = [0, 3, 7, 8];

/** Sections with names, by what reads one item. */
const NAMED: Readonly<Record<number, (cursor: NameReader, scopes: readonly Scope[]) => void>> = {
  // Core instances.
  2: (cursor, scopes) => {
    addInstances(scopes, 1);
    // Of a module with arguments, or of exports inline: a list of names and indices in both.
    if (cursor.u8() === 0) cursor.u32();
    cursor.each(() => {
      cursor.checkName();
      cursor.u8();
      cursor.u32();
    });
  },
  // Instances.
  5: (cursor, scopes) => {
    if (cursor.u8() === 0) {
      addInstances(scopes, 1 + (scopes.at(-1)!.components[cursor.u32()] ?? 0));
      cursor.each(() => {
        cursor.checkName();
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
  6: (cursor, scopes) => {
    const sort = cursor.u8();
    if (sort === CORE_SORT) cursor.u8();
    const target = cursor.u8();
    const of = cursor.u32();
    if (target !== 2) cursor.checkName();
    const outer = target === 2 ? scopes.at(-1 - of) : undefined;
    const index = target === 2 ? cursor.u32() : 0;
    if (sort === COMPONENT_SORT) addComponent(scopes, outer, index);
  },
  // Imports.
  10: (cursor, scopes) => {
    cursor.externName();
    if (cursor.externType() === COMPONENT_SORT) addComponent(scopes, undefined);
  },
  // Exports.
  11: (cursor, scopes) => {
    cursor.externName();
    const { sort, index } = cursor.sortIndex();
    if (sort === COMPONENT_SORT) addComponent(scopes, scopes.at(-1), index);
    if (cursor.u8() === 1) cursor.externType();
  },
};

/** A core module's imports and exports. What is wrong with the module otherwise is for others to say. */
function checkModule(cursor: NameReader): void {
  cursor = cursor.behind(HEADER_BYTES);
  while (cursor.at < cursor.end) {
    const id = cursor.u8();
    const section = cursor.part(cursor.u32());
    if (id === 2) {
      section.each(() => {
        section.checkName();
        section.checkName();
        section.coreImportType();
      });
    } else if (id === 7) {
      section.each(() => {
        section.checkName();
        section.u8();
        section.u32();
      });
    }
  }
}

/** Reads what names stand among, and the names. */
class NameReader extends Cursor {
  constructor(bytes: Uint8Array, at: number, end: number) {
    super(bytes, at, end, 'component');
  }

  /** The next bytes, which are skipped here. */
  part(length: number): NameReader {
    return new NameReader(this.bytes, this.skip(length), this.at);
  }

  behind(length: number): this {
    this.skip(length);
    return this;
  }

  each(read: (reader: this) => void): void {
    for (let left = this.u32(); left > 0; left--) read(this);
  }

  checkName(): void {
    const from = this.at;
    const found = DANGEROUS.exec(this.name('a name', NAME_BYTES_MAX));
    if (found === null) return;
    const [what] = found;
    const message = `the component has a name with ${JSON.stringify(what)}: JavaScript can't be made of it`;
    throw new FargoError('unsupported', message, { offset: from });
  }

  externName(): void {
    if (this.u8() > 1) this.fail('a name of a kind that is not known', this.at - 1, 'unsupported');
    this.checkName();
  }

  sortIndex(): { readonly sort: number; readonly index: number } {
    const sort = this.u8();
    if (sort === CORE_SORT) this.u8();
    return { sort, index: this.u32() };
  }

  /** @returns the kind */
  externType(): number {
    const kind = this.u8();
    if (kind > 5) this.fail(`a type of kind ${kind}`);
    if (kind === 0) this.u8();
    // A type that is only said to be a resource has no index.
    if ((kind === 2 || kind === 3) && this.u8() === 1 && kind === 3) return kind;
    this.u32();
    return kind;
  }

  coreImportType(): void {
    const kind = this.u8();
    if (kind > 4) this.fail(`an import of kind ${kind}`);
    if (kind === 1 || kind === 3 || kind === 4) this.u8();
    if (kind === 0 || kind === 4) this.u32();
    else if (kind === 3) this.u8();
    else this.limits();
  }

  limits(): void {
    const flags = this.u8();
    this.u64();
    if ((flags & 1) !== 0) this.u64();
    if ((flags & 8) !== 0) this.u32();
  }
}
