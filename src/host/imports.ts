/**
 * Linking: where each import of a module comes from. Tried in this order: what the embedder gave in `imports`, modules of
 * the same machine that have a name, devices, and for memories and tables that nobody gave the declared limits.
 *
 * The guest never gets an object of the host: a memory, table or mutable global that it imports is defined by a small
 * *provider* module that is made here, instrumented like any other and part of the machine, so that it forks with it.
 */

import { FargoError } from '../base/errors.ts';
import type { ImportMeta, ModuleMeta } from '../instrument/meta.ts';
import type { DeviceFactory, HostFunction } from '../machine/device.ts';
import type { Storage } from '../machine/storage.ts';
import type { Link } from '../machine/program.ts';
import { describeExtern, exportType, fitsImport, type ExternType } from './extern-type.ts';
import type { ProvidedItem } from './provider.ts';

/** A memory, table or mutable global that the machine gets, as the JavaScript API describes them. */
export type ProvidedImport =
  | { readonly memory: { readonly initial: number; readonly maximum?: number } }
  | {
      readonly table: {
        readonly element: 'anyfunc' | 'funcref' | 'externref';
        readonly initial: number;
        readonly maximum?: number;
      };
    }
  | { readonly global: { readonly value: 'i32' | 'i64' | 'f32' | 'f64'; readonly init: number | bigint } };

/** What the embedder gives for one import: a function, the value of an immutable global, or a description. */
export type ImportValue = HostFunction | number | bigint | ProvidedImport;

/** The embedder's imports, by module and name. */
export type Imports = Readonly<Record<string, Readonly<Record<string, ImportValue>>>>;

/** Modules of the machine whose exports others may import, by name: position among the units, and what they are. */
export type NamedUnits = ReadonlyMap<string, { readonly unit: number; readonly meta: ModuleMeta }>;

/** The links of a module. Links to a provider have its position in `provided`, and `unit` -1, until it has one. */
export interface Linked {
  readonly links: readonly Link[];
  readonly provided: readonly ProvidedItem[];
}

/** An item to provide before it has its name. */
export type Unnamed = ProvidedItem extends infer Item
  ? Item extends ProvidedItem
    ? Omit<Item, 'name'>
    : never
  : never;

/** The unit of a provider before its position is known. */
export const PROVIDER = -1;

const V128 = 0x7b;

/** @throws FargoError `link` that names every import that can't be had, `unsupported` */
export function linkImports(
  meta: ModuleMeta,
  given: {
    readonly imports: Imports;
    readonly units: NamedUnits;
    readonly devices: readonly DeviceFactory[];
    readonly storage: Storage;
  },
): Linked {
  const provided: ProvidedItem[] = [];
  const missing: string[] = [];
  const probes = given.devices.map((factory) => factory.create(given.storage));
  const provide = (item: Unnamed): Link => {
    const name = String(provided.length);
    provided.push({ ...item, name } as ProvidedItem);
    return { from: 'unit', unit: PROVIDER, name };
  };
  const resolve = (one: ImportMeta): Link => {
    const value = ownValue(given.imports, one);
    if (value !== undefined) return fromValue(one, value, provide);
    const unit = given.units.get(one.module);
    if (unit !== undefined) return fromUnit(one, unit);
    if (one.kind === 'func') {
      const device = probes.findIndex((probe) => probe.functions.resolve(one.module, one.name, one.type) !== undefined);
      if (device >= 0) return { from: 'device', device, type: one.type };
    }
    if (one.kind === 'memory' || one.kind === 'table') return provide({ kind: one.kind, type: one.type } as Unnamed);
    missing.push(`${one.module}.${one.name} (${describeExtern(one)})`);
    return { from: 'value', value: undefined };
  };
  const known = new Map<string, { readonly one: ImportMeta; readonly link: Link }>();
  const links = meta.imports.map((one): Link => {
    const key = `${one.module.length} ${one.module} ${one.name}`;
    const before = known.get(key);
    if (before === undefined) {
      const link = resolve(one);
      known.set(key, { one, link });
      return link;
    }
    requireSame(before.one, one);
    return before.link;
  });
  if (missing.length > 0) {
    throw new FargoError(
      'link',
      `missing ${missing.length === 1 ? 'import' : 'imports'}: ${missing.join(', ')}; give what is needed as \`imports\``,
    );
  }
  return { links, provided };
}

