import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

class Clock {
  ms = 1_700_000_000_000;
  readonly now = (): number => this.ms;
}

describe('a token bucket', () => {
  test('lets a burst through, then one per interval', () => {
    const clock = new Clock();
    const bucket = new TokenBucket({ ratePerSecond: 10, burst: 3, now: clock.now });
    expect([bucket.take(), bucket.take(), bucket.take(), bucket.take()]).toEqual([0, 0, 0, 100]);
    clock.ms += 99;
    expect(bucket.take()).toBe(1);
    clock.ms += 1;
    expect([bucket.take(), bucket.take()]).toEqual([0, 100]);
  });

  test('grants at most burst + rate × time, and always serves a client that respects the rate', () => {
    const options = fc.record({
      rate: fc.integer({ min: 1, max: 1000 }),
      burst: fc.integer({ min: 1, max: 50 }),
      steps: fc.array(fc.nat(300), { minLength: 1, maxLength: 200 }),
    });
    fc.assert(
      fc.property(options, ({ rate, burst, steps }) => {
        const clock = new Clock();
        const bucket = new TokenBucket({ ratePerSecond: rate, burst, now: clock.now });
        const start = clock.ms;
        let granted = 0;
        for (const step of steps) {
          clock.ms += step;
          if (bucket.take() === 0) granted += 1;
          expect(granted).toBeLessThanOrEqual(burst + ((clock.ms - start) * rate) / 1000 + 1e-6);
        }
      }),
    );
  });

  test('grants a token after exactly the delay that it returned, and not before', () => {
    const options = fc.record({
      rate: fc.integer({ min: 1, max: 2000 }),
      burst: fc.integer({ min: 1, max: 5 }),
      pauses: fc.array(fc.nat(40), { maxLength: 40 }),
    });
    fc.assert(
      fc.property(options, ({ rate, burst, pauses }) => {
        const clock = new Clock();
        const bucket = new TokenBucket({ ratePerSecond: rate, burst, now: clock.now });
        for (const pause of pauses) {
          clock.ms += pause;
          const wait = bucket.take();
          if (wait === 0) continue;
          clock.ms += wait - 1;
          expect(bucket.take()).toBeGreaterThan(0);
          clock.ms += 1;
          expect(bucket.take()).toBe(0);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('grants neither more nor fewer tokens when the clock is set back', () => {
    const clock = new Clock();
    const bucket = new TokenBucket({ ratePerSecond: 10, burst: 1, now: clock.now });
    expect(bucket.take()).toBe(0);
    clock.ms -= 3_600_000;
    expect(bucket.take()).toBe(100);
    clock.ms += 100;
    expect(bucket.take()).toBe(0);
  });
});
