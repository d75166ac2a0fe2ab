import { defineConfig } from 'vitest/config';

/** Soak, chaos and mutation: `npm run test:slow`. */
export default defineConfig({
  test: {
    include: ['{src,codegen,conformance,mcp,bench}/**/*.slow.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    globalSetup: 'scripts/test-directories.ts',
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 60_000,
    passWithNoTests: true,
  },
});
