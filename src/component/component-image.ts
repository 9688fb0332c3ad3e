/** An image of a component, from which component machines boot. Immutable. */

import { disposable } from '../base/dispose.ts';
import type { BootOptions, Image } from '../host/image.ts';
import type { AnyExports, ComponentShape } from './component-calls.ts';
import { ComponentMachine } from './component-machine.ts';

/** As for any machine, but what a trapped call has written is never kept: a component that trapped may not be entered. */
export type ComponentBootOptions = Omit<BootOptions, 'onTrap'>;

export class ComponentImage<Exports = AnyExports> {
  static {
    disposable(this);
  }

  /** The image below: several linked modules. */
  readonly image: Image;
  /** TypeScript declarations of the component's world, by file name. */
  readonly types: ReadonlyMap<string, string>;
  readonly #shape: ComponentShape;

  /** @internal */
  constructor(image: Image, types: ReadonlyMap<string, string>, shape: ComponentShape) {
    this.image = image;
    this.types = types;
    this.#shape = shape;
  }

  get name(): string | undefined {
    return this.image.name;
  }

  /** A new machine: all its core modules have been initialized. The caller disposes it. @throws as `Image.boot` */
  async boot({ limits, onOutput }: ComponentBootOptions = {}): Promise<ComponentMachine<Exports>> {
    const options = { ...(limits && { limits }), ...(onOutput && { onOutput }) };
    return new ComponentMachine(await this.image.boot(options), this.#shape);
  }

  /** Lets go of compiled code and idle cores. Machines that exist live on. */
  dispose(): void {
    this.image.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
