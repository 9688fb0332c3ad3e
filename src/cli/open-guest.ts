/** From a module and the flags of the command line to an image: the one place where a guest gets its surroundings. */

import { FargoError } from '../base/errors.ts';
import { WASM_PAGE_BYTES } from '../base/units.ts';
import { wasi, type PreopenOptions, type WasiOptions } from '../devices/wasi.ts';
import type { ComponentOptions } from '../component/build.ts';
import { Host } from '../component/host.ts';
import { readWorld } from '../component/world.ts';
import type { Image } from '../host/image.ts';
import type { Imports } from '../host/imports.ts';
import type { DeviceFactory, HostFunction } from '../machine/device.ts';
import type { MachineLimits } from '../machine/limits.ts';
import { hostDirectory } from '../platform/node/index.ts';
import type { Module } from '../wasm/module.ts';
import { isComponent, readModule } from '../wasm/reader.ts';
import { callsOfWorld } from './component-calls.ts';
import { cacheOption } from './component-cache.ts';
import { openDisks, type GuestDisk } from './guest-disks.ts';
import { callsOfModule, type GuestCalls } from './invocation.ts';
import type { LoadedModule } from './load-module.ts';
import { failingImportsOf, programWithin } from './open-component.ts';
import type { DirectoryOption, GuestFlags } from './options.ts';
import { plainComponent } from './plain-component.ts';
import { PlainGuest, type PlainSource } from './plain-guest.ts';
import { standaloneStorage } from '../machine/storage.ts';

export interface OpenGuest {
  readonly module: LoadedModule;
  readonly host: Host;
  readonly image: Image;
  readonly limits: MachineLimits;
  /** Units of a call; undefined when the budget is off. */
  readonly budget: bigint | undefined;
  /** Milliseconds that instrumenting, compiling and linking took. */
  readonly buildMs: number;
  /** Its disk images, open until the process ends. */
  readonly disks: readonly GuestDisk[];
  /** What can be called. */
  readonly calls: GuestCalls;
  /** The same guest for instances without this library; compiles it. Undefined where it can't be run so. */
  plain(): Promise<PlainSource | undefined>;
}

export interface Surroundings {
  /** Units of a call where no flag says otherwise. */
  readonly budget: bigint;
  /** Arguments and streams; the environment, directories and disks come from the flags. */
  readonly wasi?: WasiOptions;
  /** Whether its command is run and nothing else called: a program of preview 1 within a component runs as it is then. */
  readonly commandOnly?: boolean;
}

/**
 * Builds a guest.
 *
 * @throws FargoError `invalid-module`, `unsupported`, `link`, `io` (a directory, a disk), `bad-argument` (a snapshot too)
 */
export async function openGuest(
  module: LoadedModule,
  flags: GuestFlags,
  surroundings: Surroundings,
): Promise<OpenGuest> {
  if (module.format === 'snapshot') {
    throw new FargoError('bad-argument', `${module.name} is a snapshot or another archive; a module is expected here`);
  }
  const budget = budgetOf(flags, surroundings.budget);
  const disks = openDisks(flags.disk ?? [], flags.diskBacking);
  const options: WasiOptions = {
    args: [module.name],
    files: {},
    ...surroundings.wasi,
    env: flags.env ?? {},
    preopens: preopensOf(flags.dir ?? []),
    disks: Object.fromEntries(disks.map(({ guest, image }) => [guest, image])),
    ...(flags.diskQuota !== undefined && { limits: { storedBytes: flags.diskQuota } }),
  };
  const host = await Host.create();
  const core = surroundings.commandOnly === true ? programWithin(module.bytes) : undefined;
  const open = core === undefined && isComponent(module.bytes) ? openComponent : openCore;
  const source = core === undefined ? module : { ...module, bytes: core };
  const guest = await open(host, source, { flags, wasi: options, budget: budget !== undefined });
  return { module, host, limits: limitsOf(flags, budget), budget, disks, ...guest };
}

interface Building {
  readonly flags: GuestFlags;
  readonly wasi: WasiOptions;
  readonly budget: boolean;
}

