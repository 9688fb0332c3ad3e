import { gzipSync } from 'node:zlib';

import { describe, expect, test } from 'vitest';

import { HAS_GNU_TAR, tarOf } from '../testing/gnu-tar.ts';
import { contentsOf, listingOf } from '../testing/layers.ts';
import { tarLayer, tarLayerFrom } from './tar-layer.ts';

const LONG = 'n'.repeat(200);

describe.skipIf(!HAS_GNU_TAR)('what GNU tar writes', () => {
  const tree = `
    mkdir -p a/b/empty ${LONG}; printf hello > a/file; printf '' > a/none; ln a/file a/b/hard; ln -s ../file a/b/link
    ln -s ${'t'.repeat(150)} far; printf 'ümlaut' > 'ä b'; head -c 5000 /dev/zero | tr '\\0' x > ${LONG}/big; mkfifo pipe
    touch -d '2020-01-02 03:04:05.123456789 UTC' a/file`;
  const expected = {
    a: 'dir',
    'a/b': 'dir',
    'a/b/empty': 'dir',
    'a/b/hard': 'hello',
    'a/b/link': '-> ../file',
    'a/file': 'hello',
    'a/none': '',
    far: `-> ${'t'.repeat(150)}`,
    [LONG]: 'dir',
    [`${LONG}/big`]: 'x'.repeat(5000),
    'ä b': Buffer.from('ümlaut').toString('latin1'),
  };

  test.each(['gnu', 'oldgnu', 'posix'])('format %s', (format) => {
    const layer = tarLayer(tarOf(tree, `--format=${format}`));
    expect(listingOf(layer)).toEqual(expected);
    expect(layer.notes).toMatchObject([{ path: './pipe', reason: 'is a pipe' }]);
    const ns = format === 'posix' ? 123456789n : 0n;
    expect(layer.stat('a/file')).toMatchObject({ sizeBytes: 5, modifiedNs: 1577934245000000000n + ns });
    expect(layer.stat('a/b/hard')!.version).toBe(layer.stat('a/file')!.version);
    expect(layer.stat('pipe')).toBeUndefined();
    expect(layer.stat('')!.modifiedNs).toBeGreaterThan(0n);
  });

  test.each(['v7', 'ustar'])('format %s', (format) => {
    const small = `mkdir -p d/${'e'.repeat(80)}; printf x > d/${'e'.repeat(80)}/f; ln -s f d/l`;
    const deep =
      format === 'ustar' ? `mkdir -p d/${'e'.repeat(80)}/g; printf y > d/${'e'.repeat(80)}/g/${'h'.repeat(70)}` : '';
    const layer = tarLayer(tarOf(`${small}; ${deep}`, `--format=${format}`));
    expect(listingOf(layer)).toMatchObject({ [`d/${'e'.repeat(80)}/f`]: 'x', 'd/l': '-> f' });
    if (format === 'ustar')
      expect(listingOf(layer)).toMatchObject({ [`d/${'e'.repeat(80)}/g/${'h'.repeat(70)}`]: 'y' });
  });

  const holes = `truncate -s 3000000 s; for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29; do
    printf "part $i" | dd of=s bs=1 seek=$((i * 98304 + 8192)) conv=notrunc 2>/dev/null; done
    truncate -s 100000000000 huge; printf end > tail; truncate -s 8192 allhole; printf last | dd of=lasts bs=1 seek=70000 2>/dev/null`;
  test.each([
    '--format=gnu',
    '--format=posix --sparse-version=0.0',
    '--format=posix --sparse-version=0.1',
    '--format=posix',
  ])('sparse files, %s', (options) => {
    const tar = tarOf(holes, `-S ${options}`);
    expect(tar.length).toBeLessThan(400_000);
    const layer = tarLayer(tar);
    const plain = tarLayer(tarOf(`${holes}; rm huge`));
    for (const path of ['s', 'tail', 'allhole', 'lasts']) {
      expect(Buffer.compare(contentsOf(layer, path), contentsOf(plain, path))).toBe(0);
    }
    const { sizeBytes, version } = layer.stat('huge')!;
    expect(sizeBytes).toBe(100_000_000_000);
    const into = new Uint8Array(100).fill(1);
    expect(layer.read('huge', version, 99_999_999_950, into)).toBe(50);
    expect(into.subarray(0, 50).every((byte) => byte === 0)).toBe(true);
    expect([...layer.list('', 10)].sort()).toEqual(['allhole', 'huge', 'lasts', 's', 'tail']);
    // Reads that begin and end anywhere.
    const whole = contentsOf(plain, 's');
    for (let at = 0; at < 3_000_000; at += 49_151) {
      const part = new Uint8Array(100_000).fill(7);
      const count = layer.read('s', layer.stat('s')!.version, at, part);
      expect(Buffer.compare(part.subarray(0, count), whole.subarray(at, at + count))).toBe(0);
    }
  });

  test('gzip, in one or several members, and streams in odd parts', async () => {
    const tar = tarOf(tree);
    const two = Buffer.concat([gzipSync(tar.subarray(0, 3000)), gzipSync(tar.subarray(3000))]);
    for (const bytes of [tar, gzipSync(tar), two]) {
      expect(listingOf(tarLayer(new Uint8Array(bytes)))).toEqual(expected);
      for (const size of [1, 7, 512, 100_000]) {
        const parts = async function* (): AsyncGenerator<Uint8Array> {
          for (let at = 0; at < bytes.length; at += size) yield new Uint8Array(bytes.subarray(at, at + size));
        };
        expect(listingOf(await tarLayerFrom(parts()))).toEqual(expected);
      }
      const stream = new Blob([new Uint8Array(bytes)]).stream();
      const locked = { getReader: () => stream.getReader() };
      expect(listingOf(await tarLayerFrom(locked))).toEqual(expected);
    }
  });
});
