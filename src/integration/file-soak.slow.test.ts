/**
 * Changes the files of a watched directory at random for a long time. A client of the SDK must not miss a change, and the memory of the
 * process that runs `serve --watch` must not grow. `TIDEMARK_SOAK_MINUTES` sets the duration. A run of less than ten minutes shows little
 * about memory.
 */
import { tmpdir } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { isGap } from '../../generated/client.ts';
import { cleanUp } from '../sources/testing/watched.ts';
import { explore } from '../sources/testing/explore.ts';
import type { Follow } from '../sources/testing/explore.ts';
import { CliRunner } from '../testing/cli-process.ts';
import { clientOf, onCleanup } from '../testing/rig.ts';
import { residentMebibytes } from '../testing/resident-memory.ts';
import { lowestOf, slopePerHour } from '../testing/slope.ts';
import type { Measurement } from '../testing/slope.ts';

afterEach(cleanUp);

const MINUTES = Number(process.env['TIDEMARK_SOAK_MINUTES'] ?? 30);
/** Operations between two comparisons. */
const PER_ROUND = 25;
const SAMPLE_SECONDS = 5;
/** Samples per minute. Only the lowest sample of each minute is used, because the others contain garbage that V8 has not collected yet. */
const PER_MINUTE = 60 / SAMPLE_SECONDS;
/** The maximum growth of memory in MiB per hour, measured after the first third of the run. */
const MOST_PER_HOUR = 64;
/**
 * The settings of a small node (docs/guides/operate.md). With V8's default limit, garbage would hide the growth of memory for more than
 * half an hour.
 */
const SETTINGS = { NODE_OPTIONS: '--max-semi-space-size=16 --max-old-space-size=96' };

test('long random work loses nothing and does not grow', { timeout: (MINUTES + 10) * 60_000 }, async () => {
  const cli = new CliRunner(tmpdir());
  onCleanup(() => cli.close());
  let pid = 0;
  const follow: Follow = async (directory, listener) => {
    const { url, cli: gateway } = await cli.serve(['--watch', directory], { env: SETTINGS });
    pid = gateway.process.pid ?? 0;
    const changes = clientOf(url).subscribe({ events: ['file_change'], gaps: 'inline', replay: { mode: 'none' } });
    await changes.ready;
    void (async () => {
      for await (const item of changes)
        if (!isGap(item)) listener.publish(item.payload);
        else if (item.repair?.kind === 'rescan') listener.loss(item.repair.paths);
        else listener.warning(`a gap: ${item.reason}`);
    })();
  };
  const samples: Measurement[] = [];
  const began = performance.now();
  let rounds = 0;
  const onRound = (): boolean => {
    rounds += 1;
    const seconds = (performance.now() - began) / 1_000;
    if (seconds >= samples.length * SAMPLE_SECONDS) samples.push({ seconds, value: residentMebibytes(pid) });
    return seconds < MINUTES * 60;
  };
  const result = await explore({ seed: 11, rounds: Number.POSITIVE_INFINITY, perRound: PER_ROUND, onRound, follow });
  expect(result).toEqual({ losses: [], warnings: [] });
  const lowest = lowestOf(samples.slice(Math.floor(samples.length / 3)), PER_MINUTE);
  const slope = slopePerHour(lowest);
  const sizes = samples.map(({ value }) => Math.round(value));
  console.log(
    `${rounds * PER_ROUND} operations; ${sizes[0]} MiB, at the end ${sizes.at(-1)} MiB, at most ${Math.max(...sizes)} MiB; ` +
      `lowest of each minute: ${lowest.map(({ value }) => value.toFixed(0)).join(' ')}, ${slope.toFixed(1)} MiB per hour`,
  );
  expect(slope).toBeLessThan(MINUTES >= 10 ? MOST_PER_HOUR : Number.POSITIVE_INFINITY);
});
