/**
 * Limits the rate of HTTP requests in the same way as the commands of a connection (OPS-6). Each operation has a token bucket per client,
 * so many requests for one operation do not use up the limit of another.
 */
import type { HttpOperationName } from '../../generated/protocol.ts';
import { ProtocolError } from '../errors.ts';
import { TokenBucket } from '../session/token-bucket.ts';

export interface RequestLimits {
  readonly commandsPerSecond: number;
  readonly commandBurst: number;
  readonly commandCostMs: number;
}

export interface RequestLimiterOptions {
  readonly limits: RequestLimits;
  readonly now: () => number;
}

/** Operations without a limit: probes must succeed even under load, and documents cost almost nothing to send. */
const UNLIMITED: ReadonlySet<HttpOperationName> = new Set([
  'get_healthz',
  'get_readyz',
  'get_contract',
  'get_docs',
  'get_console',
]);

/**
 * The longest time that a bucket needs to pay its debt, in milliseconds: a bucket owes at most one minute of tokens (token-bucket.ts).
 * After this time and the time to refill, an unused bucket equals a new bucket, so it can be dropped.
 */
const LONGEST_DEBT_MS = 60_000;

export class RequestLimiter {
  readonly #options: RequestLimiterOptions;
  readonly #restMs: number;
  #buckets = new Map<string, TokenBucket>();
  /**
   * Buckets that were not used since `#turnedAt`. They are dropped when `#turnedAt` is set next, so that they do not use memory after their
   * clients have left.
   */
  #resting = new Map<string, TokenBucket>();
  #turnedAt: number;

  constructor(options: RequestLimiterOptions) {
    this.#options = options;
    const { commandBurst, commandsPerSecond } = options.limits;
    this.#restMs = LONGEST_DEBT_MS + (commandBurst / commandsPerSecond) * 1000;
    this.#turnedAt = options.now();
  }

  /** The number of buckets; for tests. */
  get size(): number {
    return this.#buckets.size + this.#resting.size;
  }

  /**
   * Takes one token.
   * @param client identifies the client by its principal or its address
   * @throws {ProtocolError} `rate_limited` if the client has sent too many requests
   */
  take(operation: HttpOperationName, client: string): void {
    if (UNLIMITED.has(operation)) return;
    const waitMs = this.#bucketOf(`${operation} ${client}`).take();
    if (waitMs === 0) return;
    const { commandsPerSecond } = this.#options.limits;
    throw new ProtocolError(
      'rate_limited',
      `More than ${commandsPerSecond} requests of this kind per second; try again in ${waitMs} ms.`,
      { retryAfterMs: waitMs },
    );
  }

  /**
   * Measures the cost of one request.
   * @returns a function that charges the client for processing time, in milliseconds. The first `commandCostMs` are included in the
   * token that the request has taken.
   */
  meterOf(operation: HttpOperationName, client: string): (ms: number) => void {
    const { commandCostMs } = this.#options.limits;
    let includedMs = commandCostMs;
    return (ms) => {
      const paidMs = Math.min(ms, includedMs);
      includedMs -= paidMs;
      if (!UNLIMITED.has(operation) && ms > paidMs)
        this.#bucketOf(`${operation} ${client}`).charge((ms - paidMs) / commandCostMs);
    };
  }

  #bucketOf(key: string): TokenBucket {
    const { limits, now } = this.#options;
    if (now() - this.#turnedAt > this.#restMs) {
      this.#resting = this.#buckets;
      this.#buckets = new Map();
      this.#turnedAt = now();
    }
    const bucket =
      this.#buckets.get(key) ??
      this.#resting.get(key) ??
      new TokenBucket({ ratePerSecond: limits.commandsPerSecond, burst: limits.commandBurst, now });
    this.#resting.delete(key);
    this.#buckets.set(key, bucket);
    return bucket;
  }
}
