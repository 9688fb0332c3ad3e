/** `node:fs` for tests that run without Node: reads from the pack of test files, and nothing else. */

import { asset, folder, hasAsset } from '../assets.ts';
import { fileURLToPath } from './url.ts';

/** Where the repository is, for tests: see bundle.mjs. */
const ROOT = '/repo/';

function within(path: string | URL): string {
  const text = typeof path === 'string' ? path : fileURLToPath(path);
  const plain = new URL(`file://${text}`).pathname;
  if (!plain.startsWith(ROOT)) throw new Error(`${text} is outside of the repository`);
  return decodeURIComponent(plain.slice(ROOT.length));
}

export function readFileSync(path: string | URL, encoding?: string): Uint8Array | string {
  const bytes = asset(within(path));
  return encoding === undefined ? bytes : new TextDecoder().decode(bytes);
}

export function existsSync(path: string | URL): boolean {
  return hasAsset(within(path));
}

export function readdirSync(path: string | URL): string[] {
  return folder(within(path).replace(/\/$/, ''));
}

const absent = (name: string) => (): never => {
  throw new Error(`node:fs ${name} is not to be had on every engine`);
};
export const mkdirSync = absent('mkdirSync');
export const mkdtempSync = absent('mkdtempSync');
export const renameSync = absent('renameSync');
export const rmSync = absent('rmSync');
export const writeFileSync = absent('writeFileSync');
