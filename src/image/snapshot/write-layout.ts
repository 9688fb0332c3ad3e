/**
 * Writes an OCI image layout (OCI image 1.1, "Image Layout") with one manifest as a tar, so that what knows images can
 * hold and move it.
 *
 * ```
 *   oci-layout
 *   index.json ──> blobs/sha256/<manifest> ──┬──> blobs/sha256/<config>    JSON: what it is
 *                                            └──> blobs/sha256/<layer> ...  modules, pages, files
 * ```
 *
 * The config names layers by the digests of their contents, the manifest by those of what is stored, which may be gzip. So
 * the config's digest names the snapshot, compressed or not. The same layers and config give the same bytes: times are 0,
 * JSON is canonical.
 */

import { gzipSync } from 'fflate';

import { FargoError } from '../../base/errors.ts';
import type { Json } from '../../base/fields.ts';
import type { ByteCount } from '../../base/units.ts';
import { BLOCK_BYTES } from '../tar/header.ts';
import { writeTar, type TarItem } from '../tar/write-tar.ts';
import { digestOf } from './digest.ts';
import { documentOf } from './documents.ts';
import { CONFIG_BYTES, LAYERS } from './limits.ts';
import { ARTIFACT_TYPE, GZIP, INDEX_TYPE, LAYOUT_VERSION, MANIFEST_TYPE, MediaType } from './media-types.ts';

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Uint8Array;
}

export interface LayoutOptions {
  /** Whether layers are gzip. */
  readonly compress: boolean;
  /** Of the whole file, at most. */
  readonly maxBytes: ByteCount;
}

export class LayoutWriter {
  readonly #options: LayoutOptions;
  /** By digest of the contents and type. */
  readonly #layers = new Map<string, Promise<Blob>>();

  constructor(options: LayoutOptions) {
    this.#options = options;
  }

  /**
   * Adds a layer, once however often it is given with this type: the digest of `bytes`, which must not change any more. `known`: that
   * digest, if it was computed before.
   */
  async add(mediaType: string, bytes: Uint8Array, known?: string): Promise<string> {
    const digest = known ?? (await digestOf(bytes));
    const key = `${digest} ${mediaType}`;
    if (this.#layers.has(key)) return digest;
    const { compress } = this.#options;
    const type = compress ? `${mediaType}${GZIP}` : mediaType;
    this.#layers.set(
      key,
      compress
        ? blobOf(type, gzipSync(bytes, { mtime: 0, level: GZIP_LEVEL }))
        : Promise.resolve({ mediaType: type, digest, bytes }),
    );
    return digest;
  }

  /** The tar, and the digest of the config. Throws `FargoError` `limit` beyond a cap. */
  async finish(config: Json): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly digest: string }> {
    const layers = await Promise.all(this.#layers.values());
    if (layers.length > LAYERS) throw new FargoError('limit', `${layers.length} layers; ${LAYERS} are allowed`);
    const configBlob = await blobOf(MediaType.config, documentOf(config));
    if (configBlob.bytes.length > CONFIG_BYTES) {
      throw new FargoError('limit', `the config has ${configBlob.bytes.length} bytes; ${CONFIG_BYTES} are allowed`);
    }
    const manifest = await blobOf(
      MANIFEST_TYPE,
      documentOf({
        schemaVersion: 2,
        mediaType: MANIFEST_TYPE,
        artifactType: ARTIFACT_TYPE,
        config: descriptorOf(configBlob),
        layers: layers.map(descriptorOf),
      }),
    );
    const index = documentOf({
      schemaVersion: 2,
      mediaType: INDEX_TYPE,
      manifests: [{ ...descriptorOf(manifest), artifactType: ARTIFACT_TYPE }],
    });
    const blobs = new Map([manifest, configBlob, ...layers].map((each) => [each.digest, each]));
    const items: TarItem[] = [
      fileOf('oci-layout', documentOf({ imageLayoutVersion: LAYOUT_VERSION })),
      fileOf('index.json', index),
      { path: 'blobs', kind: 'directory', modifiedNs: 0n },
      { path: 'blobs/sha256', kind: 'directory', modifiedNs: 0n },
      ...[...blobs.values()].map(({ digest, bytes }) => fileOf(`blobs/${digest.replace(':', '/')}`, bytes)),
    ];
    const size = items.reduce((sum, item) => sum + memberBytes(item), 2 * BLOCK_BYTES);
    if (size > this.#options.maxBytes) {
      throw new FargoError(
        'limit',
        `the snapshot has ${size} bytes; ${this.#options.maxBytes} are allowed: "maxBytes"`,
      );
    }
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const chunk of writeTar(items)) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return { bytes, digest: configBlob.digest };
  }
}

/** The quickest: for pages of Perl 7 % larger than by default, in 60 % of the time. */
const GZIP_LEVEL = 1;

/** What a member takes in the tar: a header and whole blocks. */
function memberBytes(item: TarItem): ByteCount {
  return BLOCK_BYTES + (item.kind === 'file' ? Math.ceil(item.sizeBytes / BLOCK_BYTES) * BLOCK_BYTES : 0);
}

async function blobOf(mediaType: string, bytes: Uint8Array): Promise<Blob> {
  return { mediaType, digest: await digestOf(bytes), bytes };
}

function descriptorOf({ mediaType, digest, bytes }: Blob): { readonly [name: string]: Json } {
  return { mediaType, digest, size: bytes.length };
}

function fileOf(path: string, bytes: Uint8Array): TarItem {
  return {
    kind: 'file',
    path,
    modifiedNs: 0n,
    sizeBytes: bytes.length,
    read: (offset, into) => into.set(bytes.subarray(offset, offset + into.length)),
  };
}
