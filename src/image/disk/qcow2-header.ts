/**
 * The header of a qcow2 image, version 2 or 3, with its extensions (qcow2, "Header", "Header extensions").
 *
 * What can't be read right is refused here by name: encryption, external data files, images marked as corrupt, unknown
 * incompatible features. Reference counts are needed for writing only; of them just the place of the table is checked.
 * Internal snapshots and bitmaps are ignored.
 */

import type { ByteCount } from '../../base/units.ts';
import { imageError, invalidImage } from './damage.ts';
import type { Qcow2Info } from './disk-image.ts';
import { BACKING_NAME_BYTES_MAX, L1_BYTES_MAX, REFCOUNT_TABLE_BYTES_MAX } from './limits.ts';
import type { ImageFile } from './ports.ts';
import {
  CLUSTER_BITS_MAX,
  CLUSTER_BITS_MIN,
  EXTENDED_CLUSTER_BITS_MIN,
  EXTENSION,
  HEADER,
  HEADER_BYTES_V2,
  HEADER_BYTES_V3,
  INCOMPATIBLE,
  L1_ENTRY_BYTES,
  QCOW2_MAGIC,
} from './qcow2-layout.ts';

/** What reading needs of the header. Every number was checked against the file. */
export interface Qcow2Header extends Qcow2Info {
  readonly clusterBits: number;
  readonly sizeBytes: ByteCount;
  readonly l1Offset: number;
  readonly l1Entries: number;
  readonly refcountTableOffset: number;
  readonly refcountTableBytes: ByteCount;
}

/** Whether `file` begins as a qcow2 image does. */
export function looksLikeQcow2(file: ImageFile): boolean {
  if (file.sizeBytes < 8) return false;
  const view = readView(file, 0, 8);
  return view.getUint32(HEADER.magic) === QCOW2_MAGIC && [2, 3].includes(view.getUint32(HEADER.version));
}

/** Reads and checks the header. Throws `FargoError` `invalid-image`, `unsupported` or `io`. */
export function readQcow2Header(file: ImageFile): Qcow2Header {
  if (file.sizeBytes < HEADER_BYTES_V2) {
    throw invalidImage(file, `${file.sizeBytes} bytes; a qcow2 header has at least ${HEADER_BYTES_V2}`, 0);
  }
  const fixed = readView(file, 0, Math.min(file.sizeBytes, HEADER_BYTES_V3 + 8));
  const magic = fixed.getUint32(HEADER.magic);
  if (magic !== QCOW2_MAGIC) throw invalidImage(file, `no qcow2 image: it begins with 0x${magic.toString(16)}`, 0);
  const version = fixed.getUint32(HEADER.version);
  if (version !== 2 && version !== 3) {
    throw imageError('unsupported', file, `is qcow2 version ${version}; versions 2 and 3 can be read`);
  }
  const clusterBits = inRange(file, fixed, HEADER.clusterBits, 'cluster bits', CLUSTER_BITS_MIN, CLUSTER_BITS_MAX);
  const clusterBytes = 2 ** clusterBits;
  const view = readView(file, 0, Math.min(file.sizeBytes, clusterBytes));
  const headerBytes = headerLength(file, view, version);
  const extensions = readExtensions(file, view, headerBytes);
  refuseEncryption(file, view);
  const features = version === 2 ? noFeatures : readFeatures(file, view, extensions.featureNames);
  if (features.extendedL2 && clusterBits < EXTENDED_CLUSTER_BITS_MIN) {
    throw invalidImage(file, `subclusters in clusters of ${clusterBytes} bytes`, HEADER.clusterBits);
  }
  return {
    version,
    clusterBits,
    clusterBytes,
    sizeBytes: u64(file, view, HEADER.sizeBytes, 'disk size'),
    dirty: features.dirty,
    extendedL2: features.extendedL2,
    compression: compressionOf(file, view, headerBytes, features.compression),
    backingName: readBackingName(file, view, clusterBytes),
    backingFormat: extensions.backingFormat,
    ...readTables(file, view, clusterBytes, features.extendedL2),
  };
}

function headerLength(file: ImageFile, view: DataView, version: 2 | 3): ByteCount {
  if (version === 2) return HEADER_BYTES_V2;
  if (view.byteLength < HEADER_BYTES_V3) {
    throw invalidImage(file, `${view.byteLength} bytes for a header of ${HEADER_BYTES_V3}`, 0);
  }
  inRange(file, view, HEADER.refcountOrder, 'refcount order', 0, 6);
  const bytes = inRange(file, view, HEADER.headerBytes, 'header length', HEADER_BYTES_V3, view.byteLength);
  if (bytes % 8 !== 0) {
    throw invalidImage(file, `header length ${bytes} is not a multiple of 8`, HEADER.headerBytes);
  }
  return bytes;
}

