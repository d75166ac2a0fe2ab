/**
 * Random work in one watched directory for a long time. No change may be missing, and memory must not grow. `TIDEMARK_SOAK_MINUTES` sets
 * the duration. A run of less than ten minutes shows little about memory.
 */
import { afterEach, expect, test } from 'vitest';
import { explore } from './testing/explore.ts';
import { cleanUp } from './testing/watched.ts';

afterEach(cleanUp);

const MINUTES = Number(process.env['TIDEMARK_SOAK_MINUTES'] ?? 30);
const SAMPLE_MS = 5_000;
const MEBIBYTE = 1024 * 1024;
/** The maximum growth of memory per hour, measured after the first third of the run. */
const MOST_PER_HOUR = 64 * MEBIBYTE;

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

/** The slope of the least-squares line through the samples, in bytes per hour. */
function slopeOf(samples: readonly Sample[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length;
  const [at, bytes] = [mean(samples.map(({ atMs }) => atMs)), mean(samples.map((each) => each.bytes))];
  const above = samples.reduce((sum, each) => sum + (each.atMs - at) * (each.bytes - bytes), 0);
  const below = samples.reduce((sum, each) => sum + (each.atMs - at) ** 2, 0);
  return (above / below) * 3_600_000;
}

test('long random work loses nothing and does not grow', { timeout: (MINUTES + 10) * 60_000 }, async () => {
  const samples: Sample[] = [];
  const began = performance.now();
  const onRound = (): boolean => {
    const atMs = performance.now() - began;
    if (atMs >= samples.length * SAMPLE_MS) samples.push({ atMs, bytes: process.memoryUsage.rss() });
    return atMs < MINUTES * 60_000;
  };
  const result = await explore({ seed: 11, rounds: Number.POSITIVE_INFINITY, perRound: 25, onRound });
  expect(result).toEqual({ losses: [], warnings: [] });
  const slope = slopeOf(samples.slice(Math.floor(samples.length / 3)));
  const last = samples.at(-1)?.bytes ?? 0;
  console.log(
    `${samples.length} samples, ${Math.round(last / MEBIBYTE)} MiB, ${(slope / MEBIBYTE).toFixed(1)} MiB per hour`,
  );
  expect(slope).toBeLessThan(MINUTES >= 10 ? MOST_PER_HOUR : Number.POSITIVE_INFINITY);
});
