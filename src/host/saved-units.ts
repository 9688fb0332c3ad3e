/**
 * The units of a program as plain data: which module, how it was instrumented, where each import comes from. Loading links
 * them again, with every check that linking has; functions of the host are found anew by their names.
 */

import { FargoError } from '../base/errors.ts';
import type { Fields, Json } from '../base/fields.ts';
import { canonicalJson } from '../image/snapshot/documents.ts';
import { GUEST_WASM_PAGES_MAX } from '../instrument/layout.ts';
import type { ImportMeta, ModuleMeta } from '../instrument/meta.ts';
import type { Device } from '../machine/device.ts';
import type { Link, Program, Unit } from '../machine/program.ts';
import { ValType } from '../wasm/module.ts';
import { describeExtern, exportType } from './extern-type.ts';
import { fromValue, ownValue, requireFit, type Imports } from './imports.ts';
import type { ProvidedItem } from './provider.ts';
import { sourceDigest } from './source-digests.ts';
import { sourceOf, type UnitSource } from './sources.ts';

/** Units of a program, imports of a unit, items of a provider. Threat: time and memory. */
const UNITS = 1000;
const LINKS = 100_000;
const NAME_LENGTH = 100_000;
const SIZE: readonly [number, number] = [0, 2 ** 32 - 1];
const NUMERIC = { i32: ValType.i32, i64: ValType.i64, f32: ValType.f32, f64: ValType.f64 } as const;
const REFERENCES = { funcref: ValType.funcref, externref: ValType.externref } as const;
const INT64: readonly [bigint, bigint] = [-(2n ** 63n), 2n ** 64n - 1n];

/** A unit as a file says, checked as far as the file alone allows. */
export interface SavedUnit {
  /** What it says, as text: the same for the same unit. */
  readonly text: string;
  readonly source:
    | { readonly kind: 'module'; readonly digest: string; readonly budget: boolean; readonly exactCalls: boolean }
    | (UnitSource & { readonly kind: 'provider' });
  readonly links: readonly SavedLink[];
  readonly sizesAtLink: Unit['sizesAtLink'];
}

type SavedLink =
  | { readonly from: 'host' }
  | { readonly from: 'device'; readonly device: number }
  | { readonly from: 'unit'; readonly unit: number; readonly name: string }
  | { readonly from: 'value'; readonly value: number | bigint };

/** The units as data. Throws `FargoError` `limit` where there is more than {@link readUnits} takes. */
export async function saveUnits(program: Program): Promise<Json[]> {
  requireCount('modules', program.units.length, UNITS);
  for (const { links } of program.units) requireCount('imports of a module', links.length, LINKS);
  return Promise.all(
    program.units.map(async ({ compiled, links, sizesAtLink }): Promise<Json> => {
      const source = sourceOf(compiled);
      const made =
        source.kind === 'module'
          ? { module: await sourceDigest(source), budget: source.budget }
          : { provides: source.items.map(saveItem) };
      return { ...made, exactCalls: source.exactCalls, links: links.map(saveLink), sizesAtLink: sizesAtLink ?? null };
    }),
  );
}

/** Throws `FargoError` `invalid-image`. */
export function readUnits(fields: Fields, name: string): SavedUnit[] {
  const texts = fields.list(name, UNITS).map(canonicalJson);
  return fields.objects(name, UNITS, (unit, index) => ({
    text: texts[index]!,
    source: readSource(unit),
    links: unit.objects('links', LINKS, (link) => readLink(link, index)),
    sizesAtLink: unit.optional('sizesAtLink', (of, field) => {
      const sizes = of.object(field);
      const found = {
        wasmPages: sizes.numbers('wasmPages', LINKS, [0, GUEST_WASM_PAGES_MAX]),
        tableEntries: sizes.numbers('tableEntries', LINKS, SIZE),
      };
      sizes.end();
      return found;
    }),
  }));
}

