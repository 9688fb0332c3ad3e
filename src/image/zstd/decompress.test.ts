/**
 * Frames that the `zstd` command made are decompressed; what someone made up is refused in little time. Frames of many
 * blocks, levels and table kinds: test/disk-images/read.test.ts, through qemu-img.
 */

import { expect, test } from 'vitest';

import { decompressZstd } from './decompress.ts';

const LONG = process.env['FARGO_LONG'] !== undefined;

/** What was compressed, by name. */
const CONTENTS: Record<string, Uint8Array> = {
  numbers: ascii(Array.from({ length: 1200 }, (_, at) => at * at).join()).subarray(0, 1500),
  run: new Uint8Array(3000).fill(9),
  noise: noise(300),
  words: ascii(
    Array.from({ length: 3000 }, (_, at) => ['fork', 'page', 'frame', 'disk', 'guest'][(at * at + (at >> 3)) % 5]).join(
      ' ',
    ),
  ).subarray(0, 12_000),
};

/** Frames of zstd 1.5.4: contents and level. */
const FRAMES: Record<string, string> = {
  'numbers -1': [
    'KLUv/QBIlRQAyl00CgmweaQ0ttwMnQqdAJ4AoACzIvrc+Xj5APzR/UzwVUv2GZn0so9l1ZCZKKNBBlAeP557r8jeJT',
    'xpvRd49YrZFGMnBvAYyTE/YuXGHoxJIXZWV0CdYTrCOwDpCO4M0RW0O9lJoXsUVybOH450DuAcK5xtrh7cq5y03IVc',
    'EXAucHwNoEbTTLPq7PNJv4+sKjN5tAfg8TE3VtRdOmn34uqczbEcAEeav/Iek+5czeMg7QzFruDszmAnBXaPga5s6H',
    'xCR6LiAF4cG8XZUFx9iHuZOGmJu9RwRR/O9XA8hwOoc/TPmeJclec+JJz0wn1CuCqFM5E5+uYAbI6nObeCK3pwFwcn',
    'bXCvKlefcraUY6McAMuRiJx/cmWTe5ScFMidBFzBgTMYOEKBAwDgCFQzvFbg2tmaFGoPopVP800jlQZAGlsze2Z1mb',
    '1iJu3sAgGs2AOgPdLD8xtemeo9XE8K9c7TKyg9A4FHMHgAAB7hFTO0YgVEsdMUkwLFHp9YuRPz6TGSHwPgY+xIzA6J',
    '1cuxlzgmrWMXiliRI+YyYvw0BuDGaGjMdMaqwdinICY9xD6FWLWqM0l1dKsDKOp4oc4tdUU03UWmk3a6F72ryzu779',
    'iSDuDSkSqdX+7Kd/cId1Jwd050BY7OwOgI1A5A2hEaMquKZ6aKGe2YAVRnfHTmEmdF5ewyMJMWZq/XV2d99uljSR/A',
    '5yPBfL78K8O/h8gnBflO8VcA/gwSHwHiA5B+BOhnEH4FwO8U+KQA30NKVoaS+UIyEpAM4CNjOTL7l9V52esik1Zkl7',
    'GsqJa5FDI+QgZQldGuzFSUVYWyD1AmPcg+BFl1yjO1PJrIAzB5fI3nynhFMN7l96S99xrx6iGeXfYCAA==',
  ].join(''),
  'numbers -19': [
    'KLUv/QBolRQAyl00CgmweaQ0ttwMnQqdAJ4AoACzIvrc+Xj5APzR/UzwVUv2GZn0so9l1ZCZKKNBBlAeP557r8jeJT',
    'xpvRd49YrZFGMnBvAYyTE/YuXGHoxJIXZWV0CdYTrCOwDpCO4M0RW0O9lJoXsUVybOH450DuAcK5xtrh7cq5y03IVc',
    'EXAucHwNoEbTTLPq7PNJv4+sKjN5tAfg8TE3VtRdOmn34uqczbEcAEeav/Iek+5czeMg7QzFruDszmAnBXaPga5s6H',
    'xCR6LiAF4cG8XZUFx9iHuZOGmJu9RwRR/O9XA8hwOoc/TPmeJclec+JJz0wn1CuCqFM5E5+uYAbI6nObeCK3pwFwcn',
    'bXCvKlefcraUY6McAMuRiJx/cmWTe5ScFMidBFzBgTMYOEKBAwDgCFQzvFbg2tmaFGoPopVP800jlQZAGlsze2Z1mb',
    '1iJu3sAgGs2AOgPdLD8xtemeo9XE8K9c7TKyg9A4FHMHgAAB7hFTO0YgVEsdMUkwLFHp9YuRPz6TGSHwPgY+xIzA6J',
    '1cuxlzgmrWMXiliRI+YyYvw0BuDGaGjMdMaqwdinICY9xD6FWLWqM0l1dKsDKOp4oc4tdUU03UWmk3a6F72ryzu779',
    'iSDuDSkSqdX+7Kd/cId1Jwd050BY7OwOgI1A5A2hEaMquKZ6aKGe2YAVRnfHTmEmdF5ewyMJMWZq/XV2d99uljSR/A',
    '5yPBfL78K8O/h8gnBflO8VcA/gwSHwHiA5B+BOhnEH4FwO8U+KQA30NKVoaS+UIyEpAM4CNjOTL7l9V52esik1Zkl7',
    'GsqJa5FDI+QgZQldGuzFSUVYWyD1AmPcg+BFl1yjO1PJrIAzB5fI3nynhFMN7l96S99xrx6iGeXfYCAA==',
  ].join(''),
  'run -1': 'KLUv/QBITQAAEAkJAQCz8wEW',
  'run -19': 'KLUv/QBoRQAACAkBALTzgRA=',
  'noise -1': [
    'KLUv/QBIYQkAPemc7QzbXA0R+/mIc4yax8dredpcexe/1Vst+x90dBsdn8UVm+1El1pQg7ZPKN+gYf98LUDrln4sby',
    '0AscIli73iX2ij1IB7yfVT4jVG87c1DUvTwjWCwWpUWjTeNK2zcESGVhlid8DcxjuvlRO+0pDaDr9v/ukySNnP/PMH',
    '4j37PezVpY9fLwYCIsMWXX3+MI2BaIkOrTxxLr+/bh3pFZYn2F+jdkRXrk0DyY+Zw4hJNPTKB1OED4bobesB/T5u7z',
    '8i8SNUCIouruxvD950BIO+SmWR3PmfGwIy8JXPsbsoqDkN6I5e3tOQAWjU6clJ+QD6PIffaqS62XtDQmFjttdoHrlq',
    'qc4s4sN2a1YYT3I6sRHW+bUIm90syVtaJs5dA2pnfdZQtBOPeZkx',
  ].join(''),
  'noise -19': [
    'KLUv/QBoYQkAPemc7QzbXA0R+/mIc4yax8dredpcexe/1Vst+x90dBsdn8UVm+1El1pQg7ZPKN+gYf98LUDrln4sby',
    '0AscIli73iX2ij1IB7yfVT4jVG87c1DUvTwjWCwWpUWjTeNK2zcESGVhlid8DcxjuvlRO+0pDaDr9v/ukySNnP/PMH',
    '4j37PezVpY9fLwYCIsMWXX3+MI2BaIkOrTxxLr+/bh3pFZYn2F+jdkRXrk0DyY+Zw4hJNPTKB1OED4bobesB/T5u7z',
    '8i8SNUCIouruxvD950BIO+SmWR3PmfGwIy8JXPsbsoqDkN6I5e3tOQAWjU6clJ+QD6PIffaqS62XtDQmFjttdoHrlq',
    'qc4s4sN2a1YYT3I6sRHW+bUIm90syVtaJs5dA2pnfdZQtBOPeZkx',
  ].join(''),
  'words -1': [
    'KLUv/QBIBQMAMsQLDeDpO91yy62k3AgMVha3W10Aoq8LgORcSPRzAdRtTB206Id1G5o6yLkQTR2s2wQRAPctazz4DI',
    'KeG+DMuGrBUMgI0DRYZNCHjD03cMkkcwOvsuFzEi5u9YneZKUO',
  ].join(''),
  'words -19': [
    'KLUv/QBoXQIAuGZvcmsgcGFnZSBndWVzdGZyYW1lZGlzGKDglWHvIELpmQcHLpvv12nC6QcEYwD1bEgNG1ijM/S6MO',
    'Rbe0N/neHDpDEG11MjZOAp',
  ].join(''),
};

