/** Computes statistics of latencies. */
export interface Sample {
  readonly kind: SampleKind;
  /** Milliseconds since the Unix epoch. */
  readonly sentAt: number;
  readonly ms: number;
}

/**
 * What was measured: the reply to a WebSocket ping (`frame`), the reply to a `ping` command, or the time from the
 * publication of an event to its arrival.
 */
export type SampleKind = 'frame' | 'command' | 'event';

export interface Distribution {
  readonly samples: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}

export function distribution(samples: readonly Sample[]): Distribution {
  const sorted = samples.map((each) => each.ms).toSorted((a, b) => a - b);
  return {
    samples: sorted.length,
    p50Ms: round(at(sorted, 0.5)),
    p99Ms: round(at(sorted, 0.99)),
    maxMs: round(at(sorted, 1)),
  };
}

/** The longest latency among the samples that overlap with a period. */
export function worstBetween(samples: readonly Sample[], from: number, to: number): number {
  return round(
    samples.reduce((worst, { sentAt, ms }) => (sentAt <= to && sentAt + ms >= from ? Math.max(worst, ms) : worst), 0),
  );
}
