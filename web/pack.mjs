/**
 * Makes of `dist-web` what the package holds: the page without Perl, whose guest alone is ten times the rest of the package.
 * The page is told by a `meta`, so that it can say so.
 */

import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const from = fileURLToPath(new URL('../dist-web', import.meta.url));
const to = fileURLToPath(new URL('../dist/web', import.meta.url));

const ABSENT = ['perl'];
const HEAD = '<meta charset="utf-8" />';

rmSync(to, { recursive: true, force: true });
cpSync(from, to, { recursive: true });
for (const guest of ABSENT) rmSync(join(to, 'guests', `${guest}.wasm.gz`));

const page = join(to, 'index.html');
const text = readFileSync(page, 'utf8');
if (!text.includes(HEAD)) throw new Error(`${page} has no ${HEAD}`);
writeFileSync(page, text.replace(HEAD, `${HEAD}\n    <meta name="absent-guests" content="${ABSENT.join(' ')}" />`));
