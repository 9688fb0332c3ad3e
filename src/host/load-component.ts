/**
 * The component in a snapshot file: built here from the bytes in the file, as if it had been given to `Host.build`. What was
 * made of it elsewhere, glue above all, is never taken from a file: glue is code of this host's.
 */

import { FargoError } from '../base/errors.ts';
import type { Fields } from '../base/fields.ts';
import { MediaType } from '../image/snapshot/media-types.ts';
import type { SavedDevice } from '../machine/device.ts';
import type { Program } from '../machine/program.ts';
import { isComponent } from '../wasm/reader.ts';
import type { BuildOptions } from './base-host.ts';
import { componentOf } from './component-sources.ts';
import type { Image } from './image.ts';
import type { LoadOptions } from './load.ts';
import { DIGEST_LENGTH, invalid, type SavedFile } from './saved-file.ts';

/** What a file says of its component. */
export interface SavedComponent {
  readonly module: string;
  /** Digest of the glue whose tables the handles are of. */
  readonly glue: string;
  readonly budget: boolean;
}

/** Builds a component that was saved. `wasi`: what the file says of that device. */
export type ComponentBuilder = (
  bytes: Uint8Array<ArrayBuffer>,
  options: BuildOptions,
  wasi: SavedDevice | undefined,
) => Promise<Image>;

export function readComponent(fields: Fields): SavedComponent {
  const found = {
    module: fields.text('module', DIGEST_LENGTH),
    glue: fields.text('glue', DIGEST_LENGTH),
    budget: fields.truth('budget'),
  };
  fields.end();
  return found;
}

/** Options that are for loading, whatever is loaded. */
const LOADING: readonly string[] = [
  'parent',
  'image',
  'limits',
  'onTrap',
  'onOutput',
  'onCommit',
  'onRollback',
  'maxBytes',
  'devices',
  'wasi',
] satisfies (keyof LoadOptions)[];

/** The program of the component in a file. It ends with its last machine. @throws FargoError as `Host.build` */
export async function buildSaved(
  file: SavedFile,
  { module, budget }: SavedComponent,
  context: {
    readonly options: LoadOptions;
    readonly devices: readonly (SavedDevice & { readonly name: string })[];
    readonly build: ComponentBuilder;
  },
): Promise<Program> {
  const { wasi, devices } = context.options;
  if (devices !== undefined) throw new FargoError('bad-argument', 'a component takes no "devices"');
  const bytes = file.layer(module, MediaType.module, 'config.component.module');
  if (!isComponent(bytes)) throw invalid('config.component.module is no component');
  const saved = context.devices.find(({ name }) => name === 'wasi');
  const options: BuildOptions = {
    // What it is given is known where components are built.
    ...(Object.fromEntries(
      Object.entries(context.options).filter(([name]) => !LOADING.includes(name)),
    ) as BuildOptions),
    budget,
    // Without that device in the file it would be one more.
    ...(wasi && saved && { wasi }),
  };
  try {
    const { program } = await context.build(bytes, options, saved);
    program.kept = false;
    return program;
  } catch (error) {
    if (!(error instanceof FargoError) || error.code !== 'invalid-module') throw error;
    throw new FargoError('invalid-image', `config.component: ${error.message}`, { cause: error });
  }
}

/** Whether a program is of the component and the glue that a machine was saved with, or of none as that machine. @throws FargoError `bad-argument`, `unsupported` */
export function requireSameComponent(program: Program, saved: SavedComponent | undefined): void {
  const here = componentOf(program);
  if (here?.digest !== saved?.module || here?.budget !== saved?.budget) {
    throw new FargoError('bad-argument', 'the parent or image is not of the component that the file was saved with');
  }
  if (here?.glue === saved?.glue) return;
  throw new FargoError(
    'unsupported',
    'the machine was saved with glue of another version of @bytecodealliance/jco than is used here: its handles may mean something else. Use that version, or give "prepared" as it was made by it',
  );
}
