import { defineConfig } from 'vitest/config';

/** The specification suite: `FARGO_CONFORMANCE=<folder of the vectors> npm run test:spec`. See scripts.ts. */
export default defineConfig({
  test: {
    include: ['test/spec/*.spec.ts'],
    globalSetup: ['test/spec/prepare.ts'],
    testTimeout: 300_000,
  },
});
