/** Tars that lie: each is refused with a code and an offset, or taken for what it harmlessly says. */

import { gzipSync } from 'node:zlib';

import { describe, expect, test } from 'vitest';

import { contentsOf, listingOf } from '../testing/layers.ts';
import { pax, rawTar } from '../testing/raw-tar.ts';
import type { RawMember } from '../testing/raw-tar.ts';
import { tarLayer, tarLayerFrom } from './tar-layer.ts';

const NUMBER_256 = (value: bigint, length = 12): Uint8Array => {
  const bytes = new Uint8Array(length);
  for (let i = 0, rest = BigInt.asUintN(8 * length, value); i < length; i++, rest >>= 8n)
    bytes[length - 1 - i] = Number(rest & 255n);
  bytes[0] = bytes[0]! | 0x80;
  return bytes;
};
const OLD_SPARSE = (parts: readonly (readonly [number, number])[], size: number, more = 0): Record<number, string> => ({
  ...Object.fromEntries(
    parts.flatMap(([at, length], i) => [
      [386 + 24 * i, at.toString(8).padStart(11, '0')],
      [398 + 24 * i, length.toString(8).padStart(11, '0')],
    ]),
  ),
  482: String.fromCharCode(more),
  483: size.toString(8).padStart(11, '0'),
});

