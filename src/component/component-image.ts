/** An image of a component, from which component machines boot. Immutable. */

import { Image, type BootOptions, type ImageParts } from '../host/image.ts';
import type { InstrumentReport } from '../instrument/meta.ts';
import { sumOfReports } from '../instrument/report.ts';
import type { Outcome } from '../machine/outcome.ts';
import type { Program } from '../machine/program.ts';
import type { AnyExports } from './component-calls.ts';
import type { ComponentMachine } from './component-machine.ts';

/** As for any machine, but what a trapped call has written is never kept: a component that trapped may not be entered. */
export type ComponentBootOptions = Omit<BootOptions, 'onTrap'>;

/** What an image knows of its component beside the program. */
interface ComponentFacts {
  readonly types: ReadonlyMap<string, string>;
  readonly imports: readonly string[];
}

/** An {@link Image} whose machines have typed exports. `meta` is that of the module that provides for its core modules. */
export class ComponentImage<Exports = AnyExports> extends Image {
  /** TypeScript declarations of the component's world, by file name. */
  readonly types: ReadonlyMap<string, string>;
  /** Interfaces and functions that the component imports. */
  readonly imports: readonly string[];

  /** @internal */
  constructor(parts: ImageParts, { types, imports }: ComponentFacts) {
    super(parts);
    this.types = types;
    this.imports = imports;
  }

  /** What instrumenting its core modules cost, together. */
  override get report(): InstrumentReport {
    return reportOf(this.program);
  }

  override boot(options?: ComponentBootOptions): Promise<ComponentMachine<Exports>> {
    return super.boot(options) as Promise<ComponentMachine<Exports>>;
  }

  override bootSync(options?: ComponentBootOptions): ComponentMachine<Exports> {
    return super.bootSync(options) as ComponentMachine<Exports>;
  }

  override tryBoot(options?: ComponentBootOptions): {
    readonly machine: ComponentMachine<Exports>;
    readonly outcome: Outcome<unknown>;
  } {
    const { machine, outcome } = super.tryBoot(options);
    return { machine: machine as ComponentMachine<Exports>, outcome };
  }
}

/** What instrumenting all modules of a program cost, each counted once. */
export function reportOf({ units }: Program): InstrumentReport {
  return sumOfReports([...new Set(units.map(({ meta }) => meta.report))]);
}
