/** Several modules as one machine from the start: what a component is made of. */

import { instrument } from '../instrument/instrument.ts';
import type { ModuleMeta } from '../instrument/meta.ts';
import type { DeviceFactory } from '../machine/device.ts';
import type { MachineKind } from '../machine/kind.ts';
import { Program, type Link, type Unit } from '../machine/program.ts';
import type { CommitHooks } from '../machine/machine.ts';
import type { Runtime } from '../machine/runtime.ts';
import { compile } from './compile.ts';
import type { ImageParts } from './image.ts';
import { providerModule, type ProvidedItem } from './provider.ts';
import { rememberSource } from './sources.ts';

/** How modules form one machine: unit 0 provides what is named, the others follow in order. */
export interface Assembly {
  readonly provided: readonly ProvidedItem[];
  /** Each instance: of which of the modules it is, and where its imports come from. */
  readonly units: readonly { readonly module: number; readonly links: readonly Link[] }[];
}

export interface AssemblyOptions {
  readonly budget: boolean;
  readonly devices: readonly DeviceFactory[];
  readonly name: string | undefined;
  readonly hooks: CommitHooks | undefined;
  readonly kind: MachineKind;
}

export interface Instrumentation {
  readonly source: Uint8Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly meta: ModuleMeta;
}

/** Instruments a module for {@link assemble}: `source`, which must not change any more. @throws FargoError `invalid-module`, `unsupported` */
export function instrumentFor(source: Uint8Array<ArrayBuffer>, budget: boolean): Instrumentation {
  return { source, ...instrument(source, { budget, exactCalls: false }) };
}

/**
 * The parts of an image of several modules. The main unit is the provider, which exports nothing that can be called: what such a machine
 * exports is not what its core modules do.
 */
export async function assemble(
  runtime: Runtime,
  modules: readonly Instrumentation[],
  { provided, units }: Assembly,
  { budget, devices, name, hooks, kind }: AssemblyOptions,
): Promise<ImageParts> {
  const compiled: WebAssembly.Module[] = [];
  for (const { bytes, source } of modules) {
    const module = await compile(bytes);
    rememberSource(module, { kind: 'module', bytes: source, budget, exactCalls: false });
    compiled.push(module);
  }
  const linked = units.map(({ module, links }): Unit => {
    return { compiled: compiled[module]!, meta: modules[module]!.meta, links, sizesAtLink: undefined };
  });
  const program = new Program([await providerOf(provided), ...linked], devices, 0);
  program.kind = kind;
  return { runtime, program, name, hooks };
}

async function providerOf(items: readonly ProvidedItem[]): Promise<Unit> {
  const { bytes, meta } = instrument(providerModule(items), { exactCalls: false });
  const compiled = await compile(bytes);
  rememberSource(compiled, { kind: 'provider', items, exactCalls: false });
  return { compiled, meta, links: [], sizesAtLink: undefined };
}
