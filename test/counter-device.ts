/** A device for tests: what a guest adds to it is forked, rolled back and saved with its machine. */

import type { DeviceFactory, HostFunction } from '../src/index.ts';

/** Its state is a number: `device.add(n)` adds to it, `device.get()` gives it. */
export const counter: DeviceFactory<number> = {
  name: 'counter',
  initial: 0,
  create: () => {
    let working = 0;
    const functions: Record<string, HostFunction> = {
      add: (_vm, value: number) => {
        working = (working + value) | 0;
      },
      get: () => working,
    };
    return {
      name: 'counter',
      functions: { resolve: (module, name) => (module === 'device' ? functions[name] : undefined) },
      restore: (state) => {
        working = state;
      },
      commit: () => working,
    };
  },
  fork: (state) => state,
  save: (state) => ({ saved: { state, blobs: {} }, whole: state }),
  load: ({ state }) => state as number,
};
