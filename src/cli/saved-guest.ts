/** From a snapshot in a file to a snapshot here: what `openGuest` is for modules. */

import { FargoError } from '../base/errors.ts';
import type { WasiOptions } from '../devices/wasi.ts';
import { reportOf } from '../component/component-image.ts';
import { Host } from '../component/host.ts';
import { readWorld } from '../component/world.ts';
import { componentOf } from '../host/component-sources.ts';
import type { Imports } from '../host/imports.ts';
import { SNAPSHOT_BYTES } from '../image/snapshot/limits.ts';
import { MediaType } from '../image/snapshot/media-types.ts';
import { readLayout } from '../image/snapshot/read-layout.ts';
import type { InstrumentReport } from '../instrument/meta.ts';
import type { HostFunction } from '../machine/device.ts';
import type { MachineLimits } from '../machine/limits.ts';
import type { Snapshot } from '../machine/snapshot.ts';
import { isComponent, readModule } from '../wasm/reader.ts';
import { callsOfWorld } from './component-calls.ts';
import { callsOfModule, type GuestCalls } from './invocation.ts';
import { cacheOption } from './component-cache.ts';
import type { LoadedModule } from './load-module.ts';
import { failingImportsOf } from './open-component.ts';
import { limitsOf, type Surroundings } from './open-guest.ts';
import type { GuestFlags } from './options.ts';

export interface SavedGuest {
  readonly host: Host;
  readonly snapshot: Snapshot;
  /** What can be called. */
  readonly calls: GuestCalls;
  /** What instrumenting its modules cost. */
  readonly report: InstrumentReport;
  readonly limits: MachineLimits;
  /** Units of a call; undefined when it was saved without a budget. */
  readonly budget: bigint | undefined;
  /** Milliseconds that verifying, instrumenting, compiling and laying out took. */
  readonly loadMs: number;
}

/** What is in the file, and cannot be given beside it. */
const OWN = { dir: '--dir', disk: '--disk', diskBacking: '--disk-backing' } as const;

/**
 * Loads a snapshot. Its files are its own; arguments and environment too, unless others are given.
 *
 * @throws FargoError `bad-argument` for flags that say what is in the file, and as `Host.load`
 */
export async function openSaved(file: LoadedModule, flags: GuestFlags, around: Surroundings): Promise<SavedGuest> {
  for (const [name, option] of Object.entries(OWN)) {
    if (flags[name as keyof typeof OWN] === undefined) continue;
    throw new FargoError('bad-argument', `${option} is for modules; ${file.name} is a snapshot, with files of its own`);
  }
  if (flags.budget === false) {
    throw new FargoError('bad-argument', `--no-budget is for modules; ${file.name} is a snapshot, as it was built`);
  }
  const wasi: WasiOptions = {
    ...around.wasi,
    ...(flags.env !== undefined && { env: flags.env }),
    ...(flags.diskQuota !== undefined && { limits: { storedBytes: flags.diskQuota } }),
  };
  const units = flags.budget === true || flags.budget === undefined ? around.budget : flags.budget;
  const limits = limitsOf(flags, units);
  const imports = flags.unknownImportsTrap === true ? await failingImports(file.bytes) : {};
  const host = await Host.create();
  const started = performance.now();
  const snapshot = await load(host, file, { wasi, limits, imports });
  const loadMs = performance.now() - started;
  const { program } = snapshot;
  const component = componentOf(program);
  const { meta } = program.units[program.main]!;
  const calls = component === undefined ? callsOfModule(meta) : callsOfWorld(readWorld(component.bytes));
  const report = component === undefined ? meta.report : reportOf(program);
  return { host, snapshot, calls, report, limits, budget: program.hasBudget ? units : undefined, loadMs };
}

async function load(
  host: Host,
  file: LoadedModule,
  options: { readonly wasi: WasiOptions; readonly limits: MachineLimits; readonly imports: Imports },
): Promise<Snapshot> {
  try {
    return await host.load(file.bytes, { ...options, ...cacheOption() });
  } catch (error) {
    if (!(error instanceof FargoError)) throw error;
    const message =
      error.code === 'link'
        ? error.message.replace(/; give as `imports` .*$/, '; --unknown-imports-trap lets it run until it calls one')
        : error.message;
    throw new FargoError(error.code, `${file.name}: ${message}`, { cause: error });
  }
}

/** Functions that fail when called, by the names of all imports of the file's modules: what is linked otherwise stays so. */
async function failingImports(file: Uint8Array): Promise<Imports> {
  const imports = Object.create(null) as Record<string, Record<string, HostFunction>>;
  for (const { mediaType, bytes } of (await readLayout(file, SNAPSHOT_BYTES)).layers) {
    if (mediaType !== MediaType.module) continue;
    if (isComponent(bytes)) return failingImportsOf(readWorld(bytes)) as Imports;
    for (const { module, name, kind } of readModule(bytes).imports) {
      if (kind !== 'func') continue;
      (imports[module] ??= Object.create(null) as (typeof imports)[string])[name] = () => {
        throw new Error(`nothing provides ${module}.${name}`);
      };
    }
  }
  return imports;
}