/** What the embedder gave for an import, if anything. */
export function ownValue(imports: Imports, { module, name }: ImportMeta): ImportValue | undefined {
  const group = Object.hasOwn(imports, module) ? imports[module] : undefined;
  return group !== undefined && Object.hasOwn(group, name) ? group[name] : undefined;
}

/** The link to what the embedder gave. Throws `FargoError` `link` where it does not fit, `unsupported`. */
export function fromValue(one: ImportMeta, value: ImportValue, provide: (item: Unnamed) => Link): Link {
  if (one.kind === 'func') {
    if (typeof value !== 'function') throw mismatch(one, value);
    if (one.type.params.includes(V128) || one.type.results.includes(V128)) {
      throw new FargoError(
        'unsupported',
        `import ${one.module}.${one.name} has v128 in its type: no host function can take that`,
      );
    }
    return { from: 'host', fn: value, type: one.type };
  }
  if (one.kind === 'global' && !one.type.mutable && (typeof value === 'number' || typeof value === 'bigint')) {
    if ((one.type.value === I64) !== (typeof value === 'bigint')) throw mismatch(one, value);
    return { from: 'value', value };
  }
  if (typeof value !== 'object' || value === null) throw mismatch(one, value);
  if (one.kind === 'memory' && 'memory' in value) {
    const type = { ...limitsOf(one, value.memory), address64: one.type.address64, shared: false };
    requireFit(one, { kind: 'memory', type }, true);
    return provide({ kind: 'memory', type });
  }
  if (one.kind === 'table' && 'table' in value) {
    const type = {
      ...limitsOf(one, value.table),
      element: value.table.element === 'externref' ? EXTERNREF : FUNCREF,
      address64: one.type.address64,
    };
    requireFit(one, { kind: 'table', type }, true);
    return provide({ kind: 'table', type });
  }
  if (one.kind === 'global' && 'global' in value) {
    const type = { value: NUMERIC[value.global.value], mutable: one.type.mutable };
    requireFit(one, { kind: 'global', type }, true);
    return provide({ kind: 'global', type, init: value.global.init });
  }
  throw mismatch(one, value);
}

const I64 = 0x7e;
const FUNCREF = 0x70;
const EXTERNREF = 0x6f;
const NUMERIC = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c } as const;

function fromUnit(one: ImportMeta, { unit, meta }: { unit: number; meta: ModuleMeta }): Link {
  const found = exportType(meta, one.name);
  if (found === undefined)
    throw new FargoError('link', `module "${one.module}" of this machine does not export "${one.name}"`);
  if (typeof found === 'object') requireFit(one, found, false);
  else if (found !== one.kind) throw unfit(one, found);
  return { from: 'unit', unit, name: one.name };
}

/** One name means one thing: the engine takes imports by name, so two that differ would both get the last. */
function requireSame(a: ImportMeta, b: ImportMeta): void {
  const same =
    a.kind === b.kind && (a.kind === 'memory' || a.kind === 'table' || describeExtern(a) === describeExtern(b));
  if (same) return;
  throw new FargoError(
    'link',
    `${a.module}.${a.name} is imported as a ${describeExtern(a)} and as a ${describeExtern(b)}; one of them is allowed`,
  );
}

/** Throws `FargoError` `link` unless `given` can stand in for the import. `sizes`: see {@link fitsImport}. */
export function requireFit(one: ImportMeta, given: ExternType, sizes: boolean): void {
  if (!fitsImport(one, given, sizes)) throw unfit(one, describeExtern(given));
}

function unfit(one: ImportMeta, given: string): FargoError {
  return new FargoError('link', `import ${one.module}.${one.name} is a ${describeExtern(one)}; a ${given} was given`);
}

/** Sizes as the embedder described them. */
function limitsOf(
  one: ImportMeta,
  given: { readonly initial: number; readonly maximum?: number } | undefined,
): { readonly min: number; readonly max: number | undefined } {
  const { initial, maximum } = given ?? {};
  if (isSize(initial) && (maximum === undefined || isSize(maximum))) return { min: initial, max: maximum };
  throw new FargoError(
    'link',
    `import ${one.module}.${one.name} is described by initial ${String(initial)}, maximum ${String(maximum)}; sizes are whole numbers`,
  );
}

function isSize(given: unknown): given is number {
  return Number.isSafeInteger(given) && (given as number) >= 0;
}

function mismatch(one: ImportMeta, value: unknown): FargoError {
  const isObject = typeof value === 'object' && value !== null;
  return unfit(one, isObject ? `description with ${Object.keys(value).join(', ')}` : typeof value);
}