type Built = Pick<OpenGuest, 'image' | 'calls' | 'buildMs' | 'plain'>;

async function openCore(host: Host, module: LoadedModule, { flags, wasi: options, budget }: Building): Promise<Built> {
  const parsed = readModule(module.bytes);
  const usesWasi = parsed.imports.some((each) => each.module.startsWith('wasi_'));
  const devices = usesWasi ? [wasi(options)] : [];
  const imports = flags.unknownImportsTrap === true ? failingImports(parsed, devices) : {};
  const started = performance.now();
  const image = await linked(() => host.build(module.bytes, { name: module.name, budget, imports, devices }));
  return {
    image,
    calls: callsOfModule(image.meta),
    buildMs: performance.now() - started,
    plain: async () => {
      const plain = { compiled: new WebAssembly.Module(module.bytes), imports: image.meta.imports, devices };
      return { instantiate: () => new PlainGuest(plain) };
    },
  };
}

async function openComponent(host: Host, module: LoadedModule, { flags, wasi, budget }: Building): Promise<Built> {
  const world = readWorld(module.bytes);
  const given = flags.unknownImportsTrap === true ? failingImportsOf(world) : {};
  const usesWasi = world.imports.some(({ name }) => name.startsWith('wasi:'));
  const started = performance.now();
  const image = await linked(() =>
    host.build(module.bytes, {
      name: module.name,
      budget,
      imports: given,
      ...(usesWasi && { wasi }),
      ...cacheOption(),
    } as ComponentOptions),
  );
  return {
    image,
    calls: callsOfWorld(world),
    buildMs: performance.now() - started,
    plain: () => plainComponent(module.bytes, { given, wasi }),
  };
}

async function linked(build: () => Promise<Image>): Promise<Image> {
  try {
    return await build();
  } catch (error) {
    if (!(error instanceof FargoError) || error.code !== 'link') throw error;
    const message = error.message.replace(/[;:] give (?:them|what is needed) as `imports`$/, '');
    throw new FargoError('link', `${message}; --unknown-imports-trap lets it run until it calls one`, { cause: error });
  }
}

function budgetOf(flags: GuestFlags, byDefault: bigint): bigint | undefined {
  if (flags.budget === false) {
    if (flags.maxDepth !== undefined)
      throw new FargoError('bad-argument', '--max-depth needs the budget; drop --no-budget');
    return undefined;
  }
  return typeof flags.budget === 'bigint' ? flags.budget : byDefault;
}

/** What the flags allow a machine. */
export function limitsOf(flags: GuestFlags, budget: bigint | undefined): MachineLimits {
  return {
    ...(budget !== undefined && { budget }),
    ...(flags.maxDepth !== undefined && { callDepth: flags.maxDepth }),
    ...(flags.maxMemory !== undefined && { memoryPages: Math.floor(flags.maxMemory / WASM_PAGE_BYTES) }),
  };
}

function preopensOf(directories: readonly DirectoryOption[]): Record<string, PreopenOptions> {
  const preopens: Record<string, PreopenOptions> = {};
  for (const { host, guest, readOnly } of directories) {
    if (Object.hasOwn(preopens, guest)) throw new FargoError('bad-argument', `--dir gives the guest's ${guest} twice`);
    preopens[guest] = { directory: hostDirectory(host), readOnly };
  }
  return preopens;
}

/** Functions that fail when called, for the imports that no device has. */
function failingImports(module: Module, devices: readonly DeviceFactory[]): Imports {
  const storage = standaloneStorage();
  const probes = devices.map((factory) => factory.create(storage));
  const imports = Object.create(null) as Record<string, Record<string, HostFunction>>;
  for (const each of module.imports) {
    if (each.kind !== 'func') continue;
    const type = module.types[each.typeIndex]!;
    if (probes.some((probe) => probe.functions.resolve(each.module, each.name, type) !== undefined)) continue;
    (imports[each.module] ??= Object.create(null) as (typeof imports)[string])[each.name] = () => {
      throw new Error(`nothing provides ${each.module}.${each.name}`);
    };
  }
  return imports;
}
