/** The layout as others may have made it: packed anew, with more in it, compressed; and what must not pass. */

import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

import { describe, expect, test } from 'vitest';

import type { Json } from '../../base/fields.ts';
import { tarLayer } from '../tar/tar-layer.ts';
import { joinChunks, writeTar, type TarItem } from '../tar/write-tar.ts';
import { HAS_GNU_TAR } from '../testing/gnu-tar.ts';
import { digestOf } from './digest.ts';
import { canonicalJson, parseCanonical, parseDocument } from './documents.ts';
import { readLayout } from './read-layout.ts';
import { LayoutWriter } from './write-layout.ts';

const MAX = 1 << 24;
const MODULE = 'application/wasm';

async function layout(compress = false): Promise<{ bytes: Uint8Array<ArrayBuffer>; digest: string; layer: string }> {
  const writer = new LayoutWriter({ compress, maxBytes: MAX });
  const layer = await writer.add(MODULE, new Uint8Array(5000).fill(7));
  await writer.add('application/x', Uint8Array.of(1, 2, 3));
  expect(await writer.add(MODULE, new Uint8Array(5000).fill(7))).toBe(layer);
  return { ...(await writer.finish({ b: [layer, null], a: 'ü' })), layer };
}

/** The files of a tar, to be changed and packed again. */
function filesOf(tar: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const from = tarLayer(tar);
  const walk = (at: string): void => {
    for (const name of from.list(at, 100)) {
      const path = at === '' ? name : `${at}/${name}`;
      const { kind, sizeBytes, version } = from.stat(path)!;
      if (kind === 'directory') {
        walk(path);
        continue;
      }
      const bytes = new Uint8Array(sizeBytes);
      from.read(path, version, 0, bytes);
      files.set(path, bytes);
    }
  };
  walk('');
  return files;
}

function pack(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const items = [...files].map(([path, bytes]): TarItem => ({
    kind: 'file',
    path,
    modifiedNs: 10n ** 18n,
    sizeBytes: bytes.length,
    read: (offset, into) => into.set(bytes.subarray(offset, offset + into.length)),
  }));
  return joinChunks(writeTar(items));
}

const json = (bytes: Uint8Array): never => JSON.parse(new TextDecoder().decode(bytes)) as never;
const encode = (value: Json): Uint8Array => new TextEncoder().encode(JSON.stringify(value, undefined, 2));

/** Puts a blob into a layout: its path. */
function put(files: Map<string, Uint8Array>, bytes: Uint8Array): { digest: string; size: number } {
  const digest = createHash('sha256').update(bytes).digest('hex');
  files.set(`blobs/sha256/${digest}`, bytes);
  return { digest: `sha256:${digest}`, size: bytes.length };
}

/** The layout with another manifest, and an index that names it. */
async function withManifest(change: (manifest: Record<string, Json>) => void): Promise<Uint8Array> {
  const files = filesOf((await layout()).bytes);
  const index: { manifests: { digest: string; mediaType: string }[] } = json(files.get('index.json')!);
  const manifest: Record<string, Json> = json(files.get(`blobs/sha256/${index.manifests[0]!.digest.slice(7)}`)!);
  change(manifest);
  const descriptor = { mediaType: 'application/vnd.oci.image.manifest.v1+json', ...put(files, encode(manifest)) };
  files.set('index.json', encode({ schemaVersion: 2, manifests: [descriptor] }));
  return pack(files);
}

