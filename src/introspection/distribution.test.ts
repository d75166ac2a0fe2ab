import { describe, expect, test } from 'vitest';
import { Distribution } from './distribution.ts';

describe('a distribution', () => {
  test('counts a duration in its bucket and in all above, with bounds included', () => {
    const durations = new Distribution();
    for (const ms of [0, 0.5, 0.6, 25, 25.1, 9_999, 60_000]) durations.observe(ms);
    const counts = Object.fromEntries(durations.buckets().map(({ upTo, count }) => [upTo, count]));
    expect(counts).toMatchObject({ 0.0005: 2, 0.001: 3, 0.01: 3, 0.025: 4, 0.05: 5, 2.5: 5, 10: 6, Infinity: 7 });
    expect(durations.count).toBe(7);
    expect(durations.sum).toBeCloseTo(70.0502, 6);
  });

  test('counts a negative duration as 0', () => {
    const durations = new Distribution();
    durations.observe(-500);
    expect([durations.sum, durations.buckets()[0]?.count]).toEqual([0, 1]);
  });

  test('shows empty buckets before the first duration', () => {
    expect(new Distribution().buckets().map(({ count }) => count)).toEqual(Array.from({ length: 14 }, () => 0));
  });
});
