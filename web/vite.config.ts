/**
 * Builds the demo into `dist-web`: a folder for any static host, in any sub-path. The guests lie beside the page,
 * compressed, and are fetched when one is chosen.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';
import { javascriptGuest } from './javascript/build.mjs';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const require = createRequire(import.meta.url);

/** By name of the file in the demo. */
const GUESTS: Readonly<Record<string, string>> = {
  perl: require.resolve('@6over3/zeroperl-ts').replace(/[^/\\]*$/, 'zeroperl.wasm'),
  kv: here('../guests/build/kv.wasm'),
  mandelbrot: here('../guests/build/mandelbrot.wasm'),
  repl: here('../guests/build/repl.wasm'),
};

/** Not on every platform: then the page says that it is not here. */
const javascript = await javascriptGuest();
const modules = Object.entries(GUESTS).map(([name, path]) => ({ name, module: readFileSync(path) }));
modules.push({ name: 'javascript', module: javascript.component ?? Buffer.alloc(0) });

const guests = modules.map(({ name, module }) => {
  const digest = createHash('sha256').update(module).digest('hex');
  return { name, digest, moduleBytes: module.length, compressed: gzipSync(module, { level: 9 }) };
});

const guestFiles: Plugin = {
  name: 'guest-files',
  applyToEnvironment: ({ name }) => name === 'client',
  generateBundle() {
    for (const { name, compressed, moduleBytes } of guests) {
      if (moduleBytes > 0) this.emitFile({ type: 'asset', fileName: `guests/${name}.wasm.gz`, source: compressed });
    }
    const { script } = javascript;
    if (script !== undefined) {
      this.emitFile({ type: 'asset', fileName: 'guests/javascript.component.js', source: script });
    }
  },
};

const absentGuests: Plugin = {
  name: 'absent-guests',
  transformIndexHtml: () => {
    if (javascript.missing === undefined) return [];
    console.warn(`The page has no JavaScript guest: ${javascript.missing}`);
    return [{ tag: 'meta', attrs: { name: 'absent-guests', content: 'javascript' }, injectTo: 'head' }];
  },
};

export default defineConfig({
  root: here('.'),
  base: './',
  resolve: { alias: { 'fargo-wasm': here('../src/index.ts') } },
  define: {
    GUEST_DIGESTS: Object.fromEntries(guests.map(({ name, digest }) => [name, digest])),
    GUEST_SIZES: Object.fromEntries(
      guests.map(({ name, moduleBytes, compressed }) => [name, { moduleBytes, transferBytes: compressed.length }]),
    ),
  },
  build: {
    outDir: here('../dist-web'),
    emptyOutDir: true,
    target: 'es2022',
    reportCompressedSize: false,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  worker: { format: 'es' },
  plugins: [guestFiles, absentGuests],
  server: { port: 4173 },
  preview: { port: 4173, strictPort: false },
});
