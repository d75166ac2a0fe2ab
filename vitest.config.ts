import { defineConfig } from 'vitest/config';
import { REPORTS } from './scripts/ci-counts.ts';

const inCi = process.env['CI'] !== undefined;

export default defineConfig({
  test: {
    include: ['{src,codegen,conformance,generated,mcp,scripts,examples}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', '**/*.slow.test.ts'],
    globalSetup: 'scripts/test-directories.ts',
    // Each test file runs in its own process, because tests start servers, send signals and load a native watcher.
    pool: 'forks',
    // Many tests mostly wait for other processes, so four workers use two processor cores better than two workers would.
    maxWorkers: 4,
    // Long, because these timeouts only stop tests that hang. Each wait within a test has its own timeout, and a busy machine is slow.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 10_000,
    unstubEnvs: true,
    unstubGlobals: true,
    restoreMocks: true,
    reporters: inCi ? ['default', ['json', { outputFile: REPORTS.tests }]] : ['default'],
  },
});
