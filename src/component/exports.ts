/** What a component exports, as its glue shows it: functions, classes of resources, interfaces of these. */

import { FargoError } from '../base/errors.ts';
import type { AnyFunction, Members } from './glue.ts';

export type ExportShape =
  | { readonly kind: 'function' }
  | { readonly kind: 'resource'; readonly statics: readonly string[]; readonly methods: readonly string[] }
  | { readonly kind: 'interface'; readonly members: ReadonlyMap<string, ExportShape> };

type Class = new (...args: unknown[]) => object;

/** The shape of what glue exports. */
export function shapeOf(exports: Members): ReadonlyMap<string, ExportShape> {
  return new Map(Object.entries(exports).map(([name, value]) => [name, shapeOfOne(value)]));
}

/** What stands at a path of names in the exports of one glue. */
export function exportAt(exports: Members, path: readonly string[]): unknown {
  let at: unknown = exports;
  for (const name of path) at = (at as Members)[name];
  return at;
}

export function functionAt(exports: Members, path: readonly string[]): AnyFunction {
  return exportAt(exports, path) as AnyFunction;
}

export function classAt(exports: Members, path: readonly string[]): Class {
  return exportAt(exports, path) as Class;
}

function shapeOfOne(value: unknown): ExportShape {
  if (typeof value === 'object' && value !== null) return { kind: 'interface', members: shapeOf(value as Members) };
  if (typeof value !== 'function') {
    throw new FargoError('unsupported', `the glue of this component exports a ${typeof value}`);
  }
  if (!/^class\b/.test(Function.prototype.toString.call(value))) return { kind: 'function' };
  const prototype = (value as Class).prototype as object;
  return {
    kind: 'resource',
    statics: Object.getOwnPropertyNames(value).filter((name) => !['length', 'name', 'prototype'].includes(name)),
    methods: Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor'),
  };
}
