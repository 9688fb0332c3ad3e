import { defineConfig } from 'vitest/config';

/** The public WASI test suite: see test/wasi.mjs, which starts it. */
export default defineConfig({
  test: {
    include: ['test/wasi/*.spec.ts'],
    setupFiles: ['test/setup.ts'],
    testTimeout: 120_000,
  },
});
