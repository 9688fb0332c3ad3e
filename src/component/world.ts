/**
 * What a component imports and exports, with all types, read from its own bytes: nothing of jco's is needed for it. For
 * people (`inspect`), and to take arguments by their types.
 *
 * A component declares types, functions and instances in the order of their use, each in an index space of its sort; an import
 * or export is an entry of such a space too. Types that have a name are copies with it, so that they can be told by it.
 * What cannot be known here (core types within types, functions of the asynchronous model) is refused by its kind.
 */

import { Cursor } from '../wasm/leb.ts';
import { NAME_BYTES_MAX } from '../wasm/limits.ts';
import type { Defined, FuncType, Item, NamedItem, WitType } from './wit-types.ts';

/** Items in one list. Threat: memory, an object each for a byte or two. */
const ITEMS_MAX = 100_000;
/** Components, and types, within each other; no tool nests deeper than a few. Threat: the stack. */
const DEPTH_MAX = 16;
const HEADER_BYTES = 8;

export interface World {
  readonly imports: readonly NamedItem[];
  readonly exports: readonly NamedItem[];
  /** Its core modules, in the order of the file. */
  readonly modules: readonly CoreModule[];
}

export interface CoreModule {
  readonly bytes: Uint8Array;
  /** Whether it is that of a component within. */
  readonly nested: boolean;
}

/** The world of a component. @throws FargoError `invalid-module`, `unsupported`, `limit` */
export function readWorld(component: Uint8Array): World {
  const modules: CoreModule[] = [];
  const scope = new ComponentReader(component, HEADER_BYTES, component.length, modules).component(undefined, 0);
  return { imports: scope.imports, exports: scope.exports, modules };
}

const SORT_CORE = 0;
const SORT_FUNC = 1;
const SORT_TYPE = 3;
const SORT_COMPONENT = 4;
const SORT_INSTANCE = 5;

const PRIMITIVES: Readonly<Record<number, WitType>> = {
  0x7f: { kind: 'bool' },
  0x7e: { kind: 's8' },
  0x7d: { kind: 'u8' },
  0x7c: { kind: 's16' },
  0x7b: { kind: 'u16' },
  0x7a: { kind: 's32' },
  0x79: { kind: 'u32' },
  0x78: { kind: 's64' },
  0x77: { kind: 'u64' },
  0x76: { kind: 'f32' },
  0x75: { kind: 'f64' },
  0x74: { kind: 'char' },
  0x73: { kind: 'string' },
};

/** The index spaces of a component or a type of one. */
class Scope {
  readonly outer: Scope | undefined;
  readonly types: Defined[] = [];
  readonly funcs: FuncType[] = [];
  readonly components: Item[] = [];
  readonly instances: Item[] = [];
  readonly imports: NamedItem[] = [];
  readonly exports: NamedItem[] = [];

  constructor(outer: Scope | undefined) {
    this.outer = outer;
  }

  /** Adds an item to the space of its sort. */
  add(item: Item): void {
    if (item.sort === 'func') this.funcs.push(item.type);
    else if (item.sort === 'type') this.types.push(item.type);
    else if (item.sort === 'component') this.components.push(item);
    else if (item.sort === 'instance') this.instances.push(item);
  }

  get items(): ReadonlyMap<string, Item> {
    return new Map(this.exports.map(({ name, item }) => [name, item]));
  }
}

class ComponentReader extends Cursor {
  readonly #modules: CoreModule[];

  constructor(bytes: Uint8Array, at: number, end: number, modules: CoreModule[]) {
    super(bytes, at, end, 'component');
    this.#modules = modules;
  }

  component(outer: Scope | undefined, depth: number): Scope {
    if (depth > DEPTH_MAX) this.fail(`components are nested deeper than ${DEPTH_MAX}`, this.at, 'limit');
    const scope = new Scope(outer);
    while (this.at < this.end) {
      const id = this.u8();
      const length = this.u32();
      const from = this.skip(length);
      const section = new ComponentReader(this.bytes, from, from + length, this.#modules);
      if (id === 1) {
        this.#modules.push({ bytes: this.bytes.subarray(from, from + length), nested: outer !== undefined });
      } else if (id === 4) {
        section.skip(HEADER_BYTES);
        const inner = section.component(scope, depth + 1);
        scope.add({ sort: 'component', exports: inner.items });
      } else section.#section(id, scope);
    }
    return scope;
  }

  #section(id: number, scope: Scope): void {
    if (id === 5) this.#each(() => this.#instance(scope));
    else if (id === 6) this.#each(() => this.#alias(scope));
    else if (id === 7) this.#each(() => scope.types.push(this.#type(scope, 0)));
    else if (id === 8) this.#each(() => this.#canonical(scope));
    else if (id === 10) this.#each(() => this.#import(scope, 0));
    else if (id === 11) this.#each(() => this.#export(scope));
    else if (![0, 2, 3].includes(id)) this.fail(`a section of kind ${id}`, this.at, 'unsupported');
  }