/** What links are resolved with. */
export interface LinkContext {
  readonly imports: Imports;
  /** One of each device, to ask what it serves. */
  readonly devices: readonly Device[];
  /** The units before. */
  readonly units: readonly Unit[];
}

/** The links of a unit. Throws `FargoError` `link` where what the host should give is missing, `invalid-image`. */
export function resolveLinks(saved: SavedUnit, meta: ModuleMeta, context: LinkContext): Link[] {
  const unit = context.units.length;
  if (saved.links.length !== meta.imports.length) {
    throw invalid(unit, `has ${saved.links.length} links for ${meta.imports.length} imports`);
  }
  const missing: string[] = [];
  const known = new Map<string, SavedLink>();
  const links = meta.imports.map((one, at): Link => {
    const link = saved.links[at]!;
    // The engine takes imports by name, so two of one name must be one.
    const key = `${one.module.length} ${one.module} ${one.name}`;
    const before = known.get(key);
    if (before !== undefined && canonicalJson(saveLink(before)) !== canonicalJson(saveLink(link))) {
      throw invalid(unit, `links ${importName(one)} to two things`);
    }
    known.set(key, link);
    return resolveLink(one, link, { ...context, missing });
  });
  if (missing.length === 0) return links;
  const shown = missing.slice(0, 20).join(', ') + (missing.length > 20 ? `, and ${missing.length - 20} more` : '');
  throw new FargoError(
    'link',
    `missing ${missing.length === 1 ? 'import' : 'imports'}: ${shown}; give as \`imports\` what the machine had`,
  );
}

function resolveLink(one: ImportMeta, link: SavedLink, context: LinkContext & { readonly missing: string[] }): Link {
  const { imports, devices, units, missing } = context;
  const refuse = (what: string): FargoError => invalid(units.length, `links ${importName(one)}, ${what}`);
  switch (link.from) {
    case 'host': {
      if (one.kind !== 'func') throw refuse(`a ${one.kind}, to a function of the host`);
      const value = ownValue(imports, one);
      if (value === undefined) missing.push(`${importName(one)} (${describeExtern(one)})`);
      else return fromValue(one, value, () => assertNever());
      return { from: 'value', value: undefined };
    }
    case 'device': {
      const serves =
        one.kind === 'func' && devices[link.device]?.functions.resolve(one.module, one.name, one.type) !== undefined;
      if (!serves) throw refuse(`a ${describeExtern(one)}, to device ${link.device}, which does not serve it`);
      return { ...link, type: (one as ImportMeta & { readonly kind: 'func' }).type };
    }
    case 'unit': {
      const found = exportType(units[link.unit]!.meta, link.name);
      if (found === undefined)
        throw refuse(`to export ${JSON.stringify(link.name.slice(0, 100))} of unit ${link.unit}, which is none`);
      if (typeof found === 'object') requireFit(one, found, false);
      else if (found !== one.kind) throw refuse(`a ${one.kind}, to a ${found}`);
      return link;
    }
    case 'value': {
      const wanted = one.kind === 'global' && !one.type.mutable ? one.type.value : undefined;
      const isNumber = wanted !== undefined && (Object.values(NUMERIC) as number[]).includes(wanted);
      if (!isNumber || (typeof link.value === 'bigint') !== (wanted === ValType.i64)) {
        throw refuse(`a ${describeExtern(one)}, to a ${typeof link.value}`);
      }
      return link;
    }
  }
}

function saveLink(link: Link | SavedLink): Json {
  switch (link.from) {
    case 'host':
      return { from: 'host' };
    case 'device':
      return { from: 'device', device: link.device };
    case 'unit':
      return { from: 'unit', unit: link.unit, name: link.name };
    case 'value':
      return { from: 'value', ...saveNumber(link.value as number | bigint) };
  }
}

