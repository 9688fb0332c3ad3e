/**
 * How the core instances of a component are linked, as its glue says: found out by letting it instantiate stand-ins.
 *
 * The glue is deterministic, so when it is evaluated again for a core, the instance at a position is the unit there, and
 * the imports that it passes are the same functions of that evaluation.
 */

import { FargoError } from '../base/errors.ts';
import type { ModuleMeta } from '../instrument/meta.ts';
import type { Link } from '../machine/program.ts';
import type { FuncType } from '../wasm/module.ts';
import type { Assembly } from '../host/assemble.ts';
import {
  evaluateGlue,
  GlueGlobal,
  type CompiledGlue,
  type CoreImports,
  type GlueSurroundings,
  type Members,
} from './glue.ts';

/** A function of the glue that a unit imports. */
export interface Trampoline {
  /** Which instance imports it, counted as the glue makes them. */
  readonly instance: number;
  readonly module: string;
  readonly name: string;
}

export interface Wiring extends Assembly {
  /** By the type object of the link, which is one of its own: what a device is asked for when a core is made. */
  readonly trampolines: ReadonlyMap<FuncType, Trampoline>;
  /** Globals of the glue that units import: position among the glue's globals, and name in the provider. */
  readonly globals: readonly { readonly position: number; readonly name: string }[];
}

/** An export of an instance that is none yet. */
interface StandIn {
  readonly instance: number;
  readonly name: string;
}

const MUTABLE_I32 = { value: 0x7f, mutable: true } as const;

/**
 * @param modules metas of the core modules, by jco's names for them, in the order of `Host.assemble`
 * @param imports of the component: not called
 * @returns with what the component exports, and how many lists of captured objects its glue has
 * @throws FargoError `unsupported`, `link`
 */
export function wire(
  compiled: CompiledGlue,
  modules: ReadonlyMap<string, ModuleMeta>,
  imports: Members,
): { readonly wiring: Wiring; readonly exports: Members; readonly captures: number } {
  const files = [...modules.keys()];
  const standIns = new Map<unknown, StandIn>();
  const units: { module: number; links: Link[] }[] = [];
  const trampolines = new Map<FuncType, Trampoline>();
  const provided: Assembly['provided'][number][] = [];
  const globals = new Map<number, string>();
  const instantiate: GlueSurroundings['instantiate'] = ({ file }, given) => {
    const instance = units.length;
    const meta = modules.get(file);
    if (meta === undefined)
      throw new FargoError('unsupported', `the glue instantiates ${file}, which it did not bring`);
    const links = meta.imports.map((one): Link => {
      const value = importOf(given, one.module, one.name);
      const standIn = standIns.get(value);
      // Unit 0 is the provider.
      if (standIn !== undefined) return { from: 'unit', unit: standIn.instance + 1, name: standIn.name };
      if (value instanceof GlueGlobal && one.kind === 'global') {
        const name = globals.get(value.position) ?? String(provided.length);
        if (!globals.has(value.position)) {
          provided.push({ kind: 'global', name, type: MUTABLE_I32, init: Number(value.value) });
          globals.set(value.position, name);
        }
        return { from: 'unit', unit: 0, name };
      }
      if (typeof value === 'function' && one.kind === 'func') {
        const type: FuncType = { ...one.type };
        trampolines.set(type, { instance, module: one.module, name: one.name });
        return { from: 'device', device: 0, type };
      }
      throw new FargoError(
        'link',
        `the glue gives ${file} a ${typeof value} for its ${one.kind} ${one.module}.${one.name}`,
      );
    });
    units.push({ module: files.indexOf(file), links });
    const exports = Object.create(null) as Record<string, unknown>;
    for (const { name, kind } of meta.exports) {
      standIns.set((exports[name] = standInFor(kind, name)), { instance, name });
    }
    return { exports };
  };
  const { exports: componentExports, variables } = linked(() => evaluateGlue(compiled, { imports, instantiate }));
  const led = [...globals].map(([position, name]) => ({ position, name }));
  return {
    wiring: { provided, units, trampolines, globals: led },
    exports: componentExports,
    captures: variables.captures.length,
  };
}

/** The glue complains of imports that are missing or of another kind in its own words. */
function linked<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof FargoError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new FargoError('link', `the component's imports do not fit: ${message}`, { cause });
  }
}

/** What the glue gives for an import, if anything. */
export function importOf(given: CoreImports, module: string, name: string): unknown {
  const group = Object.hasOwn(given, module) ? given[module] : undefined;
  return group !== undefined && Object.hasOwn(group, name) ? group[name] : undefined;
}

function standInFor(kind: string, name: string): unknown {
  if (kind !== 'func') return { kind };
  return () => {
    throw new FargoError('unsupported', `the glue calls ${name} of the component before it is there`);
  };
}