test.each(Object.entries(FRAMES))('%s', (name, base64) => {
  const expected = CONTENTS[name.split(' ')[0]!]!;
  const output = new Uint8Array(expected.length);
  expect(decompressZstd(Buffer.concat([Buffer.from(base64, 'base64'), noise(512)]), output)).toBe(expected.length);
  expect(Buffer.compare(output, expected)).toBe(0);
  expect(() => decompressZstd(Buffer.from(base64, 'base64'), output.subarray(1))).toThrow('the output holds');
});

test.each(Object.entries(FRAMES))('every cut of %s is refused', (_, base64) => {
  const frame = Buffer.from(base64, 'base64');
  for (let length = 0; length < frame.length; length++) {
    expect(() => decompressZstd(frame.subarray(0, length), new Uint8Array(20_000))).toThrow();
  }
});

test('damage is refused or comes to other bytes, never more and never slowly', () => {
  const random = randomFrom(5);
  const frames = Object.values(FRAMES).map((base64) => Buffer.from(base64, 'base64'));
  const output = new Uint8Array(12_000);
  let refused = 0;
  for (let run = 0; run < (LONG ? 50_000 : 2000); run++) {
    const frame = Uint8Array.from(frames[Math.floor(random() * frames.length)]!);
    for (let flips = 1 + Math.floor(random() * 4); flips > 0; flips--) {
      frame[Math.floor(random() * frame.length)]! ^= 1 << Math.floor(random() * 8);
    }
    try {
      expect(decompressZstd(frame, output)).toBeLessThanOrEqual(output.length);
    } catch (error) {
      refused++;
      expect((error as Error).name).toBe('Error');
    }
  }
  expect(refused).toBeGreaterThan(100);
});

