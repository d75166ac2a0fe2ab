import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffDelayMs } from './backoff.ts';

describe('backoff', () => {
  test('the first wait is at most half a second, and none is longer than twenty seconds', () => {
    expect(backoffDelayMs(0, () => 1)).toBe(500);
    expect([1, 2, 3, 4, 5, 6, 60].map((attempt) => backoffDelayMs(attempt, () => 1))).toEqual([
      1000, 2000, 4000, 8000, 16_000, 20_000, 20_000,
    ]);
  });

  test('jitter is full: every wait may be 0', () => {
    fc.assert(
      fc.property(fc.nat(100), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, x) => {
        const ceiling = backoffDelayMs(attempt, () => 1);
        expect(backoffDelayMs(attempt, () => 0)).toBe(0);
        expect(Math.abs(backoffDelayMs(attempt, () => x) - x * ceiling)).toBeLessThanOrEqual(0.5);
      }),
    );
  });
});
