/**
 * Makes of `dist-web` what the package holds: the page without Perl, whose guest alone is ten times the rest of the package, and
 * without JavaScript, which would be half of it. Both are other people's programs. The page is told by a `meta`, so that it can say so.
 */

import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const from = fileURLToPath(new URL('../dist-web', import.meta.url));
const to = fileURLToPath(new URL('../dist/web', import.meta.url));

const ABSENT = ['perl', 'javascript'];
const HEAD = '<meta charset="utf-8" />';

rmSync(to, { recursive: true, force: true });
cpSync(from, to, { recursive: true });
for (const guest of ABSENT) {
  for (const name of [`${guest}.wasm.gz`, `${guest}.component.js`]) rmSync(join(to, 'guests', name), { force: true });
}

const page = join(to, 'index.html');
const text = readFileSync(page, 'utf8');
if (!text.includes(HEAD)) throw new Error(`${page} has no ${HEAD}`);
writeFileSync(page, text.replace(HEAD, `${HEAD}\n    <meta name="absent-guests" content="${ABSENT.join(' ')}" />`));