/** Sizes and places of the L1 table and the refcount table, which must lie in the file. */
function readTables(
  file: ImageFile,
  view: DataView,
  clusterBytes: ByteCount,
  extendedL2: boolean,
): Pick<Qcow2Header, 'l1Offset' | 'l1Entries' | 'refcountTableOffset' | 'refcountTableBytes'> {
  const sizeBytes = u64(file, view, HEADER.sizeBytes, 'disk size');
  const l1Entries = view.getUint32(HEADER.l1Entries);
  const l1Bytes = l1Entries * L1_ENTRY_BYTES;
  if (l1Bytes > L1_BYTES_MAX) {
    throw invalidImage(file, `an L1 table of ${l1Bytes} bytes; ${L1_BYTES_MAX} are allowed`, HEADER.l1Entries);
  }
  const bytesPerL1Entry = (clusterBytes / (extendedL2 ? 16 : 8)) * clusterBytes;
  const needed = Math.ceil(sizeBytes / bytesPerL1Entry);
  if (l1Entries < needed) {
    throw invalidImage(
      file,
      `an L1 table of ${l1Entries} entries; a disk of ${sizeBytes} bytes needs ${needed}`,
      HEADER.l1Entries,
    );
  }
  const l1Offset = tableOffset(file, view, HEADER.l1Offset, 'L1 table', needed * L1_ENTRY_BYTES, clusterBytes);
  const refcountTableBytes = view.getUint32(HEADER.refcountTableClusters) * clusterBytes;
  if (refcountTableBytes > REFCOUNT_TABLE_BYTES_MAX) {
    throw invalidImage(file, `a refcount table of ${refcountTableBytes} bytes`, HEADER.refcountTableClusters);
  }
  const field = HEADER.refcountTableOffset;
  const refcountTableOffset = tableOffset(file, view, field, 'refcount table', refcountTableBytes, clusterBytes);
  return { l1Offset, l1Entries: needed, refcountTableOffset, refcountTableBytes };
}

function tableOffset(
  file: ImageFile,
  view: DataView,
  field: number,
  name: string,
  bytes: ByteCount,
  clusterBytes: ByteCount,
): number {
  const offset = u64(file, view, field, `offset of the ${name}`);
  if (bytes === 0) return offset;
  if (offset % clusterBytes !== 0 || offset === 0) {
    throw invalidImage(file, `the ${name} lies at ${offset}, which is not the start of a later cluster`, field);
  }
  if (offset + bytes > file.sizeBytes) {
    throw invalidImage(file, `the ${name} ends at ${offset + bytes}, the file at ${file.sizeBytes}`, field);
  }
  return offset;
}

interface Features {
  readonly dirty: boolean;
  readonly compression: boolean;
  readonly extendedL2: boolean;
}

const noFeatures: Features = { dirty: false, compression: false, extendedL2: false };

function readFeatures(file: ImageFile, view: DataView, names: ReadonlyMap<number, string>): Features {
  const bits = view.getBigUint64(HEADER.incompatible);
  const has = (bit: number): boolean => ((bits >> BigInt(bit)) & 1n) === 1n;
  if (has(INCOMPATIBLE.corrupt)) {
    throw imageError('unsupported', file, 'is marked as corrupt; "qemu-img check -r all" may repair it');
  }
  if (has(INCOMPATIBLE.externalData)) {
    throw imageError('unsupported', file, 'keeps its data in an external data file, which is not supported');
  }
  const known = Object.values(INCOMPATIBLE) as number[];
  const unknown = Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => has(bit) && !known.includes(bit));
  if (unknown.length > 0) {
    const list = unknown.map((bit) => (names.has(bit) ? `"${names.get(bit)}" (bit ${bit})` : `bit ${bit}`)).join(', ');
    throw imageError('unsupported', file, `needs incompatible features that are not known here: ${list}`);
  }
  return {
    dirty: has(INCOMPATIBLE.dirty),
    compression: has(INCOMPATIBLE.compression),
    extendedL2: has(INCOMPATIBLE.extendedL2),
  };
}