describe('a layout', () => {
  test('has what was put in, by digests that others compute too', async () => {
    const { bytes, digest, layer } = await layout();
    const read = await readLayout(bytes, MAX);
    expect(read.config).toEqual({ a: 'ü', b: [layer, null] });
    expect(read.layers.map(({ mediaType, bytes: { length } }) => [mediaType, length])).toEqual([
      [MODULE, 5000],
      ['application/x', 3],
    ]);
    expect(layer).toBe(`sha256:${createHash('sha256').update(new Uint8Array(5000).fill(7)).digest('hex')}`);
    expect(digest).toBe(`sha256:${createHash('sha256').update(canonicalJson(read.config)).digest('hex')}`);
    expect(read.digest).toBe(digest);
    for (const [path, blob] of filesOf(bytes)) {
      if (path.startsWith('blobs/'))
        expect(path).toBe(`blobs/sha256/${createHash('sha256').update(blob).digest('hex')}`);
    }
  });

  test.each([false, true])('has the same bytes once, whatever they are (compressed: %s)', async (compress) => {
    const writer = new LayoutWriter({ compress, maxBytes: MAX });
    const [both] = [await writer.add(MODULE, Uint8Array.of(1)), await writer.add('application/x', Uint8Array.of(1))];
    const { bytes } = await writer.finish({});
    expect([...filesOf(bytes).keys()]).toHaveLength(5);
    const { layers } = await readLayout(bytes, MAX);
    expect(layers).toEqual(
      [MODULE, 'application/x'].map((mediaType) => ({ digest: both, mediaType, bytes: Uint8Array.of(1) })),
    );
  });

  test('compressed: the layers are gzip, the config and the digest the same', async () => {
    const plain = await layout();
    const small = await layout(true);
    expect(small.digest).toBe(plain.digest);
    expect(await readLayout(small.bytes, MAX)).toEqual(await readLayout(plain.bytes, MAX));
    const manifest = [...filesOf(small.bytes).values()]
      .map((each) => new TextDecoder().decode(each))
      .find((each) => each.includes('"layers"'))!;
    const layers = (JSON.parse(manifest) as { layers: { mediaType: string; digest: string }[] }).layers;
    expect(layers.map(({ mediaType }) => mediaType)).toEqual([`${MODULE}+gzip`, 'application/x+gzip']);
    const blob = filesOf(small.bytes).get(`blobs/sha256/${layers[0]!.digest.slice(7)}`)!;
    expect(gunzipSync(blob).length).toBe(5000);
  });

  test('packed anew by others, with more in it, or gzip as a whole', async () => {
    const { bytes, digest } = await layout();
    const files = filesOf(bytes);
    const index: { manifests: Json[] } = json(files.get('index.json')!);
    const other = put(files, encode({ schemaVersion: 2, config: {}, layers: [] }));
    const foreign = { mediaType: 'application/vnd.oci.image.manifest.v1+json', ...other, platform: { os: 'linux' } };
    const nested = {
      mediaType: 'application/vnd.oci.image.index.v1+json',
      digest: `sha256:${'0'.repeat(64)}`,
      size: 1,
    };
    const renamed = { ...(index.manifests[0] as object), annotations: { 'org.opencontainers.image.ref.name': 'warm' } };
    files.set(
      'index.json',
      encode({ schemaVersion: 2, manifests: [foreign, nested, renamed, renamed], annotations: {} }),
    );
    files.set('README', Uint8Array.of(1));
    const again = pack(new Map([...files].toReversed()));
    expect((await readLayout(again, MAX)).digest).toBe(digest);
    expect((await readLayout(gzipSync(again), MAX)).digest).toBe(digest);
    expect((await readLayout(bytes.subarray(0, bytes.length - 1024), MAX)).digest).toBe(digest);
  });

  test.runIf(HAS_GNU_TAR)('unpacked and packed by GNU tar', async () => {
    const { bytes, digest } = await layout();
    const folder = mkdtempSync(join(tmpdir(), 'fargo-layout-'));
    try {
      const path = join(folder, 'in.tar');
      writeFileSync(path, bytes);
      execFileSync('tar', ['-xf', path, '-C', folder]);
      rmSync(path);
      expect(readdirSync(folder).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
      const packed = execFileSync('tar', ['-cf', '-', '-C', folder, '.']);
      expect((await readLayout(packed, MAX)).digest).toBe(digest);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

const changed = async (path: RegExp, change: (bytes: Uint8Array) => Uint8Array | undefined): Promise<Uint8Array> => {
  const files = filesOf((await layout()).bytes);
  for (const [name, bytes] of files) {
    if (!path.test(name)) continue;
    const other = change(bytes);
    if (other === undefined) files.delete(name);
    else files.set(name, other);
    break;
  }
  return pack(files);
};
const large = async (): Promise<Uint8Array> => {
  const writer = new LayoutWriter({ compress: true, maxBytes: MAX });
  await writer.add(MODULE, new Uint8Array(1 << 25));
  return (await writer.finish({})).bytes;
};

describe('is refused', () => {
  const deep = '['.repeat(20) + ']'.repeat(20);

  test.each<[string, () => Promise<Uint8Array>, string, string]>([
    ['no layout', () => changed(/^oci-layout$/, () => undefined), 'invalid-image', 'has no file "oci-layout"'],
    [
      'another layout',
      () => changed(/^oci-layout$/, () => encode({ imageLayoutVersion: '2' })),
      'unsupported',
      'has version "2"',
    ],
    [
      'no JSON',
      () => changed(/^index/, () => Uint8Array.of(123)),
      'invalid-image',
      '"index.json" is not JSON in UTF-8',
    ],
    ['no UTF-8', () => changed(/^index/, () => Uint8Array.of(34, 255, 34)), 'invalid-image', 'is not JSON in UTF-8'],
    ['deep JSON', () => changed(/^index/, () => new TextEncoder().encode(deep)), 'limit', 'nested more than 16 deep'],
    [
      'large JSON',
      () => changed(/^index/, () => new Uint8Array(5 << 20)),
      'limit',
      'has 5242880 bytes or more; 4194304 are allowed',
    ],
    [
      'no manifest',
      () => changed(/^index/, () => encode({ schemaVersion: 2, manifests: [] })),
      'invalid-image',
      'has 0 manifests',
    ],
    ['a blob that is missing', () => changed(/^blobs/, () => undefined), 'invalid-image', 'has no file "blobs/'],
    [
      'a blob of another size',
      () => changed(/^blobs/, (old) => Uint8Array.from([...old, 0])),
      'invalid-image',
      'its descriptor says',
    ],
    [
      'a blob of other bytes',
      () => changed(/^blobs/, (old) => old.map((byte) => byte ^ 1)),
      'invalid-image',
      'has the digest',
    ],
    [
      'another artifact',
      () => withManifest((each) => (each['artifactType'] = 'x')),
      'invalid-image',
      'has 0 manifests',
    ],
    [
      'another config',
      () => withManifest((each) => ((each['config'] as Record<string, Json>)['mediaType'] = 'x')),
      'unsupported',
      'the config is a "x"',
    ],
    [
      'a digest of another kind',
      () => withManifest((each) => ((each['config'] as Record<string, Json>)['digest'] = 'md5:1')),
      'invalid-image',
      'config.digest is "md5:1"',
    ],
    [
      'a way out',
      () =>
        withManifest((each) => ((each['config'] as Record<string, Json>)['digest'] = 'sha256:../../../../etc/passwd')),
      'invalid-image',
      'config.digest',
    ],
    [
      'a size that is a lie',
      () => withManifest((each) => ((each['layers'] as Record<string, Json>[])[0]!['size'] = 2 ** 40)),
      'limit',
      'has 10995116278',
    ],
    [
      'layers that are none',
      () => withManifest((each) => (each['layers'] = 7)),
      'invalid-image',
      'the manifest.layers is 7; expected is an array',
    ],
    ['what inflates too far', large, 'limit', 'are allowed'],
  ])('%s', async (_what, make, code, message) => {
    const bytes = await make();
    await expect(readLayout(bytes, MAX)).rejects.toEqual(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  test('a config that can be read in two ways', async () => {
    for (const text of ['{"a":1,"a":2}', '{ "a":1}', '{"b":1,"a":2}', '{"a":1.0}', '{"a":"\\u0041"}', '{"a":1}\n']) {
      expect(() => parseCanonical('it', new TextEncoder().encode(text), 100)).toThrow('not written as it should be');
    }
    const same = '{"":[],"__proto__":{"a":null},"a":[true,-1,"\\u0000\\"é"]}';
    expect(canonicalJson(parseCanonical('it', new TextEncoder().encode(same), 100))).toBe(same);
    expect(() => parseDocument('it', new TextEncoder().encode('"["'), 2)).toThrow(
      expect.objectContaining({ code: 'limit' }),
    );
    expect(parseDocument('it', new TextEncoder().encode(`"\\"${'['.repeat(30)}"`), 100)).toContain('[[[');
  });
});

test('digests are the same with the engine’s SHA-256 and without', async () => {
  for (const size of [0, 1, 55, 56, 64, 1000, 70_000]) {
    const bytes = Uint8Array.from({ length: size }, (_, at) => (at * 7) & 255);
    const expected = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    expect(await digestOf(bytes)).toBe(expected);
    expect(await digestOf(bytes, null)).toBe(expected);
  }
});
