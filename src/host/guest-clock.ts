/** The clocks of one machine, set from outside: to freeze it in time, to move it in time, to let it go on. */

import { FargoError } from '../base/errors.ts';
import type { ClockSetting, WasiDevice } from '../devices/index.ts';
import type { Machine } from '../machine/machine.ts';

/**
 * Sets the WASI clocks of a machine, between calls. It is part of the machine's state: children have it, snapshots keep
 * it, {@link Machine.reset} undoes it.
 *
 * ```ts
 * setClock(vm, { freeze: true, realtimeNs: 1_700_000_000_000_000_000n });
 * vm.call('tick');
 * setClock(vm, { advanceNs: 60_000_000_000n }); // a minute later
 * ```
 *
 * @throws FargoError `bad-argument` for a machine without WASI or an impossible setting, `machine-busy`, `disposed`
 */
export function setClock(vm: Machine, setting: ClockSetting): void {
  const index = vm.program.devices.findIndex(({ name }) => name === 'wasi');
  if (index < 0) throw new FargoError('bad-argument', `machine ${vm.id} has no WASI clocks: its guest imports none`);
  if (vm.busy) throw new FargoError('machine-busy', `machine ${vm.id} is in a call: its clocks can't be set`);
  vm.change((core) => (core.devices[index] as WasiDevice).clock.set(setting));
}
