/**
 * What runs on every engine: suites, each a list of test files. They are the files of `npm test` and `npm run test:spec`
 * themselves, but those that are about Node or that compare with tools of this machine.
 */

import { testFiles } from './repository.mjs';

/** Not on every engine, and why. */
const LEFT_OUT = {
  'src/devices/entropy.test.ts': 'compares with ChaCha20 of node:crypto',
  'src/devices/fs/file-tree.test.ts': 'compares with node:fs',
  'test/differential/binaryen.test.ts': 'runs wasm-opt, which needs a file system',
  'src/host/machine-disk.test.ts': 'writes disks into files of the host',
  'src/host/export.test.ts': 'exports to files of the host',
  'src/image/tar/tar-layer.test.ts': 'compares with GNU tar',
  'src/image/tar/write-tar.test.ts': 'compares with GNU tar',
};

/**
 * @typedef {object} Suite
 * @property {string} name
 * @property {readonly string[]} files test files, from the root of the repository
 * @property {boolean} [conformance] needs the scripts of the specification
 */

const files = (...patterns) => patterns.flatMap((each) => testFiles(each)).filter((each) => !(each in LEFT_OUT));

/** @returns {Suite[]} in the order in which they run */
export function allSuites() {
  return [
    { name: 'features', files: ['test/engines/features.spec.ts'] },
    { name: 'digests', files: ['test/engines/digests/digests.spec.ts'] },
    { name: 'wasm', files: files('src/base', 'src/wasm', 'src/instrument') },
    { name: 'machine', files: files('src/memory', 'src/machine', 'src/host') },
    { name: 'disk', files: files('src/devices') },
    {
      name: 'snapshots',
      files: ['golden', 'save-load', 'mutations'].map((name) => `test/snapshot/${name}.test.ts`),
    },
    { name: 'trees', files: files('test/trees') },
    { name: 'isolation', files: files('test/isolation') },
    { name: 'differential', files: files('test/differential') },
    { name: 'hostile', files: files('guests/hostile', 'test/hostile', 'test/bad-input') },
    { name: 'conformance', files: ['test/spec/plain.spec.ts'], conformance: true },
    { name: 'conformance-forked', files: ['test/spec/fork.spec.ts'], conformance: true },
  ];
}
