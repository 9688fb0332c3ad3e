/** What the command line gives a component: surroundings as modules have them, and functions that fail for what is missing. */

import { wasiInterfaces } from '../component/build.ts';
import { camelCase } from '../component/export-names.ts';
import type { Item, NamedItem } from '../component/wit-types.ts';
import type { World } from '../component/world.ts';

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
