/** Types of the component model as values, and as WIT text. */

interface Named {
  /** Under which it was exported or imported last. */
  readonly name?: string;
}

interface Member {
  readonly name: string;
  readonly type: WitType;
}

type Primitive =
  'bool' | 's8' | 'u8' | 's16' | 'u16' | 's32' | 'u32' | 's64' | 'u64' | 'f32' | 'f64' | 'char' | 'string';

/** A type of values. */
export type WitType = Named &
  (
    | { readonly kind: Primitive }
    | { readonly kind: 'record'; readonly fields: readonly Member[] }
    | {
        readonly kind: 'variant';
        readonly cases: readonly { readonly name: string; readonly type: WitType | undefined }[];
      }
    | { readonly kind: 'list'; readonly item: WitType; readonly length: number | undefined }
    | { readonly kind: 'tuple'; readonly items: readonly WitType[] }
    | { readonly kind: 'flags'; readonly names: readonly string[] }
    | { readonly kind: 'enum'; readonly names: readonly string[] }
    | { readonly kind: 'option'; readonly item: WitType }
    | { readonly kind: 'result'; readonly ok: WitType | undefined; readonly error: WitType | undefined }
    | { readonly kind: 'own' | 'borrow'; readonly resource: ResourceType }
  );

export interface ResourceType extends Named {
  readonly kind: 'resource';
}

export interface FuncType {
  readonly kind: 'func';
  readonly params: readonly Member[];
  readonly result: WitType | undefined;
  readonly isAsync: boolean;
}

/** Whatever a component defines as a type. */
export type Defined =
  | WitType
  | ResourceType
  | FuncType
  | (Named & { readonly kind: 'instance'; readonly exports: ReadonlyMap<string, Item> })
  | (Named & { readonly kind: 'component'; readonly exports: ReadonlyMap<string, Item> });

/** What a name stands for in an instance or a world. */
export type Item =
  | { readonly sort: 'func'; readonly type: FuncType }
  | { readonly sort: 'type'; readonly type: Defined }
  | { readonly sort: 'instance' | 'component'; readonly exports: ReadonlyMap<string, Item> }
  | { readonly sort: 'other' };

export interface NamedItem {
  readonly name: string;
  readonly item: Item;
}

/** Characters of one type. Threat: types that double at each step; no one reads more. */
const TEXT_MAX = 400;

/** A type as WIT has it, by its name where it has one. */
export function typeText(type: WitType): string {
  const text = new TypeText();
  text.type(type, true);
  return text.text;
}

/** What a type's name stands for: `record { x: s32 }`. */
export function definitionText(type: WitType): string {
  const text = new TypeText();
  text.type(type, false);
  return text.text;
}

/** `(by: u32) -> u32`. */
export function signatureText({ params, result }: FuncType): string {
  const text = new TypeText();
  text.list('(', ')', params, ({ name, type }) => {
    text.add(`${name}: `);
    text.type(type, true);
  });
  if (result !== undefined) {
    text.add(' -> ');
    text.type(result, true);
  }
  return text.text;
}

class TypeText {
  text = '';

  add(text: string): void {
    if (this.text.length < TEXT_MAX) this.text += text;
    else if (!this.text.endsWith('…')) this.text += '…';
  }

  list<T>(open: string, close: string, items: readonly T[], write: (item: T) => void): void {
    this.add(open);
    for (const [at, item] of items.entries()) {
      if (this.text.length >= TEXT_MAX) break;
      if (at > 0) this.add(', ');
      write(item);
    }
    this.add(close);
  }

  type(type: WitType, byName: boolean): void {
    if (byName && type.name !== undefined) return this.add(type.name);
    if (this.text.length >= TEXT_MAX) return this.add('');
    switch (type.kind) {
      case 'record':
        return this.list('record { ', ' }', type.fields, (field) => {
          this.add(`${field.name}: `);
          this.type(field.type, true);
        });
      case 'variant':
        return this.list('variant { ', ' }', type.cases, (each) => {
          this.add(each.name);
          if (each.type !== undefined) this.#within('(', each.type, ')');
        });
      case 'list':
        this.#within('list<', type.item, '');
        return this.add(type.length === undefined ? '>' : `, ${type.length}>`);
      case 'tuple':
        return this.list('tuple<', '>', type.items, (each) => this.type(each, true));
      case 'flags':
      case 'enum':
        return this.list(`${type.kind} { `, ' }', type.names, (name) => this.add(name));
      case 'option':
        return this.#within('option<', type.item, '>');
      case 'result':
        return this.#result(type.ok, type.error);
      case 'own':
        return this.add(type.resource.name ?? 'resource');
      case 'borrow':
        return this.add(`borrow<${type.resource.name ?? 'resource'}>`);
      default:
        return this.add(type.kind);
    }
  }

  #result(ok: WitType | undefined, error: WitType | undefined): void {
    if (ok === undefined && error === undefined) return this.add('result');
    this.add('result<');
    if (ok === undefined) this.add('_');
    else this.type(ok, true);
    if (error !== undefined) this.#within(', ', error, '');
    this.add('>');
  }

  #within(open: string, type: WitType, close: string): void {
    this.add(open);
    this.type(type, true);
    this.add(close);
  }
}
