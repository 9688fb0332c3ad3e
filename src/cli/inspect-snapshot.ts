/** `fargo-wasm inspect` of a snapshot in a file: what its config and layers say, verified; nothing is built of it. */

import { FargoError } from '../base/errors.ts';
import { Fields } from '../base/fields.ts';
import { WASM_PAGE_BYTES } from '../base/units.ts';
import { SNAPSHOT_BYTES } from '../image/snapshot/limits.ts';
import { readLayout } from '../image/snapshot/read-layout.ts';
import type { Colours } from './colour.ts';
import { formatBytes, plural, printable } from './format.ts';
import type { LoadedModule } from './load-module.ts';
import { packageVersion } from './platform-facts.ts';
import { formatTable } from './table.ts';

/** The JSON of `inspect` for a snapshot: docs/cli.md describes it. */
export interface SnapshotFacts {
  readonly command: 'inspect';
  readonly version: string;
  readonly name: string;
  readonly format: 'snapshot';
  readonly bytes: number;
  /** Names the snapshot. */
  readonly digest: string;
  /** What it is the difference to, or null. */
  readonly parent: string | null;
  readonly generation: number;
  readonly lineage: string;
  /** Digest of the component that it is a machine of; null for core modules. */
  readonly component: string | null;
  /** Digest of each module, null for what a provider defines, and for the modules of a component. */
  readonly modules: readonly (string | null)[];
  readonly memories: readonly { readonly guestBytes: number; readonly storedBytes: number }[];
  readonly devices: readonly string[];
  readonly layers: readonly { readonly digest: string; readonly mediaType: string; readonly bytes: number }[];
}

const TEXT = 100_000;
const COUNT = 100_000;

/** @throws FargoError `invalid-image`, `unsupported`, `limit` */
export async function snapshotFacts({ name, bytes }: LoadedModule): Promise<SnapshotFacts> {
  const { digest, config, layers } = await readLayout(bytes, SNAPSHOT_BYTES).catch((error: unknown) => {
    if (!(error instanceof FargoError)) throw error;
    throw new FargoError(error.code, `${name}: ${error.message}`, { cause: error });
  });
  const fields = new Fields(config, 'config');
  const machine = fields.object('machine');
  const state = fields.object('state');
  const sizes = new Map(layers.map((layer) => [layer.digest, layer.bytes.length]));
  return {
    command: 'inspect',
    version: packageVersion(),
    name,
    format: 'snapshot',
    bytes: bytes.length,
    digest,
    parent: fields.optional('parent', (of, field) => of.text(field, TEXT)) ?? null,
    generation: machine.number('generation', [0, 2 ** 31]),
    lineage: machine.text('lineage', TEXT),
    component: fields.has('component') ? fields.object('component').text('module', TEXT) : null,
    modules: fields
      .object('program')
      .list('units', COUNT)
      .map((unit, at) => {
        const each = new Fields(unit, `config.program.units[${at}]`);
        return each.has('module') ? each.text('module', TEXT) : null;
      }),
    memories: state.list('memories', COUNT).map((memory, at) => {
      const each = new Fields(memory, `config.state.memories[${at}]`);
      const pages = each.optional('pages', (of, field) => of.text(field, TEXT));
      return {
        guestBytes: each.number('wasmPages', [0, 65_536]) * WASM_PAGE_BYTES,
        storedBytes: pages === undefined ? 0 : (sizes.get(pages) ?? 0),
      };
    }),
    devices: state
      .list('devices', COUNT)
      .map((device, at) => new Fields(device, `config.state.devices[${at}]`).text('name', TEXT)),
    layers: layers.map((layer) => ({
      digest: layer.digest,
      mediaType: layer.mediaType,
      bytes: layer.bytes.length,
    })),
  };
}

export function snapshotText(facts: SnapshotFacts, { bold }: Colours): string[] {
  const { memories, devices, modules, layers } = facts;
  const of = memories.map(
    ({ guestBytes, storedBytes }) => `${formatBytes(guestBytes)}, ${formatBytes(storedBytes)} stored`,
  );
  return [
    `${bold(printable(facts.name))}: ${facts.parent === null ? 'a snapshot' : 'the difference of a snapshot'}, ${formatBytes(facts.bytes)}`,
    `digest: ${printable(facts.digest)}`,
    ...(facts.parent === null ? [] : [`parent: ${printable(facts.parent)}`]),
    `generation ${facts.generation}, lineage ${printable(facts.lineage)}`,
    ...(facts.component === null ? [] : [`component: ${printable(facts.component)}`]),
    `modules: ${plural(modules.length, 'unit')}`,
    `memory: ${of.length === 0 ? 'none' : of.join('; ')}`,
    `devices: ${devices.length === 0 ? 'none' : devices.map(printable).join(', ')}`,
    '',
    bold('layers'),
    ...formatTable(
      layers.map(({ digest, mediaType, bytes }) => [
        printable(digest.slice(0, 19)),
        formatBytes(bytes),
        printable(mediaType),
      ]),
      ['left', 'right', 'left'],
    ).map((line) => `  ${line}`),
  ];
}