/** Code of what reading a tar throws. */
const code = (bytes: Uint8Array, limit?: number): string => {
  try {
    tarLayer(bytes, limit === undefined ? {} : { limits: { bytes: limit } });
    return 'none';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

const listing = (members: readonly RawMember[], end?: Uint8Array): Record<string, string> =>
  listingOf(tarLayer(rawTar(members, end)));

describe('refused', () => {
  test.each<[string, string, readonly RawMember[]]>([
    ['a path that goes up', 'invalid-image', [{ name: 'a/../../etc/passwd' }]],
    ['a path that is only ..', 'invalid-image', [{ name: '..', type: '5' }]],
    ['a pax path that goes up', 'invalid-image', [pax({ path: '../x' }), { name: 'ok' }]],
    [
      'a long name that goes up',
      'invalid-image',
      [{ type: 'L', name: '././@LongLink', data: '../x\0' }, { name: 'ok' }],
    ],
    ['a hard link to above', 'invalid-image', [{ name: 'a', type: '1', link: '../../etc/passwd' }]],
    ['a hard link to nothing', 'invalid-image', [{ name: 'a', type: '1', link: 'b' }, { name: 'b' }]],
    [
      'a hard link to a directory',
      'invalid-image',
      [
        { name: 'd/', type: '5' },
        { name: 'a', type: '1', link: 'd' },
      ],
    ],
    ['a hard link to the root', 'invalid-image', [{ name: 'a', type: '1', link: './' }]],
    ['a member below a symbolic link', 'invalid-image', [{ name: 'a', type: '2', link: '/etc' }, { name: 'a/passwd' }]],
    ['a member below a file', 'invalid-image', [{ name: 'a' }, { name: 'a/b' }]],
    ['a member below a device', 'invalid-image', [{ name: 'a', type: '3' }, { name: 'a/b' }]],
    ['a root that is a file', 'invalid-image', [{ name: './', type: '2', link: 'x' }]],
    ['an empty link', 'invalid-image', [{ name: 'a', type: '2' }]],
    ['a wrong sum', 'invalid-image', [{ name: 'a', wrongBy: 1 }]],
    ['a NUL in a pax path', 'invalid-image', [pax({ path: 'a\0b' }), { name: 'ok' }]],
    ['a size below zero', 'invalid-image', [{ name: 'a', size: NUMBER_256(-512n) }]],
    ['a size beyond all', 'invalid-image', [{ name: 'a', size: NUMBER_256(2n ** 80n) }]],
    ['a size beyond the tar', 'invalid-image', [{ name: 'a', size: '77777777777' }]],
    ['a size that is no number', 'invalid-image', [{ name: 'a', size: '12x' }]],
    ['a pax size that is none', 'invalid-image', [pax({ size: '-1' }), { name: 'a' }]],
    ['a pax time that is none', 'invalid-image', [pax({ mtime: 'soon' }), { name: 'a' }]],
    ['a pax length of zero', 'invalid-image', [{ type: 'x', data: '0 path=a\n' }, { name: 'a' }]],
    ['a pax length too long', 'invalid-image', [{ type: 'x', data: '99 path=a\n' }, { name: 'a' }]],
    ['a pax length too short', 'invalid-image', [{ type: 'x', data: '5 path=a\n' }, { name: 'a' }]],
    ['a pax record without a key', 'invalid-image', [{ type: 'x', data: '6 =ab\n' }, { name: 'a' }]],
    [
      'a pax time that is not UTF-8',
      'invalid-image',
      [{ type: 'x', data: Buffer.from('10 mtime=\xff\n', 'latin1') }, { name: 'a' }],
    ],
    ['a global path', 'unsupported', [pax({ path: 'everything' }, 'g'), { name: 'a' }]],
    [
      '1,001 global keys',
      'limit',
      [
        pax(
          Array.from({ length: 1001 }, (_, i) => [`k${i}`, 'v'] as const),
          'g',
        ),
      ],
    ],
    ['pax records at the end', 'invalid-image', [pax({ path: 'a' })]],
    ['a part of another volume', 'unsupported', [{ name: 'a', type: 'M', data: 'x' }]],
    ['a name of 256 bytes', 'limit', [pax({ path: 'n'.repeat(256) }), { name: 'a' }]],
    ['a path of more than 4 KiB', 'limit', [pax({ path: 'n/'.repeat(2049) }), { name: 'a' }]],
    ['an extended header above 1 MiB', 'limit', [{ type: 'x', size: '00004000001' }, { name: 'a' }]],
    [
      'a sparse format of tomorrow',
      'unsupported',
      [pax({ 'GNU.sparse.major': '2', 'GNU.sparse.minor': '0' }), { name: 'a' }],
    ],
    [
      'a sparse map out of order',
      'invalid-image',
      [pax({ 'GNU.sparse.size': '100', 'GNU.sparse.map': '50,10,20,10' }), { name: 'a', data: 'x'.repeat(20) }],
    ],
    [
      'a sparse map that overlaps',
      'invalid-image',
      [pax({ 'GNU.sparse.size': '100', 'GNU.sparse.map': '0,10,5,10' }), { name: 'a', data: 'x'.repeat(20) }],
    ],
    [
      'a sparse map beyond the file',
      'invalid-image',
      [pax({ 'GNU.sparse.size': '100', 'GNU.sparse.map': '95,10' }), { name: 'a', data: 'x'.repeat(10) }],
    ],
    [
      'a sparse map beyond the data',
      'invalid-image',
      [pax({ 'GNU.sparse.size': '10000', 'GNU.sparse.map': '0,10000' }), { name: 'a', data: 'x'.repeat(10) }],
    ],
    [
      'half a sparse map',
      'invalid-image',
      [pax({ 'GNU.sparse.size': '100', 'GNU.sparse.map': '0,10,20' }), { name: 'a', data: 'x'.repeat(10) }],
    ],
    [
      'a sparse file of 2^52 bytes',
      'invalid-image',
      [pax({ 'GNU.sparse.size': `${2 ** 52}`, 'GNU.sparse.map': '' }), { name: 'a' }],
    ],
    [
      'a sparse map that counts too many',
      'limit',
      [
        pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '5' }),
        { name: 'a', data: '9999999999\n' },
      ],
    ],
    [
      'a sparse map in the data without end',
      'invalid-image',
      [
        pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '5' }),
        { name: 'a', data: '3\n0\n1' },
      ],
    ],
    [
      'an old sparse map beyond the file',
      'invalid-image',
      [{ name: 'a', type: 'S', magic: 'ustar  \0', patches: OLD_SPARSE([[0, 512]], 100), data: 'x'.repeat(512) }],
    ],
    [
      'an old sparse map beyond the tar',
      'invalid-image',
      [
        {
          name: 'a',
          type: 'S',
          magic: 'ustar  \0',
          patches: OLD_SPARSE([], 100, 1),
          size: '00000000000',
          data: 'x'.repeat(1500).replace(/x/g, '1'),
        },
      ],
    ],
  ])('%s', (_what, code, members) => {
    expect(() => tarLayer(rawTar(members))).toThrow(expect.objectContaining({ code, offset: expect.any(Number) }));
  });

  const lone = Buffer.concat([rawTar([{ name: 'a' }], new Uint8Array(512)), rawTar([{ name: 'b' }])]);
  test.each<[string, Uint8Array]>([
    ['noise', new Uint8Array(512).fill(7)],
    ['less than a block', new Uint8Array(100).fill(7)],
    ['a cut header', rawTar([{ name: 'a' }]).subarray(0, 300)],
    ['cut contents', rawTar([{ name: 'a', data: 'x'.repeat(1000) }]).subarray(0, 1200)],
    ['a single zero block', lone],
  ])('%s', (_what, bytes) => {
    expect(() => tarLayer(bytes)).toThrow(expect.objectContaining({ code: 'invalid-image' }));
  });

  test('too many entries, also such as are only implied', () => {
    const many = rawTar(Array.from({ length: 20 }, (_, i) => ({ name: `f${i}` })));
    expect(() => tarLayer(many, { limits: { entries: 19 } })).toThrow(expect.objectContaining({ code: 'limit' }));
    expect(tarLayer(many, { limits: { entries: 20 } }).list('', 100)).toHaveLength(20);
    const deep = rawTar([{ name: 'a/b/c/d/e/f' }]);
    expect(() => tarLayer(deep, { limits: { entries: 5 } })).toThrow(expect.objectContaining({ code: 'limit' }));
    const again = rawTar(Array.from({ length: 20 }, () => ({ name: 'same' })));
    expect(() => tarLayer(again, { limits: { entries: 19 } })).toThrow(expect.objectContaining({ code: 'limit' }));
  });

  test('gzip that is damaged, cut or too large inflated', async () => {
    const tar = rawTar([{ name: 'a', data: 'x'.repeat(100_000) }]);
    const gzip = new Uint8Array(gzipSync(tar));
    expect(code(gzip)).toBe('none');
    expect(code(gzip, tar.length)).toBe('none');
    expect(code(gzip, tar.length - 1)).toBe('limit');
    for (const length of [2, 9, 15, 40, gzip.length - 9, gzip.length - 8, gzip.length - 1]) {
      expect(code(gzip.subarray(0, length))).toBe('invalid-image');
    }
    for (const at of [gzip.length - 1, gzip.length - 8]) {
      const wrong = gzip.slice();
      wrong[at]! ^= 1;
      expect(code(wrong)).toBe('invalid-image');
    }
    const bomb = new Uint8Array(gzipSync(new Uint8Array(200_000_000)));
    expect(code(bomb, 1_000_000)).toBe('limit');
    // The first of two members is damaged only in its checksum.
    const first = new Uint8Array(gzipSync(tar.subarray(0, 5000)));
    first[first.length - 6]! ^= 1;
    expect(code(Buffer.concat([first, gzipSync(tar.subarray(5000))]))).toBe('invalid-image');
    const header = new Uint8Array(3_000_000).fill(0x41);
    header.set([0x1f, 0x8b, 8, 8]);
    expect(code(header)).toBe('invalid-image');
    const zstd = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0]);
    expect(code(zstd)).toBe('unsupported');
    await expect(tarLayerFrom(new Blob([tar]).stream(), { limits: { bytes: 5000 } })).rejects.toMatchObject({
      code: 'limit',
    });
    const text = (async function* () {
      yield 'text' as unknown as Uint8Array;
    })();
    await expect(tarLayerFrom(text)).rejects.toMatchObject({ code: 'bad-argument' });
  });
});

