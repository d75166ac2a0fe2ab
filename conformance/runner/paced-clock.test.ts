import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TICK_MS, PacedClock, SILENT_MS } from './paced-clock.ts';

/** A target whose answers the test controls. Time is simulated, so that no test depends on the speed of the machine. */
class Target {
  answerAfterMs = 0;
  readonly slow: number[] = [];
  readonly clock = new PacedClock({
    now: () => performance.now(),
    ping: () => new Promise((done) => setTimeout(done, this.answerAfterMs)),
    onSlow: (ms) => this.slow.push(ms),
  });
}

let target: Target;
beforeEach(() => {
  vi.useFakeTimers();
  target = new Target();
});
afterEach(() => {
  target.clock.close();
  vi.useRealTimers();
});

/** How long a time limit lasts, in milliseconds. */
async function lasts(limitMs: number): Promise<number> {
  const began = performance.now();
  const isOver = target.clock.limit(limitMs);
  while (!isOver()) await vi.advanceTimersByTimeAsync(10);
  return performance.now() - began;
}

describe('a time limit', () => {
  test('follows the clock while the target answers pings quickly', async () => {
    const tookMs = await lasts(1000);
    expect(tookMs).toBeGreaterThanOrEqual(1000);
    expect(tookMs).toBeLessThanOrEqual(1000 + 2 * TICK_MS);
  });

  test('is longer while the target answers pings slowly', async () => {
    target.answerAfterMs = 400;
    expect(await lasts(1000)).toBeGreaterThan(9 * 400);
  });

  test('does not end during a pause of the target, and ends soon after the pause', async () => {
    target.answerAfterMs = 3000;
    await vi.advanceTimersByTimeAsync(TICK_MS * 2);
    target.answerAfterMs = 0;
    const tookMs = await lasts(500);
    expect(tookMs).toBeGreaterThan(2500);
    expect(tookMs).toBeLessThan(3500);
  });

  test('follows the clock again once the target is silent, because a silent target is not busy', async () => {
    target.answerAfterMs = Infinity;
    expect(await lasts(300)).toBeLessThanOrEqual(SILENT_MS + 4 * TICK_MS);
    expect(await lasts(1000)).toBeLessThanOrEqual(1000 + 2 * TICK_MS);
  });

  test('can be cancelled', async () => {
    let expired = 0;
    target.clock.timer(100, () => (expired += 1))();
    await vi.advanceTimersByTimeAsync(1000);
    expect(expired).toBe(0);
  });
});

test('a pause of the target is reported, with its duration', async () => {
  target.answerAfterMs = 2000;
  await vi.advanceTimersByTimeAsync(TICK_MS);
  target.answerAfterMs = 0;
  await vi.advanceTimersByTimeAsync(3000);
  expect(target.slow).toHaveLength(1);
  for (const ms of [...target.slow, target.clock.longestMs(0, performance.now())])
    expect(Math.abs(ms - (2000 - TICK_MS))).toBeLessThan(20);
  expect(target.clock.longestMs(performance.now() - 100, performance.now())).toBeLessThan(TICK_MS);
});
