/**
 * The failover of three nodes behind sentinels, repeated many times, four at once: `npm run test:slow`. TIDEMARK_FAILOVERS sets the number
 * of repetitions.
 */
import { expect, test } from 'vitest';
import { failOver } from '../testing/failover.ts';

const RUNS = Number(process.env['TIDEMARK_FAILOVERS'] ?? 20);
const AT_ONCE = 4;

test(`${RUNS} failovers, ${AT_ONCE} at a time, lose nothing without a report`, async () => {
  const times: number[] = [];
  const violations: string[] = [];
  let started = 0;
  const runInTurn = async (): Promise<void> => {
    while (started < RUNS) {
      const run = (started += 1);
      const report = await failOver();
      times.push(report.resumedAfterMs);
      violations.push(...report.violations.map((violation) => `run ${run}: ${violation}`));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runInTurn));
  times.sort((a, b) => a - b);
  console.table({ runs: times.length, 'median ms': times[Math.floor(times.length / 2)], 'worst ms': times.at(-1) });
  expect(violations).toEqual([]);
  expect(times).toHaveLength(RUNS);
}, 1_800_000);
