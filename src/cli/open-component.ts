/** What the command line gives a component: surroundings as modules have them, and functions that fail for what is missing. */

import { wasiInterfaces } from '../component/build.ts';
import { camelCase } from '../component/export-names.ts';
import type { Item, NamedItem } from '../component/wit-types.ts';
import { readWorld, type World } from '../component/world.ts';
import { isComponent, readModule } from '../wasm/reader.ts';

type Members = Record<string, unknown>;

/** Imports that nothing here provides: functions, and interfaces without their version. */
export function unknownImportsOf(world: World): NamedItem[] {
  const served = new Set(wasiInterfaces());
  return world.imports.filter(
    ({ name, item }) => (item.sort === 'func' || holdsCode(item)) && !served.has(withoutVersion(name)),
  );
}

/** Imports whose functions fail when they are called. */
export function failingImportsOf(world: World): Members {
  const imports = Object.create(null) as Members;
  for (const { name, item } of unknownImportsOf(world)) {
    const given = item.sort === 'func' ? failing(name) : membersOf(name, item);
    imports[name] = imports[withoutVersion(name)] = given;
  }
  return imports;
}

/**
 * The program of preview 1 in a component that is nothing else: a command behind an adapter for preview 2. It is run as it is:
 * faster, and its exit code is its own, where `wasi:cli/exit` knows success and failure only.
 */
export function programWithin(bytes: Uint8Array): Uint8Array | undefined {
  if (!isComponent(bytes)) return undefined;
  const { imports, exports, modules } = readWorld(bytes);
  const isCommand = exports.length === 1 && /^wasi:cli\/run(?:@|$)/.test(exports[0]!.name);
  if (!isCommand || imports.some(({ name }) => !name.startsWith('wasi:'))) return undefined;
  if (modules.some((each) => each.nested)) return undefined;
  const programs = modules.filter((each) => isProgram(each.bytes));
  return programs.length === 1 ? programs[0]!.bytes : undefined;
}

function isProgram(bytes: Uint8Array): boolean {
  const { imports, exports } = readModule(bytes);
  return (
    exports.some(({ name }) => name === '_start') &&
    imports.some(({ module }) => module === PREVIEW1) &&
    imports.every(({ module }) => module === PREVIEW1)
  );
}

const PREVIEW1 = 'wasi_snapshot_preview1';

/** Interfaces of types alone need nobody. */
function holdsCode(item: Item): boolean {
  if (item.sort !== 'instance') return false;
  return [...item.exports.values()].some(
    (each) => each.sort === 'func' || (each.sort === 'type' && each.type.kind === 'resource'),
  );
}

function membersOf(group: string, item: Item): Members {
  const members = Object.create(null) as Members;
  if (item.sort !== 'instance') return members;
  for (const [name, each] of item.exports) {
    if (each.sort === 'func' && !name.startsWith('[')) members[camelCase(name)] = failing(`${group}#${name}`);
    else if (each.sort === 'type' && each.type.kind === 'resource') {
      members[pascalCase(name)] = failingClass(group, name, item.exports);
    }
  }
  return members;
}

/** A class of a resource: constructor, methods and statics fail. */
function failingClass(group: string, name: string, items: ReadonlyMap<string, Item>): unknown {
  const made = class {
    constructor() {
      failing(`${group}#${name}`)();
    }
  };
  for (const key of items.keys()) {
    const [, kind, of, member] = /^\[(method|static)\]([^.]+)\.(.+)$/.exec(key) ?? [];
    if (of !== name || member === undefined) continue;
    Object.defineProperty(kind === 'static' ? made : made.prototype, camelCase(member), {
      value: failing(`${group}#${name}.${member}`),
    });
  }
  return made;
}

function failing(name: string): () => never {
  return () => {
    throw new Error(`nothing provides ${name}`);
  };
}

function withoutVersion(name: string): string {
  return name.replace(/@.*$/, '');
}

function pascalCase(name: string): string {
  const camel = camelCase(name);
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}
