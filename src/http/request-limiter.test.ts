import { describe, expect, test } from 'vitest';
import type { HttpOperationName } from '../../generated/protocol.ts';
import { ProtocolError } from '../errors.ts';
import { RequestLimiter } from './request-limiter.ts';

const LIMITS = { commandsPerSecond: 10, commandBurst: 3, commandCostMs: 5 };

function rig(): { limiter: RequestLimiter; pass: (ms: number) => void } {
  let now = 1_000_000;
  return { limiter: new RequestLimiter({ limits: LIMITS, now: () => now }), pass: (ms) => void (now += ms) };
}

/** How many of a hundred requests are accepted. */
function passing(limiter: RequestLimiter, caller: string, operation: HttpOperationName = 'get_health'): number {
  let count = 0;
  for (let n = 0; n < 100; n += 1)
    try {
      limiter.take(operation, caller);
      count += 1;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  return count;
}

describe('requests', () => {
  test('pass up to the burst, then at the steady rate', () => {
    const { limiter, pass } = rig();
    expect(passing(limiter, 'ana')).toBe(3);
    pass(200);
    expect(passing(limiter, 'ana')).toBe(2);
  });

  test('above the rate are refused, with the time until the next one is allowed', () => {
    const { limiter, pass } = rig();
    passing(limiter, 'ana');
    expect(() => limiter.take('get_health', 'ana')).toThrow(
      expect.objectContaining({ code: 'rate_limited', retryAfterMs: 100 }),
    );
    pass(100);
    expect(passing(limiter, 'ana')).toBe(1);
  });

  test('of one caller, or for one operation, do not use up the allowance of others', () => {
    const { limiter } = rig();
    expect(passing(limiter, 'ana')).toBe(3);
    expect(passing(limiter, 'ben')).toBe(3);
    expect(passing(limiter, 'ana', 'get_metrics')).toBe(3);
  });

  test('of probes always pass', () => {
    const { limiter } = rig();
    expect(passing(limiter, 'ana', 'get_readyz')).toBe(100);
  });

  test('that took long cost more than one token', () => {
    const { limiter, pass } = rig();
    limiter.meterOf('get_health', 'ana')(5);
    limiter.meterOf('get_health', 'ana')(10);
    expect(passing(limiter, 'ana')).toBe(2);
    limiter.meterOf('get_health', 'ana')(55);
    pass(1000);
    expect(passing(limiter, 'ana')).toBe(0);
    pass(200);
    expect(passing(limiter, 'ana')).toBe(2);
  });

  test('that are charged in parts pay as much as if they were charged at once', () => {
    const { limiter } = rig();
    const charge = limiter.meterOf('get_health', 'ana');
    for (const ms of [3, 1, 2, 4]) charge(ms);
    expect(passing(limiter, 'ana')).toBe(2);
  });

  test('of callers who have left use no memory, but a caller’s debt is remembered', () => {
    const { limiter, pass } = rig();
    for (let n = 0; n < 10_000; n += 1) limiter.take('get_health', `address ${n}`);
    expect(limiter.size).toBe(10_000);
    limiter.meterOf('get_health', 'debtor')(1e9);
    pass(59_000);
    expect(passing(limiter, 'debtor')).toBe(0);
    for (let turn = 0; turn < 2; turn += 1) {
      pass(62_000);
      limiter.take('get_health', 'ana');
    }
    expect(limiter.size).toBeLessThanOrEqual(2);
  });
});
