/** `fargo-wasm inspect --types`: TypeScript declarations of a component's world, as jco writes them. */

import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { FargoError } from '../base/errors.ts';
import { prepareComponent } from '../component/transpile.ts';
import { isComponent } from '../wasm/reader.ts';
import { cacheOption } from './component-cache.ts';
import { ioError, type LoadedModule } from './load-module.ts';
import { replaceFile } from './replace-file.ts';

/** Names of files that stay in their folder. */
const SAFE = /^(?:[\w-]+\/)*[\w-]+(?:\.[\w-]+)*\.d\.ts$/;

/**
 * Writes declarations into a folder, which is made; files of these names are replaced.
 *
 * @returns their paths
 * @throws FargoError `bad-argument` for what is no component, `io`, `missing-dependency`
 */
export async function writeTypes(file: LoadedModule, folder: string): Promise<string[]> {
  if (!isComponent(file.bytes)) throw new FargoError('bad-argument', `--types is for components; ${file.name} is none`);
  const { types } = await prepareComponent(file.bytes, cacheOption());
  const paths: string[] = [];
  for (const [name, text] of Object.entries(types)) {
    if (!SAFE.test(name)) throw new FargoError('unsupported', `jco names a file of types ${JSON.stringify(name)}`);
    const path = join(folder, name);
    try {
      mkdirSync(dirname(path), { recursive: true });
    } catch (error) {
      throw ioError(dirname(path), error);
    }
    replaceFile(path, [new TextEncoder().encode(text)]);
    paths.push(path);
  }
  return paths;
}
