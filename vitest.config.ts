import { defineConfig } from 'vitest/config';
import { REPORTS } from './scripts/ci-counts.ts';

const inCi = process.env['CI'] !== undefined;

export default defineConfig({
  test: {
    include: ['{src,codegen,conformance,generated,mcp,scripts,examples}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', '**/*.slow.test.ts'],
    globalSetup: 'scripts/test-directories.ts',
    // A process each: tests start servers, send signals and load a native watcher.
    pool: 'forks',
    // Many tests wait for other processes more than they compute, so four use two cores better than two.
    maxWorkers: 4,
    // Against hanging only: each wait has a bound of its own, and a busy machine is no failure.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 10_000,
    unstubEnvs: true,
    unstubGlobals: true,
    restoreMocks: true,
    reporters: inCi ? ['default', ['json', { outputFile: REPORTS.tests }]] : ['default'],
  },
});
