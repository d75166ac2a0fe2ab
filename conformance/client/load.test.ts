import { describe, expect, test } from 'vitest';
import { TICK_MS } from '../runner/paced-clock.ts';
import { loadClock, slowness } from './load.ts';

describe('the slowness of the machine', () => {
  test('is the number of running processes per processor, without the suite itself', () => {
    expect(slowness('3.10 2.00 1.00 7/512 4711\n', 2)).toBe(3);
  });

  test('is 1 on an idle machine, and on a system that does not count its processes', () => {
    expect(slowness('0.10 0.20 0.30 1/512 4711\n', 2)).toBe(1);
    expect(slowness('', 2)).toBe(1);
  });

  test('is at most 20, so that every time limit ends', () => {
    expect(slowness('900.0 800.0 700.0 950/2000 4711\n', 2)).toBe(20);
  });
});

test.each([1, 2, 3])('a tick takes as many times longer as the machine is slower (%s)', async (times) => {
  const clock = loadClock(
    () => performance.now(),
    () => times,
  );
  const ticks: number[] = [];
  await new Promise<void>((done) => clock.onTick((ms) => ticks.push(ms) === 4 && done()));
  clock.close();
  // Timers of Node may fire up to 1 ms early.
  expect(Math.min(...ticks)).toBeGreaterThanOrEqual(TICK_MS * times - 1);
});
