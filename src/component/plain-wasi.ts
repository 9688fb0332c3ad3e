/** WASI 0.2 for a component that runs without a machine, as the engine has it: what a machine is compared with. */

import { wasi, type WasiOptions } from '../devices/index.ts';
import type { GuestContext } from '../machine/device.ts';
import { standaloneStorage } from '../machine/storage.ts';
import type { Members } from './glue.ts';
import { OpenTable } from './wasi/open-things.ts';
import { wasiImports } from './wasi/wasi-imports.ts';

/** Imports of one instance, over a device of its own. */
export function plainWasi(options: WasiOptions, context: GuestContext): Members {
  const factory = wasi(options);
  const device = factory.create(standaloneStorage());
  device.restore(factory.initial, context.identity);
  const { identity } = context;
  return wasiImports(device, new OpenTable(), {
    context: () => context,
    caller: {
      identity,
      exit: (code) => context.exit(code),
      output: (stream, bytes) => context.output(stream, bytes),
    },
    handler: undefined,
  });
}