  #each(read: () => void): void {
    for (let left = this.count('items', ITEMS_MAX); left > 0; left--) read();
  }

  #list<T>(read: () => T): T[] {
    const list: T[] = [];
    this.#each(() => list.push(read()));
    return list;
  }

  #label(): string {
    return this.name('a name', NAME_BYTES_MAX);
  }

  #externName(): string {
    if (this.u8() > 1) this.fail('a name of a kind that is not known', this.at - 1, 'unsupported');
    return this.#label();
  }

  #at<T>(space: readonly T[], what: string): T {
    const from = this.at;
    const index = this.u32();
    return space[index] ?? this.fail(`there is no ${what} ${index}`, from);
  }

  #item(sort: number, scope: Scope): Item {
    if (sort === SORT_FUNC) return { sort: 'func', type: this.#at(scope.funcs, 'function') };
    if (sort === SORT_TYPE) return { sort: 'type', type: this.#at(scope.types, 'type') };
    if (sort === SORT_COMPONENT) return this.#at(scope.components, 'component');
    if (sort === SORT_INSTANCE) return this.#at(scope.instances, 'instance');
    this.u32();
    return { sort: 'other' };
  }

  #sort(): number {
    const sort = this.u8();
    // A core module is the only thing of core's sorts that leaves a component.
    if (sort === SORT_CORE) this.u8();
    return sort;
  }

  #instance(scope: Scope): void {
    if (this.u8() === 0) {
      const component = this.#at(scope.components, 'component');
      this.#each(() => {
        this.#label();
        this.#item(this.#sort(), scope);
      });
      scope.add({ sort: 'instance', exports: component.sort === 'component' ? component.exports : new Map() });
      return;
    }
    const exports = this.#list(() => [this.#externName(), this.#item(this.#sort(), scope)] as const);
    scope.add({ sort: 'instance', exports: new Map(exports) });
  }

  #alias(scope: Scope): void {
    const sort = this.#sort();
    const target = this.u8();
    if (target === 0) {
      const instance = this.#at(scope.instances, 'instance');
      const name = this.#label();
      const found = instance.sort === 'instance' ? instance.exports.get(name) : undefined;
      if (found === undefined && sort !== SORT_CORE) this.fail('an instance does not export what is taken from it');
      if (found !== undefined) scope.add(found);
    } else if (target === 1) {
      this.u32();
      this.#label();
    } else {
      const from = this.at;
      let count = this.u32();
      let outer: Scope | undefined = scope;
      for (; count > 0 && outer !== undefined; count--) outer = outer.outer;
      if (outer === undefined) return this.fail('there are not as many components around', from);
      const item = this.#item(sort, outer);
      scope.add(item);
    }
  }

  #import(scope: Scope, depth: number): void {
    const name = this.#externName();
    const item = named(name, this.#externType(scope, depth));
    scope.add(item);
    scope.imports.push({ name, item });
  }

  #export(scope: Scope): void {
    const name = this.#externName();
    let item = this.#item(this.#sort(), scope);
    // What it is said to be counts, where that is said.
    if (this.u8() === 1) item = this.#externType(scope, 0);
    item = named(name, item);
    scope.add(item);
    scope.exports.push({ name, item });
  }

  #externType(scope: Scope, depth: number): Item {
    const from = this.at;
    const kind = this.u8();
    switch (kind) {
      case 0:
        this.u8();
        this.u32();
        return { sort: 'other' };
      case 1: {
        const type = this.#at(scope.types, 'type');
        if (type.kind !== 'func') return this.fail('a function of a type that is none of functions', from);
        return { sort: 'func', type };
      }
      case 3:
        if (this.u8() === 0) return { sort: 'type', type: this.#at(scope.types, 'type') };
        return { sort: 'type', type: { kind: 'resource' } };
      case 4:
      case 5: {
        const type = this.#at(scope.types, 'type');
        const wanted = kind === 4 ? 'component' : 'instance';
        if (type.kind !== wanted) return this.fail(`an ${wanted} of another type`, from);
        return { sort: wanted, exports: type.exports };
      }
      default:
        return this.fail(`a type of kind ${kind}, ${depth} deep`, from, 'unsupported');
    }
  }

  #canonical(scope: Scope): void {
    const from = this.at;
    const kind = this.u8();
    if (kind === 0) {
      this.u8();
      this.u32();
      this.#options();
      const type = this.#at(scope.types, 'type');
      if (type.kind !== 'func') return this.fail('a function is lifted to a type that is none of functions', from);
      scope.funcs.push(type);
    } else if (kind === 1) {
      this.u8();
      this.u32();
      this.#options();
    } else if (kind >= 2 && kind <= 4) this.u32();
    else this.fail(`a canonical function of kind ${kind}`, from, 'unsupported');
  }

  #options(): void {
    this.#each(() => {
      const kind = this.u8();
      if (kind === 3 || kind === 4 || kind === 5 || kind === 7) this.u32();
      else if (kind > 7) this.fail(`an option of kind ${kind}`, this.at - 1, 'unsupported');
    });
  }

  #type(scope: Scope, depth: number): Defined {
    if (depth > DEPTH_MAX) this.fail(`types are nested deeper than ${DEPTH_MAX}`, this.at, 'limit');
    const kind = this.u8();
    if (kind === 0x40 || kind === 0x43) return this.#function(scope, kind === 0x43);
    if (kind === 0x41 || kind === 0x42) {
      const inner = new Scope(scope);
      this.#each(() => this.#declaration(inner, depth));
      return { kind: kind === 0x41 ? 'component' : 'instance', exports: inner.items };
    }
    if (kind === 0x3f || kind === 0x3e) {
      this.u8();
      if (this.u8() === 1) this.u32();
      if (kind === 0x3e && this.u8() === 1) this.u32();
      return { kind: 'resource' };
    }
    this.at--;
    return this.#valueType(scope);
  }

  #function(scope: Scope, isAsync: boolean): FuncType {
    const params = this.#list(() => ({ name: this.#label(), type: this.#value(scope) }));
    const hasResult = this.u8() === 0;
    const result = hasResult ? this.#value(scope) : undefined;
    if (!hasResult) this.u8();
    return { kind: 'func', params, result, isAsync };
  }

  #declaration(scope: Scope, depth: number): void {
    const kind = this.u8();
    if (kind === 1) scope.types.push(this.#type(scope, depth + 1));
    else if (kind === 2) this.#alias(scope);
    else if (kind === 3) this.#import(scope, depth + 1);
    else if (kind === 4) {
      const name = this.#externName();
      const item = named(name, this.#externType(scope, depth + 1));
      scope.add(item);
      scope.exports.push({ name, item });
    } else this.fail(`a declaration of kind ${kind}`, this.at - 1, 'unsupported');
  }

  /** A type where a value's is expected. */
  #value(scope: Scope): WitType {
    const from = this.at;
    const primitive = PRIMITIVES[this.bytes[this.at] ?? 0];
    if (primitive !== undefined) {
      this.u8();
      return primitive;
    }
    const index = this.s33();
    const type = scope.types[index];
    if (type === undefined) return this.fail(`there is no type ${index}`, from);
    if (type.kind === 'func' || type.kind === 'instance' || type.kind === 'component' || type.kind === 'resource') {
      return this.fail(`type ${index} is none of values`, from);
    }
    return type;
  }

  #optional(scope: Scope): WitType | undefined {
    return this.u8() === 1 ? this.#value(scope) : undefined;
  }

  #valueType(scope: Scope): WitType {
    const from = this.at;
    const kind = this.u8();
    switch (kind) {
      case 0x72:
        return { kind: 'record', fields: this.#list(() => ({ name: this.#label(), type: this.#value(scope) })) };
      case 0x71:
        return {
          kind: 'variant',
          cases: this.#list(() => {
            const each = { name: this.#label(), type: this.#optional(scope) };
            // Once meant for what it refines.
            this.u8();
            return each;
          }),
        };
      case 0x70:
        return { kind: 'list', item: this.#value(scope), length: undefined };
      case 0x67: {
        const item = this.#value(scope);
        return { kind: 'list', item, length: this.u32() };
      }
      case 0x6f:
        return { kind: 'tuple', items: this.#list(() => this.#value(scope)) };
      case 0x6e:
        return { kind: 'flags', names: this.#list(() => this.#label()) };
      case 0x6d:
        return { kind: 'enum', names: this.#list(() => this.#label()) };
      case 0x6b:
        return { kind: 'option', item: this.#value(scope) };
      case 0x6a: {
        const ok = this.#optional(scope);
        return { kind: 'result', ok, error: this.#optional(scope) };
      }
      case 0x69:
      case 0x68: {
        const type = this.#at(scope.types, 'type');
        if (type.kind !== 'resource') return this.fail('a handle of what is no resource', from);
        return { kind: kind === 0x69 ? 'own' : 'borrow', resource: type };
      }
      default:
        return PRIMITIVES[kind] ?? this.fail(`a type of kind 0x${kind.toString(16)}`, from, 'unsupported');
    }
  }
}

/** A type gets the name that it is imported or exported under. */
function named(name: string, item: Item): Item {
  if (item.sort !== 'type' || item.type.kind === 'func') return item;
  return { sort: 'type', type: { ...item.type, name } };
}
