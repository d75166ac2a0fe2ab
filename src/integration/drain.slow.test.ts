/** The rolling restart of drain.test.ts with as many clients as operators have. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RedisProcess } from '../broker/testing/redis-process.ts';
import { rollingRestart } from '../testing/rolling-restart.ts';

let redis: RedisProcess;
beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(() => redis.stop());

test('during a rolling restart of two nodes, a thousand clients miss no event and cause no reconnect storm', async () => {
  const limits = { acceptsPerSecond: 500 };
  const result = await rollingRestart({ redisUrl: redis.url, clients: 1000, limits, everyMs: 20 });
  const { published, peakArrivalsPerSecond, arrivals, failedAttempts, drainMs } = result;
  console.log(
    `1000 clients, ${published} events: ${arrivals} connections, at most ${peakArrivalsPerSecond} per second (limit ${limits.acceptsPerSecond}), ` +
      `${failedAttempts} refused; the nodes were empty after ${drainMs.map((each) => `${Math.round(each)} ms`).join(' and ')}`,
  );
  expect(result.reports).toHaveLength(1000);
  expect(result.reports.filter((each) => each.holes + each.duplicates + each.gaps > 0)).toEqual([]);
  expect(result.reports.filter((each) => each.connections < 2)).toEqual([]);
  expect(peakArrivalsPerSecond).toBeLessThanOrEqual(limits.acceptsPerSecond);
  expect(failedAttempts).toBeLessThan(arrivals / 10);
});
