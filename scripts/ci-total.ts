/**
 * Prints the last line of a CI run: `N passed, N failed`, the total of all checks, tests and smoke steps. The argument is the number of
 * parts of the run that exited with an error. The number of failures is at least this number, because a part may have failed without a
 * counted failure (a crash, a missing report).
 */
import { existsSync, readFileSync } from 'node:fs';
import { REPORTS, countsOfVitest } from './ci-counts.ts';
import type { Counts } from './ci-counts.ts';

const failedParts = Number(process.argv[2] ?? 0);
const counted = [read(REPORTS.checks, asCounts), read(REPORTS.tests, countsOfVitest), read(REPORTS.smoke, asCounts)];
const passed = counted.reduce((sum, counts) => sum + counts.passed, 0);
const failed = Math.max(
  counted.reduce((sum, counts) => sum + counts.failed, 0),
  failedParts,
);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function read(path: string, interpret: (report: unknown) => Counts): Counts {
  if (existsSync(path)) return interpret(JSON.parse(readFileSync(path, 'utf8')));
  console.log(`${path} is missing: that part of the run ended before it wrote this file.`);
  return { passed: 0, failed: 1 };
}

function asCounts(report: unknown): Counts {
  return report as Counts;
}
