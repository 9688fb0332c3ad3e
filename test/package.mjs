/** `npm run package:check`: what `npm pack` would publish. No tests, no sources, small, and all that `exports` names. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const UNPACKED_BYTES_MAX = 3 << 20;

const [pack] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { encoding: 'utf8' }),
);
const paths = pack.files.map(({ path }) => path);
const faults = [];
for (const path of paths) {
  if (/\.test\.|\.tsbuildinfo$|(^|\/)(node_modules|src|test|bench)\//.test(path))
    faults.push(`${path} should not be published`);
}
if (pack.unpackedSize > UNPACKED_BYTES_MAX)
  faults.push(`${pack.unpackedSize} bytes unpacked; ${UNPACKED_BYTES_MAX} are allowed`);

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

console.log(`${paths.length} files, ${pack.size} bytes packed, ${pack.unpackedSize} unpacked`);
for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
