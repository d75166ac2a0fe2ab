/**
 * The parts of a CI run write into these files how many checks or tests passed and failed. The files are in node_modules: `npm ci` empties
 * this directory, so counts of an earlier run are not used.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

export const ROOT = resolve(import.meta.dirname, '..');
const DIRECTORY = resolve(ROOT, 'node_modules/.cache/tidemark');
export const REPORTS = {
  checks: resolve(DIRECTORY, 'checks.json'),
  tests: resolve(DIRECTORY, 'vitest.json'),
  smoke: resolve(DIRECTORY, 'smoke.json'),
} as const;

export function writeCounts(path: string, counts: Counts): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(counts)}\n`);
}

/** The part of a report of vitest that is read here. */
interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  /** The test files. */
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/**
 * The counts in a report of vitest. A file that fails without a failed test, for example because it does not load, counts as one failure.
 */
export function countsOfVitest(report: unknown): Counts {
  const { numPassedTests, numFailedTests, testResults } = report as VitestReport;
  const failedAlone = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((assertion) => assertion.status === 'failed'),
  );
  return { passed: numPassedTests, failed: numFailedTests + failedAlone.length };
}
