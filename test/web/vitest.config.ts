import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The demo in real browsers: `npm run test:web`. */
export default defineConfig({
  resolve: { alias: { 'fargo-wasm': fileURLToPath(new URL('../../src/index.ts', import.meta.url)) } },
  test: {
    include: ['test/web/*.spec.mjs'],
    globalSetup: ['test/build-guests.ts', 'test/web/prepare.mjs'],
    testTimeout: 240_000,
    hookTimeout: 240_000,
    fileParallelism: false,
  },
});
