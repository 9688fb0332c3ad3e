/**
 * A component as jco and the engine alone run it: its own core modules under its own glue, in instances of their own. It is what
 * a fork is compared with. What it imports is served as in a machine, never by the host's own files.
 */

import { functionNamed } from '../component/export-names.ts';
import { exportAt, shapeOf } from '../component/exports.ts';
import { ComponentError } from '../component/component-calls.ts';
import { readGlue } from '../component/glue-source.ts';
import { plainWasi } from '../component/plain-wasi.ts';
import { transpile } from '../component/transpile.ts';
import type { WasiOptions } from '../devices/wasi.ts';
import type { GuestContext } from '../machine/device.ts';
import type { Outcome } from '../machine/outcome.ts';
import { cacheOption } from './component-cache.ts';
import { doorOn, NOBODY, outcomeOf, PlainExit, type PlainInstance, type PlainSource } from './plain-guest.ts';

type Members = Readonly<Record<string, unknown>>;

interface GlueModule {
  instantiate(
    getCoreModule: (name: string) => WebAssembly.Module,
    imports: Members,
    instantiateCore: (module: WebAssembly.Module, given: WebAssembly.Imports) => WebAssembly.Instance,
  ): Members;
}

/** @param given what the component imports beside WASI @throws FargoError as `Host.build` */
export async function plainComponent(
  bytes: Uint8Array,
  { given, wasi }: { readonly given: Members; readonly wasi: WasiOptions },
): Promise<PlainSource | undefined> {
  const { glue, modules } = await transpile(bytes, cacheOption());
  if (typeof glue !== 'string') return undefined;
  // The same text was built before: it is checked as there.
  readGlue(glue);
  const address = `data:text/javascript,${encodeURIComponent(glue)}`;
  const { instantiate } = (await import(address)) as GlueModule;
  const compiled = new Map<string, WebAssembly.Module>();
  for (const [name, module] of modules) compiled.set(name, new WebAssembly.Module(module as Uint8Array<ArrayBuffer>));
  const own = Object.fromEntries(
    Object.entries(given).map(([name, one]) => [name, typeof one === 'function' ? { default: one } : one]),
  );
  return { instantiate: () => new PlainComponent(instantiate, compiled, { wasi, own }) };
}

class PlainComponent implements PlainInstance {
  readonly memory: PlainInstance['memory'];
  readonly #exports: Members;
  #largest: WebAssembly.Memory | undefined = undefined;

  constructor(
    instantiate: GlueModule['instantiate'],
    compiled: ReadonlyMap<string, WebAssembly.Module>,
    { wasi, own }: { readonly wasi: WasiOptions; readonly own: Members },
  ) {
    const memory = doorOn(() => this.#memory().buffer);
    this.memory = memory;
    const context: GuestContext = {
      identity: NOBODY,
      memory,
      exit: (code) => {
        throw new PlainExit(code);
      },
      call: () => {
        throw new Error('a component has no exports of core modules');
      },
      output: () => {},
      charge: () => {},
    };
    const imports = { ...plainWasi(wasi, context), ...own };
    this.#exports = instantiate(
      (name) => compiled.get(name)!,
      imports,
      (module, given) => {
        const instance = new WebAssembly.Instance(module, given);
        for (const each of Object.values(instance.exports)) {
          if (each instanceof WebAssembly.Memory && each.buffer.byteLength > this.#largestBytes) this.#largest = each;
        }
        return instance;
      },
    );
  }

  tryCall(name: string, ...args: readonly unknown[]): Outcome<unknown> {
    const call = exportAt(this.#exports, functionNamed(shapeOf(this.#exports), name)) as (
      ...args: unknown[]
    ) => unknown;
    return outcomeOf(() => {
      try {
        return call(...args);
      } catch (error) {
        const { payload } = error as { readonly payload?: unknown };
        throw (error as Error).constructor.name === 'ComponentError' ? new ComponentError(payload) : error;
      }
    });
  }

  fill(bytes: Uint8Array): void {
    const memory = this.#memory();
    const missing = bytes.length - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65_536));
    new Uint8Array(memory.buffer).set(bytes);
  }

  get #largestBytes(): number {
    return this.#largest?.buffer.byteLength ?? -1;
  }

  #memory(): WebAssembly.Memory {
    return (this.#largest ??= new WebAssembly.Memory({ initial: 0 }));
  }
}