function readLink(fields: Fields, unit: number): SavedLink {
  const from = fields.word('from', ['host', 'device', 'unit', 'value']);
  switch (from) {
    case 'host':
      return { from };
    case 'device':
      return { from, device: fields.number('device', [0, UNITS]) };
    case 'unit':
      return { from, unit: fields.number('unit', [0, unit - 1]), name: fields.text('name', NAME_LENGTH) };
    case 'value':
      return { from, value: readNumber(fields) };
  }
}

function readSource(fields: Fields): SavedUnit['source'] {
  const exactCalls = fields.truth('exactCalls');
  if (fields.has('provides')) {
    return { kind: 'provider', items: fields.objects('provides', LINKS, readItem), exactCalls };
  }
  return { kind: 'module', digest: fields.text('module', NAME_LENGTH), budget: fields.truth('budget'), exactCalls };
}

function saveItem(item: ProvidedItem): Json {
  switch (item.kind) {
    case 'memory':
      return { kind: item.kind, ...saveLimits(item.type) };
    case 'table':
      return { kind: item.kind, element: nameOf(REFERENCES, item.type.element), ...saveLimits(item.type) };
    case 'global':
      return {
        kind: item.kind,
        type: nameOf(NUMERIC, item.type.value),
        mutable: item.type.mutable,
        ...saveNumber(item.init),
      };
  }
}

function readItem(fields: Fields, index: number): ProvidedItem {
  const name = String(index);
  const kind = fields.word('kind', ['memory', 'table', 'global']);
  switch (kind) {
    case 'memory':
      return { kind, name, type: { ...readLimits(fields), shared: false } };
    case 'table': {
      const element = REFERENCES[fields.word('element', ['funcref', 'externref'])];
      return { kind, name, type: { element, ...readLimits(fields) } };
    }
    case 'global': {
      const type = NUMERIC[fields.word('type', ['i32', 'i64', 'f32', 'f64'])];
      const init = readNumber(fields);
      if ((typeof init === 'bigint') !== (type === ValType.i64)) throw fields.wrong('type', 'that of the number');
      return { kind, name, type: { value: type, mutable: fields.truth('mutable') }, init };
    }
  }
}

interface Sizes {
  readonly min: number;
  readonly max: number | undefined;
  readonly address64: boolean;
}

function saveLimits({ min, max, address64 }: Sizes): { readonly [name: string]: Json } {
  return { min, max: max ?? null, address64 };
}

function readLimits(fields: Fields): Sizes {
  return {
    min: fields.number('min', SIZE),
    max: fields.optional('max', (of, name) => of.number(name, [0, Number.MAX_SAFE_INTEGER])),
    address64: fields.truth('address64'),
  };
}

/** A number as the bits of a double, which are the same on every engine; a bigint as digits. */
function saveNumber(value: number | bigint): { readonly [name: string]: Json } {
  if (typeof value === 'bigint') return { bigint: value.toString() };
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Number.isNaN(value) ? Number.NaN : value);
  return { double: view.getBigUint64(0).toString(16).padStart(16, '0') };
}

function readNumber(fields: Fields): number | bigint {
  if (fields.has('bigint')) return fields.bigint('bigint', INT64);
  return new DataView(fields.hex('double', 8).buffer).getFloat64(0);
}

function requireCount(what: string, count: number, most: number): void {
  if (count > most) throw new FargoError('limit', `there are ${count} ${what}; ${most} can be saved`);
}

function nameOf<T extends string>(names: Readonly<Record<T, number>>, code: number): string {
  return Object.entries(names).find(([, each]) => each === code)![0];
}

function assertNever(): never {
  throw new FargoError('unsupported', 'a function of the host is not provided by a module');
}

/** Names come from modules, and may be long. */
function importName({ module, name }: ImportMeta): string {
  return `${module.slice(0, 100)}.${name.slice(0, 100)}`;
}

function invalid(unit: number, what: string): FargoError {
  return new FargoError('invalid-image', `config.program.units[${unit}] ${what}`);
}
