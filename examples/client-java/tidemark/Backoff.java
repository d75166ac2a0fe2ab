package tidemark;

import java.util.concurrent.ThreadLocalRandom;

/**
 * The delays before attempts to connect: a random time below a limit that doubles (CLI-3), or the time that the server
 * asks for, within limits (CLI-4).
 */
final class Backoff {
  private static final long LEAST_REQUESTED_MS = 100;
  private static final long MOST_REQUESTED_MS = 300_000;

  private final long minMs;
  private final long maxMs;
  private int failures = 0;

  Backoff(long minMs, long maxMs) {
    this.minMs = minMs;
    this.maxMs = maxMs;
  }

  /** @param requested `retryAfterMs` as the server sent it, or null */
  long nextMs(Object requested) {
    double bound = Math.min(maxMs, minMs * Math.pow(2, failures));
    failures += 1;
    if (requested instanceof Number number && number.doubleValue() >= 0)
      return (long) Math.ceil(Math.max(LEAST_REQUESTED_MS, Math.min(MOST_REQUESTED_MS, number.doubleValue())));
    return (long) (ThreadLocalRandom.current().nextDouble() * bound);
  }

  void reset() {
    failures = 0;
  }
}
