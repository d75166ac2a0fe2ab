/** Limits that are too high to be reached in a test of a broker. A test that needs a lower limit overrides it. */
import type { BrokerLimits } from '../broker.ts';

export const SUITE_LIMITS: BrokerLimits = {
  historyEvents: 10_000,
  historyBytes: 32 * 1024 * 1024,
  historyAgeMs: 3_600_000,
  sessionHistoryEvents: 2_000,
  sessionTtlMs: 3_600_000,
  retainedKeys: 10_000,
  retainedBytes: 32 * 1024 * 1024,
  historyBudgetBytes: 256 * 1024 * 1024,
  streamsPerNode: 10_000,
  idempotencyKeys: 100_000,
  idempotencyWindowMs: 60_000,
};

/** Time limits of nodes on Redis that a busy machine does not exceed, for tests that do not wait for these limits. */
export const PATIENT_TIMING = { commandTimeoutMs: 30_000, deadAfterMs: 60_000, leaseMs: 120_000 } as const;
