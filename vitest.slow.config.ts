import { defineConfig } from 'vitest/config';

/** Configuration of `npm run test:slow`: the tests that take long, such as soak tests, mutation tests, and tests that kill processes. */
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
