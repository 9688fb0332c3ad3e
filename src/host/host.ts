/** The host with all its parts at hand. */

import { wasi } from '../devices/index.ts';
import type { RuntimeOptions } from '../machine/runtime.ts';
import { wasmFromText } from '../wasm/text.ts';
import { BaseHost, type HostParts } from './base-host.ts';
import { loadSnapshot } from './load.ts';
import { saveSnapshot } from './save.ts';

export type { BuildOptions, HostUsage, ModuleSource } from './base-host.ts';

const PARTS: HostParts = {
  wasi,
  loadWasi: async () => {},
  parse: wasmFromText,
  save: saveSnapshot,
  load: loadSnapshot,
};

/** Owns machines, and all that they use together. */
export class Host extends BaseHost {
  constructor(options: RuntimeOptions = {}) {
    super(options, PARTS);
  }

  /** A host. @throws FargoError `bad-argument` */
  static async create(options: RuntimeOptions = {}): Promise<Host> {
    return new Host(options);
  }
}
