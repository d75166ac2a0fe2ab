/** Waits at startup until Redis is reachable. After a reboot, the gateway may start before Redis is ready. */
import { setTimeout as delay } from 'node:timers/promises';
import { RedisUnreachable } from '../broker/redis/connection-fault.ts';
import type { Notices } from './log.ts';

/** Delay before the next attempt, in milliseconds. It is doubled after each attempt, up to `LONGEST_PAUSE_MS`. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4_000;

export interface RedisWait {
  /** How long to wait for Redis, in milliseconds. */
  readonly waitMs: number;
  readonly notices: Notices;
}

/** Retries `work` for a bounded time while Redis is unreachable. Any other failure is not retried. */
export async function waitForRedis<Result>(
  work: () => Promise<Result>,
  { waitMs, notices }: RedisWait,
): Promise<Result> {
  const deadline = performance.now() + waitMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      const result = await work();
      if (pauseMs > FIRST_PAUSE_MS) notices.info('Redis can be reached.');
      return result;
    } catch (error) {
      const unreachable = causeOf(error);
      const leftMs = deadline - performance.now();
      if (unreachable === undefined || leftMs <= 0) throw error;
      if (pauseMs === FIRST_PAUSE_MS)
        notices.warn(`${unreachable.message}. Trying again for ${Math.round(waitMs / 1000)} s (--redis-wait).`);
      await delay(Math.min(pauseMs, leftMs));
    }
  }
}

function causeOf(error: unknown): RedisUnreachable | undefined {
  if (error instanceof RedisUnreachable) return error;
  return error instanceof Error && error.cause !== undefined ? causeOf(error.cause) : undefined;
}
