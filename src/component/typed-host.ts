/** What hosts say of the types of components. All that they do is done below. */

import { BaseHost, type BuildOptions, type ModuleSource } from '../host/base-host.ts';
import type { Image } from '../host/image.ts';
import type { LoadOptions } from '../host/load.ts';
import type { Snapshot } from '../machine/snapshot.ts';
import type { ComponentImports, ComponentOptions } from './build.ts';
import type { AnyExports } from './component-calls.ts';
import type { ComponentImage } from './component-image.ts';
import type { ComponentSnapshot } from './component-snapshot.ts';

/** As {@link LoadOptions}, with imports by the component's types. */
export interface ComponentLoadOptions extends Omit<LoadOptions, 'imports'> {
  /** As when the component was built. */
  readonly imports?: ComponentImports;
  /** Answers requests over wasi:http, as when the component was built. */
  readonly http?: ComponentOptions['http'];
}

/** A host whose guests may be components: what it builds and loads has their types where they are given. */
export abstract class TypedHost extends BaseHost {
  override build(source: ModuleSource, options?: BuildOptions): Promise<Image>;
  /**
   * A component, with the type of its world: `host.build<Counter>(bytes)`; jco's `.d.ts` for it are the image's `types`. Needs
   * `@bytecodealliance/jco`.
   *
   * @throws FargoError as for modules; `missing-dependency` without jco
   */
  override build<World = AnyExports>(source: ModuleSource, options?: ComponentOptions): Promise<ComponentImage<World>>;
  // Again, as the last one: that is the one that `Parameters` and the compiler's messages are about.
  override build(source: ModuleSource, options?: BuildOptions): Promise<Image>;
  override build(source: ModuleSource, options?: BuildOptions | ComponentOptions): Promise<Image> {
    return super.build(source, options as BuildOptions);
  }

  override load(bytes: Uint8Array, options?: LoadOptions): Promise<Snapshot>;
  /** A snapshot of a component's machine, with the type of its world. */
  override load<World = AnyExports>(
    bytes: Uint8Array,
    options?: ComponentLoadOptions,
  ): Promise<ComponentSnapshot<World>>;
  override load(bytes: Uint8Array, options?: LoadOptions): Promise<Snapshot>;
  override load(bytes: Uint8Array, options?: LoadOptions | ComponentLoadOptions): Promise<Snapshot> {
    return super.load(bytes, options as LoadOptions);
  }
}
