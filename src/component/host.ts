/** The host with all its parts at hand. What components need is loaded with the first of them. */

import { wasi } from '../devices/index.ts';
import type { HostParts } from '../host/base-host.ts';
import { loadSnapshot } from '../host/load.ts';
import { saveSnapshot } from '../host/save.ts';
import type { RuntimeOptions } from '../machine/runtime.ts';
import { wasmFromText } from '../wasm/text.ts';
import { TypedHost } from './typed-host.ts';

const PARTS: HostParts = {
  wasi,
  loadWasi: async () => {},
  parse: wasmFromText,
  save: saveSnapshot,
  load: loadSnapshot,
  async component(host, bytes, options, saved) {
    const { buildComponent } = await import('./build.ts');
    return buildComponent(host, bytes, options, saved);
  },
};

/** Owns machines, and all that they use together. */
export class Host extends TypedHost {
  constructor(options: RuntimeOptions = {}) {
    super(options, PARTS);
  }

  /** A host. @throws FargoError `bad-argument` */
  static async create(options: RuntimeOptions = {}): Promise<Host> {
    return new Host(options);
  }
}
