/** Caps of snapshot files: unit, threat and reason. A file that reaches one is refused. */

import type { ByteCount } from '../../base/units.ts';

/**
 * Bytes of a snapshot file, and of its blobs together when they are inflated, where no other cap is given: 2 GiB. Threat:
 * host memory; some engines have no larger arrays.
 */
export const SNAPSHOT_BYTES: ByteCount = 2 ** 31;
/** Bytes of the index and of a manifest: what registries take (OCI distribution, "Pushing Manifests"). Threat: memory. */
export const DOCUMENT_BYTES: ByteCount = 4 << 20;
/** Bytes of a config: descriptors, arguments, links of a thousand modules. Threat: objects take ten times the memory. */
export const CONFIG_BYTES: ByteCount = 16 << 20;
/** Nested arrays and objects in JSON. Threat: the stack of whoever walks them. */
export const JSON_DEPTH = 16;
/** Layers of a manifest: a module or a memory each. Threat: time. */
export const LAYERS = 10_000;
/** Manifests of an index that are looked at. Threat: time. */
export const MANIFESTS = 64;
/** Members of the tar. Threat: memory; a layout may hold other images too. */
export const TAR_ENTRIES = 100_000;
