/** Names of formats in a snapshot file: see docs/snapshot-format.md. */

/** Type of the whole: a machine at rest. */
export const ARTIFACT_TYPE = 'application/vnd.fargo-wasm.machine.v1';
export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
/** Version of OCI image layouts that is read and written. */
export const LAYOUT_VERSION = '1.0.0';
/** What is added to the type of a layer that is gzip. */
export const GZIP = '+gzip';

/** Types of the config and of layers. */
export const MediaType = {
  config: 'application/vnd.fargo-wasm.machine.config.v1+json',
  /** A module as it was given, before it was instrumented. */
  module: 'application/wasm',
  /** Pages of a memory. */
  memory: 'application/vnd.fargo-wasm.memory.v1',
  /** Entries of tables. */
  tables: 'application/vnd.fargo-wasm.tables.v1',
  /** A part of a device's state. */
  device: 'application/vnd.fargo-wasm.device.v1',
} as const;