describe('taken', () => {
  test('a first slash means the root of the layer', () => {
    expect(
      listing([
        { name: '/etc/passwd', data: 'x' },
        { name: '//a//./b', data: 'y' },
      ]),
    ).toEqual({
      etc: 'dir',
      'etc/passwd': 'x',
      a: 'dir',
      'a/b': 'y',
    });
    expect(
      listing([
        { name: 'a', data: 'x' },
        { name: 'b', type: '1', link: '/a' },
      ]),
    ).toEqual({ a: 'x', b: 'x' });
  });

  test('a symbolic link may say anything', () => {
    expect(listing([{ name: 'a', type: '2', link: '../../../etc/passwd' }])).toEqual({ a: '-> ../../../etc/passwd' });
  });

  test('later members replace earlier ones; a link keeps what it named', () => {
    expect(
      listing([
        { name: 'a', data: 'old' },
        { name: 'b', type: '1', link: 'a' },
        { name: 'a', data: 'new' },
        { name: 'd/', type: '5' },
        { name: 'd/x', data: 'x' },
        { name: 'd', type: '5' },
        { name: 'e/x' },
        { name: 'e', data: 'a file now' },
        { name: 'f' },
        { name: 'f/', type: '5' },
        { name: 'f/y', data: 'y' },
      ]),
    ).toEqual({ a: 'new', b: 'old', d: 'dir', 'd/x': 'x', e: 'a file now', f: 'dir', 'f/y': 'y' });
  });

  test('a device hides what was there, and what links to it', () => {
    const layer = tarLayer(rawTar([{ name: 'a' }, { name: 'a', type: '4' }, { name: 'b', type: '1', link: 'a' }]));
    expect(layer.list('', 10)).toEqual([]);
    expect(layer.stat('a')).toBeUndefined();
    expect(layer.stat('b')).toBeUndefined();
    expect(layer.notes).toEqual([{ offset: 512, path: 'a', reason: 'is a block device' }]);
  });

  test('names that are not UTF-8 are left out, with a note; notes are capped', () => {
    const name = Buffer.from('b\xe4d', 'latin1');
    const layer = tarLayer(rawTar([{ name }, { name: 'l', type: '2', link: name }, { name: 'ok' }]));
    expect(layer.list('', 10)).toEqual(['ok']);
    expect(layer.notes.map((note) => note.reason)).toEqual([
      'has a name that is not UTF-8',
      'links to a name that is not UTF-8',
    ]);
    const records = Buffer.concat([
      Buffer.from('21 hdrcharset=BINARY\n9 path=\xff\n', 'latin1'),
      Buffer.from('29 SCHILY.xattr.security=\x01\0\xfe\n', 'latin1'),
    ]);
    const binary = tarLayer(
      rawTar([
        { type: 'x', data: records },
        { name: 'ascii' },
        { type: 'x', data: records.subarray(30) },
        { name: 'b' },
      ]),
    );
    expect(binary.list('', 10)).toEqual(['b']);
    expect(binary.notes).toMatchObject([{ reason: 'has a name that is not UTF-8' }]);
    const many = tarLayer(rawTar(Array.from({ length: 300 }, (_, i) => ({ name: `p${i}`, type: '6' }))));
    expect([many.notes.length, many.noteCount]).toEqual([100, 300]);
  });

  test('the name of a kind that is not known is left out', () => {
    expect(
      listing([
        { name: 'v', type: 'V' },
        { name: 'q', type: 'Q', data: 'what' },
        { name: 'c', type: '7', data: 'c' },
      ]),
    ).toEqual({ c: 'c' });
  });

  test('a directory as old tars have it, and directories with a size', () => {
    expect(
      listing([
        { name: 'old/', type: '\0', magic: '' },
        { name: 'd', type: '5', size: '00000001000' },
        { name: 'd/f', data: '1' },
      ]),
    ).toEqual({ old: 'dir', d: 'dir', 'd/f': '1' });
  });

  test('sums of signed bytes', () => {
    expect(Object.keys(listing([{ name: 'ü', signed: true }]))).toEqual(['ü']);
  });

  test('a size in base-256, a time before 1970, a time in base-256', () => {
    const layer = tarLayer(
      rawTar([
        { name: 'a', size: NUMBER_256(3n), data: 'abc', mtime: NUMBER_256(-5n) },
        { name: 'b', mtime: NUMBER_256(2n ** 33n + 5n) },
        pax({ mtime: '-1.5' }),
        { name: 'c' },
        pax({ mtime: '1.0000000019', atime: '2', ctime: '3.' }),
        { name: 'd' },
      ]),
    );
    expect(contentsOf(layer, 'a')).toEqual(new TextEncoder().encode('abc'));
    expect(layer.stat('a')!.modifiedNs).toBe(0n);
    expect(layer.stat('b')!.modifiedNs).toBe((2n ** 33n + 5n) * 1_000_000_000n);
    expect(layer.stat('c')!.modifiedNs).toBe(0n);
    expect(layer.stat('d')).toMatchObject({
      modifiedNs: 1_000_000_001n,
      accessedNs: 2_000_000_000n,
      changedNs: 3_000_000_000n,
    });
  });

  test('global times hold until taken back', () => {
    const layer = tarLayer(
      rawTar([
        pax({ mtime: '7', comment: 'c' }, 'g'),
        { name: 'a' },
        pax({ mtime: '8' }),
        { name: 'b' },
        pax({ mtime: '' }),
        { name: 'c', mtime: '00000000011' },
        { name: 'd' },
      ]),
    );
    expect(['a', 'b', 'c', 'd'].map((path) => layer.stat(path)!.modifiedNs / 1_000_000_000n)).toEqual([7n, 8n, 9n, 7n]);
  });

  test('a tar without its end, with a note; what follows the end is not looked at', () => {
    const open = tarLayer(rawTar([{ name: 'a' }], new Uint8Array(0)));
    expect(open.list('', 10)).toEqual(['a']);
    expect(open.notes).toEqual([{ offset: 512, path: '', reason: 'has no end mark: it may be cut' }]);
    expect(tarLayer(new Uint8Array(0)).list('', 10)).toEqual([]);
    const end = new Uint8Array(3000).fill(0xff);
    end.fill(0, 0, 1024);
    const closed = tarLayer(rawTar([{ name: 'a' }], end));
    expect(closed.notes).toEqual([]);
  });

  test('names that objects have are only names', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const layer = tarLayer(rawTar(names.map((name) => ({ name: `d/${name}`, data: name }))));
    expect([...layer.list('d', 10)]).toEqual(names);
    for (const name of names) expect(new TextDecoder().decode(contentsOf(layer, `d/${name}`))).toBe(name);
    expect(layer.stat('__proto__')).toBeUndefined();
  });
});
