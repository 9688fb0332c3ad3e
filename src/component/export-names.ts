/**
 * Exported functions by the names that WIT has for them: `handle`, `ns:pkg/iface#fn`. jco's glue has them in camel case, and
 * interfaces under their whole name and a short one.
 */

import { FargoError } from '../base/errors.ts';
import type { ExportShape } from './exports.ts';

type Shapes = ReadonlyMap<string, ExportShape>;

/** Names that were looked up, by what exports them. Only what was found is kept, so it is as large as there are names. */
const known = new WeakMap<Shapes, Map<string, readonly string[]>>();
const SHOWN_MAX = 20;

/**
 * Where in the glue's exports a function is. The version of an interface may be left out where there is one only, and its
 * short name stands for it.
 *
 * @throws FargoError `no-export` with the names that there are; `bad-argument` where several interfaces are meant
 */
export function functionNamed(shapes: Shapes, name: string): readonly string[] {
  const before = known.get(shapes);
  const path = before?.get(name) ?? find(shapes, name);
  if (before === undefined) known.set(shapes, new Map([[name, path]]));
  else before.set(name, path);
  return path;
}

/** All functions by their names, interfaces with their versions. */
export function functionNames(shapes: Shapes): string[] {
  const names: string[] = [];
  for (const [name, shape] of shapes) {
    if (shape.kind === 'function') names.push(kebabCase(name));
    if (shape.kind !== 'interface' || isShortName(shapes, name)) continue;
    for (const [member, { kind }] of shape.members) if (kind === 'function') names.push(`${name}#${kebabCase(member)}`);
  }
  return names;
}

/** Whether an export is another name of one that has a longer one. */
export function isShortName(shapes: Shapes, name: string): boolean {
  if (name.includes(':')) return false;
  return [...shapes.keys()].some((each) => each.includes(':') && camelCase(interfaceOf(each)) === name);
}

function find(shapes: Shapes, name: string): readonly string[] {
  const hash = name.lastIndexOf('#');
  if (hash < 0) {
    const found = memberOf(shapes, name, 'function');
    if (found !== undefined) return [found];
  } else {
    const group = interfaceNamed(shapes, name.slice(0, hash));
    const shape = group === undefined ? undefined : shapes.get(group);
    const member = shape?.kind === 'interface' ? memberOf(shape.members, name.slice(hash + 1), 'function') : undefined;
    if (member !== undefined) return [group!, member];
  }
  const all = functionNames(shapes);
  const shown =
    all.slice(0, SHOWN_MAX).join(', ') + (all.length > SHOWN_MAX ? `, and ${all.length - SHOWN_MAX} more` : '');
  throw new FargoError('no-export', `no exported function "${name}"; there are: ${shown === '' ? 'none' : shown}`);
}

function memberOf(shapes: Shapes, name: string, kind: ExportShape['kind']): string | undefined {
  return [name, camelCase(name)].find((each) => shapes.get(each)?.kind === kind);
}

function interfaceNamed(shapes: Shapes, name: string): string | undefined {
  const exact = memberOf(shapes, name, 'interface');
  if (exact !== undefined || name.includes('@')) return exact;
  const versions = [...shapes.keys()].filter((each) => each.startsWith(`${name}@`));
  if (versions.length <= 1) return versions[0];
  throw new FargoError('bad-argument', `${name} is exported as ${versions.join(' and ')}: say which`);
}

/** `iface` of `ns:pkg/iface@1.0.0`. */
function interfaceOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1).replace(/@.*$/, '');
}

/** As jco names what WIT calls `get-value`. (Of words in capitals, which WIT allows, jco 1.35 makes nothing.) */
export function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter, at: number) => `${at === 0 ? '' : '-'}${letter.toLowerCase()}`);
}