test('tables that promise long copies for no bits are refused at the first that does not fit', () => {
  // One literal, then 98,047 sequences of match length code 52, all tables of one symbol: 20 bytes that would copy 6 GB.
  const block = [0x09, 0x41, 0xff, 0xff, 0xff, 0x54, 0, 0, 52, 0xff, 0xff, 0xff];
  const frame = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x38, (block.length << 3) | 5, 0, 0, ...block]);
  const start = performance.now();
  expect(() => decompressZstd(frame, new Uint8Array(65_536))).toThrow('the output holds');
  expect(performance.now() - start).toBeLessThan(5000);
});

test('frames of endless empty blocks are refused', () => {
  const frame = new Uint8Array(2 << 20);
  frame.set([0x28, 0xb5, 0x2f, 0xfd, 0, 0x38]);
  expect(() => decompressZstd(frame, new Uint8Array(10))).toThrow('more blocks than 1024');
});

test.each([
  ['another format', [0x1f, 0x8b, 8, 0], 'no zstd frame'],
  ['a dictionary', [0x28, 0xb5, 0x2f, 0xfd, 0x21, 7, 1], 'needs a dictionary'],
  ['the reserved bit', [0x28, 0xb5, 0x2f, 0xfd, 0x28, 1], 'reserved bit'],
  ['the reserved block type', [0x28, 0xb5, 0x2f, 0xfd, 0x20, 1, 7, 0, 0], 'reserved type'],
  [
    'treeless literals without a tree',
    [0x28, 0xb5, 0x2f, 0xfd, 0x20, 1, 0x2d, 0, 0, 0x13, 0x40, 0, 1, 0],
    'without a Huffman',
  ],
])('%s is refused by name', (_, frame, message) => {
  expect(() => decompressZstd(Uint8Array.from(frame), new Uint8Array(10))).toThrow(message);
});

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function noise(bytes: number): Uint8Array {
  let state = 7;
  return Uint8Array.from({ length: bytes }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
