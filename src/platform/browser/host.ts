/**
 * The host of a page: the same as everywhere, but what a page may never need is fetched when it is first needed. A bundler makes
 * files of their own of it: WASI when a guest of WASI is built; saving, loading and text modules with the first of these.
 */

import { TypedHost } from '../../component/typed-host.ts';
import type { HostParts, WasiMaker } from '../../host/base-host.ts';
import type { RuntimeOptions } from '../../machine/runtime.ts';

let wasi: WasiMaker | undefined;

const PARTS: HostParts = {
  get wasi() {
    return wasi;
  },
  async loadWasi() {
    ({ wasi } = await import('../../devices/wasi.ts'));
  },
  async parse(text) {
    const { wasmFromText } = await import('../../host/later.ts');
    return wasmFromText(text);
  },
  async save(snapshot, options) {
    const { saveSnapshot } = await import('../../host/later.ts');
    return saveSnapshot(snapshot, options);
  },
  async load(runtime, bytes, options, build) {
    const { loadSnapshot } = await import('../../host/later.ts');
    return loadSnapshot(runtime, bytes, options, build);
  },
  async component(host, bytes, options, saved) {
    const { buildComponent } = await import('../../component/build.ts');
    return buildComponent(host, bytes, options, saved);
  },
};

/**
 * As `Host` of `fargo-wasm`, with two differences: `buildSync` takes guests of WASI once `build` has, and a snapshot that is
 * saved must live until that is done.
 */
export class Host extends TypedHost {
  constructor(options: RuntimeOptions = {}) {
    super(options, PARTS);
  }

  /** A host. @throws FargoError `bad-argument` */
  static async create(options: RuntimeOptions = {}): Promise<Host> {
    return new Host(options);
  }
}
