/**
 * `npm run package:check`: what `npm pack` would publish. No tests, no sources, small, all that `exports` names, the guests of the
 * command line, and the page of `fargo-wasm demo --serve` without Perl.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** With components and sandboxes, and a page with all guests that are small. */
const UNPACKED_BYTES_MAX = 3_500_000;
const PACKED_BYTES_MAX = 1_000_000;

const [pack] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { encoding: 'utf8' }),
);
const paths = pack.files.map(({ path }) => path);
const faults = [];
for (const path of paths) {
  if (/\.test\.|\.tsbuildinfo$|(^|\/)(node_modules|src|test|testing|bench)\/|^dist\/cli\/.*\.d\.ts$/.test(path))
    faults.push(`${path} should not be published`);
}
if (pack.unpackedSize > UNPACKED_BYTES_MAX)
  faults.push(`${pack.unpackedSize} bytes unpacked; ${UNPACKED_BYTES_MAX} are allowed`);
if (pack.size > PACKED_BYTES_MAX) faults.push(`${pack.size} bytes packed; ${PACKED_BYTES_MAX} are allowed`);

const { exports, bin } = JSON.parse(readFileSync('package.json', 'utf8'));
const named = [
  ...Object.values(exports).flatMap((each) => (typeof each === 'string' ? [each] : Object.values(each))),
  ...Object.values(bin),
];
for (const path of named) {
  if (!paths.includes(path.replace(/^\.\//, '')))
    faults.push(`${path} is named in package.json and missing: run npm run build`);
}
for (const needed of ['README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md']) {
  if (!paths.includes(needed)) faults.push(`${needed} is missing`);
}
for (const needed of [
  'dist/guests/kv.wasm',
  'dist/guests/files.wasm',
  'dist/js/guest-engine.js',
  'dist/js/guest-surround.js',
  'dist/web/index.html',
  'dist/web/guests/kv.wasm.gz',
]) {
  if (!paths.includes(needed)) faults.push(`${needed} is missing: run npm run demo:build`);
}
if (paths.some((path) => path.includes('perl'))) faults.push('Perl is in the package');

console.log(`${paths.length} files, ${pack.size} bytes packed, ${pack.unpackedSize} unpacked`);
for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