function compressionOf(
  file: ImageFile,
  view: DataView,
  headerBytes: ByteCount,
  other: boolean,
): Qcow2Info['compression'] {
  const type = headerBytes > HEADER.compression ? view.getUint8(HEADER.compression) : 0;
  if ((type !== 0) !== other) {
    throw invalidImage(file, `compression type ${type} does not fit the incompatible features`, HEADER.compression);
  }
  if (type > 1)
    throw imageError('unsupported', file, `uses compression type ${type}; zlib (0) and zstd (1) can be read`);
  return type === 1 ? 'zstd' : 'zlib';
}

function refuseEncryption(file: ImageFile, view: DataView): void {
  const method = view.getUint32(HEADER.encryption);
  if (method === 0) return;
  const name = ['', 'AES', 'LUKS'][method] ?? `method ${method}`;
  throw imageError('unsupported', file, `is encrypted (${name}), which is not supported`);
}

interface Extensions {
  readonly backingFormat: string | undefined;
  readonly featureNames: ReadonlyMap<number, string>;
}

/** Walks the extensions: type and length of 4 bytes each, then data padded to 8. Unknown ones are skipped. */
function readExtensions(file: ImageFile, view: DataView, start: number): Extensions {
  const nameOffset = u64(file, view, HEADER.backingNameOffset, 'offset of the backing file name');
  const end = nameOffset === 0 ? view.byteLength : Math.min(nameOffset, view.byteLength);
  let backingFormat: string | undefined;
  const featureNames = new Map<number, string>();
  for (let at = start; at + 8 <= end;) {
    const type = view.getUint32(at);
    const bytes = view.getUint32(at + 4);
    if (type === EXTENSION.end) break;
    if (at + 8 + bytes > end) {
      throw invalidImage(file, `a header extension of ${bytes} bytes where ${end - at - 8} are left`, at);
    }
    const data = bytesOf(view, at + 8, bytes);
    if (type === EXTENSION.backingFormat) backingFormat = text(file, data, at + 8, 'backing format');
    if (type === EXTENSION.featureNames) addIncompatibleNames(featureNames, data);
    at += 8 + Math.ceil(bytes / 8) * 8;
  }
  return { backingFormat, featureNames };
}

/** Entries of 48 bytes: kind (0 is incompatible), bit, name (qcow2, "Feature name table"). */
function addIncompatibleNames(names: Map<number, string>, table: Uint8Array): void {
  for (let at = 0; at + 48 <= table.length; at += 48) {
    const [kind, bit] = table.subarray(at, at + 2);
    const name = [...table.subarray(at + 2, at + 48)].filter((byte) => byte >= 0x20 && byte < 0x7f);
    if (kind === 0 && bit !== undefined && bit < 64) names.set(bit, String.fromCharCode(...name));
  }
}

function readBackingName(file: ImageFile, view: DataView, clusterBytes: ByteCount): string | undefined {
  const offset = u64(file, view, HEADER.backingNameOffset, 'offset of the backing file name');
  if (offset === 0) return undefined;
  const field = HEADER.backingNameBytes;
  const bytes = inRange(file, view, field, 'length of the backing file name', 0, BACKING_NAME_BYTES_MAX);
  if (bytes === 0) return undefined;
  if (offset + bytes > Math.min(clusterBytes, view.byteLength)) {
    throw invalidImage(file, `the backing file name lies at ${offset}, beyond the first cluster`, field);
  }
  return text(file, bytesOf(view, offset, bytes), offset, 'backing file name');
}

function text(file: ImageFile, bytes: Uint8Array, offset: number, what: string): string {
  let decoded: string | undefined;
  try {
    decoded = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Not UTF-8: said below.
  }
  if (decoded === undefined || decoded.includes('\0')) {
    throw invalidImage(file, `the ${what} is not UTF-8 without NUL`, offset);
  }
  return decoded;
}

function bytesOf(view: DataView, offset: number, bytes: ByteCount): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + offset, bytes);
}

function inRange(file: ImageFile, view: DataView, field: number, name: string, min: number, max: number): number {
  const value = view.getUint32(field);
  if (value < min || value > max) throw invalidImage(file, `${name} ${value}; ${min} to ${max} are allowed`, field);
  return value;
}

function u64(file: ImageFile, view: DataView, field: number, name: string): number {
  const value = view.getBigUint64(field);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalidImage(file, `${name} ${value} is too large`, field);
  return Number(value);
}

function readView(file: ImageFile, offset: number, bytes: ByteCount): DataView {
  const into = new Uint8Array(bytes);
  file.read(offset, into);
  return new DataView(into.buffer);
}
