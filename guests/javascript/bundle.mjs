/** What JavaScript guests are made with, each as one file for componentize-js. */

import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const dist = new URL('../../dist/js/', import.meta.url);

/** A component's surroundings stand before its source, in the same file. */
const FORMATS = { engine: 'esm', surround: 'iife' };

/** @param {(path: string, text: string) => void} write */
export async function bundleEngine(write) {
  for (const [name, format] of Object.entries(FORMATS)) {
    const bundle = await rolldown({
      input: fileURLToPath(new URL(`${name}.ts`, import.meta.url)),
      external: /^fargo:/,
      platform: 'neutral',
      tsconfig: false,
      logLevel: 'warn',
    });
    const { output } = await bundle.generate({ format, name: '$fargo', minify: { compress: true, mangle: true } });
    await bundle.close();
    write(fileURLToPath(new URL(`guest-${name}.js`, dist)), output[0].code);
  }
}
