/**
 * Reads the one snapshot in an OCI image layout that is a tar. Nothing of it is believed: digests and sizes are verified,
 * sizes capped before anything is read, and what is inflated is capped too. What else the layout holds is not looked at.
 */

import { FargoError } from '../../base/errors.ts';
import { Fields, type Json } from '../../base/fields.ts';
import type { ByteCount } from '../../base/units.ts';
import { Inflater } from '../tar/inflater.ts';
import { tarLayer, type TarLayer } from '../tar/tar-layer.ts';
import { joinChunks } from '../tar/write-tar.ts';
import { digestOf } from './digest.ts';
import { parseCanonical, parseDocument } from './documents.ts';
import { CONFIG_BYTES, DOCUMENT_BYTES, LAYERS, MANIFESTS, TAR_ENTRIES } from './limits.ts';
import { ARTIFACT_TYPE, GZIP, LAYOUT_VERSION, MANIFEST_TYPE, MediaType } from './media-types.ts';

/** A layer, inflated. */
export interface LayoutLayer {
  /** Of its contents, as the config names it. Layers of several types may have the same. */
  readonly digest: string;
  /** Without the `+gzip` that it may have had. */
  readonly mediaType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface OpenedLayout {
  /** Of the config: names the snapshot. */
  readonly digest: string;
  readonly config: Json;
  readonly layers: readonly LayoutLayer[];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly sizeBytes: ByteCount;
}

const TEXT_LENGTH = 1024;
const NOTHING: KnownModules = new Map();

/** Whether bytes may be a snapshot file, by how they begin: a tar, or gzip. */
export function mayBeSnapshotFile(bytes: Uint8Array): boolean {
  const has = (at: number, magic: readonly number[]): boolean =>
    magic.every((byte, index) => bytes[at + index] === byte);
  return has(0, GZIP_MAGIC) || has(USTAR_AT, USTAR_MAGIC);
}

const GZIP_MAGIC: readonly number[] = [0x1f, 0x8b];
const USTAR_AT = 257;
const USTAR_MAGIC: readonly number[] = [...'ustar'].map((letter) => letter.charCodeAt(0));

/** Modules that are here already, by digest: layers of them are not read. */
export type KnownModules = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/**
 * Reads a snapshot file, gzip or not. The result shares no bytes with it.
 *
 * Throws `FargoError`: `invalid-image` for what is damaged or no snapshot, `unsupported` for a version that is not read,
 * `limit` beyond a cap.
 */
export async function readLayout(
  bytes: Uint8Array,
  maxBytes: ByteCount,
  known: KnownModules = NOTHING,
): Promise<OpenedLayout> {
  if (bytes.length > maxBytes) throw tooLarge(bytes.length, maxBytes);
  const files = tarLayer(bytes, { limits: { bytes: maxBytes, entries: TAR_ENTRIES } });
  checkLayout(files);
  const manifest = await findManifest(files);
  const configFields = descriptorOf(manifest.object('config'));
  if (configFields.mediaType !== MediaType.config) {
    throw new FargoError('unsupported', `the config is a "${configFields.mediaType}"; "${MediaType.config}" is read`);
  }
  // The same bytes may be two things: a module that is the input of its machine too.
  const descriptors = new Map<string, Descriptor>();
  manifest.list('layers', LAYERS).forEach((value, at) => {
    const found = descriptorOf(new Fields(value, `${manifest.path}.layers[${at}]`));
    descriptors.set(`${found.digest} ${found.mediaType}`, found);
  });
  let total = 0;
  for (const { sizeBytes } of [configFields, ...descriptors.values()]) total += sizeBytes;
  if (total > maxBytes) throw tooLarge(total, maxBytes);
  const config = parseCanonical('the config', await blobOf(files, configFields, CONFIG_BYTES), CONFIG_BYTES);
  const verified = await Promise.all(
    [...descriptors.values()].map(async (each) => ({
      each,
      stored:
        (each.mediaType === MediaType.module ? known.get(each.digest) : undefined) ??
        (await blobOf(files, each, maxBytes)),
    })),
  );
  const layers: LayoutLayer[] = [];
  let left = maxBytes;
  for (const { each, stored } of verified) {
    const isGzip = each.mediaType.endsWith(GZIP);
    const inflated = isGzip ? inflate(stored, left, maxBytes) : stored;
    left -= inflated.length;
    if (left < 0) throw tooLarge(maxBytes - left, maxBytes);
    layers.push({
      digest: isGzip ? await digestOf(inflated) : each.digest,
      mediaType: isGzip ? each.mediaType.slice(0, -GZIP.length) : each.mediaType,
      bytes: inflated,
    });
  }
  return { digest: configFields.digest, config, layers };
}

function checkLayout(files: TarLayer): void {
  const bytes = readFile(files, 'oci-layout', DOCUMENT_BYTES);
  const layout = new Fields(parseDocument('"oci-layout"', bytes, DOCUMENT_BYTES), '"oci-layout"');
  const version = layout.text('imageLayoutVersion', TEXT_LENGTH);
  if (version === LAYOUT_VERSION) return;
  throw new FargoError('unsupported', `the layout has version ${JSON.stringify(version)}; "${LAYOUT_VERSION}" is read`);
}

/** The only manifest of a machine in the index. */
async function findManifest(files: TarLayer): Promise<Fields> {
  const bytes = readFile(files, 'index.json', DOCUMENT_BYTES);
  const index = new Fields(parseDocument('"index.json"', bytes, DOCUMENT_BYTES), '"index.json"');
  index.number('schemaVersion', [2, 2]);
  const found: { readonly digest: string; readonly manifest: Fields }[] = [];
  for (const [at, value] of index.list('manifests', MANIFESTS).entries()) {
    const descriptor = descriptorOf(new Fields(value, `"index.json".manifests[${at}]`));
    if (descriptor.mediaType !== MANIFEST_TYPE) continue;
    const blob = await blobOf(files, descriptor, DOCUMENT_BYTES);
    const manifest = new Fields(parseDocument('a manifest', blob, DOCUMENT_BYTES), 'the manifest');
    if (!manifest.has('artifactType') || manifest.any('artifactType') !== ARTIFACT_TYPE) continue;
    manifest.number('schemaVersion', [2, 2]);
    if (!found.some(({ digest }) => digest === descriptor.digest)) found.push({ digest: descriptor.digest, manifest });
  }
  const [only, ...others] = found;
  if (only === undefined || others.length > 0) {
    throw new FargoError(
      'invalid-image',
      `the layout has ${found.length} manifests of type "${ARTIFACT_TYPE}"; one is expected`,
    );
  }
  return only.manifest;
}

function descriptorOf(fields: Fields): Descriptor {
  const digest = fields.text('digest', TEXT_LENGTH);
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw fields.wrong('digest', 'sha256: and 64 hexadecimal digits');
  return {
    mediaType: fields.text('mediaType', TEXT_LENGTH),
    digest,
    sizeBytes: fields.number('size', [0, Number.MAX_SAFE_INTEGER]),
  };
}

/** The bytes of a blob, verified. */
async function blobOf(files: TarLayer, descriptor: Descriptor, maxBytes: ByteCount): Promise<Uint8Array<ArrayBuffer>> {
  const { digest, sizeBytes } = descriptor;
  if (sizeBytes > maxBytes) throw tooLarge(sizeBytes, maxBytes);
  const path = `blobs/${digest.replace(':', '/')}`;
  const found = files.stat(path)?.sizeBytes;
  if (found !== undefined && found !== sizeBytes) {
    throw new FargoError('invalid-image', `the blob ${digest} has ${found} bytes; its descriptor says ${sizeBytes}`);
  }
  const bytes = readFile(files, path, maxBytes);
  const actual = await digestOf(bytes);
  if (actual !== digest) throw new FargoError('invalid-image', `the blob ${digest} has the digest ${actual}`);
  return bytes;
}

function readFile(files: TarLayer, path: string, maxBytes: ByteCount): Uint8Array<ArrayBuffer> {
  const stat = files.stat(path);
  if (stat?.kind !== 'file') throw new FargoError('invalid-image', `this is no snapshot: it has no file "${path}"`);
  if (stat.sizeBytes > maxBytes) throw tooLarge(stat.sizeBytes, maxBytes);
  const bytes = new Uint8Array(stat.sizeBytes);
  files.read(path, stat.version, 0, bytes);
  return bytes;
}

function inflate(bytes: Uint8Array, left: ByteCount, maxBytes: ByteCount): Uint8Array<ArrayBuffer> {
  try {
    const inflater = new Inflater(left);
    inflater.push(bytes);
    return joinChunks(inflater.end());
  } catch (error) {
    if (error instanceof FargoError && error.code === 'limit') throw tooLarge(maxBytes, maxBytes);
    throw error;
  }
}

function tooLarge(size: ByteCount, maxBytes: ByteCount): FargoError {
  return new FargoError('limit', `the snapshot, or a part of it, has ${size} bytes or more; ${maxBytes} are allowed`);
}
