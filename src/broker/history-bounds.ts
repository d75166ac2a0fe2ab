/** The limits of the history of a stream (RPL-5). Session streams have different limits from other streams. */
import type { HistoryBounds } from '../replay/history.ts';
import type { BrokerLimits } from './broker.ts';

export function isSessionStream(stream: string): boolean {
  return stream.startsWith('session:');
}

export function historyBounds(stream: string, limits: BrokerLimits): HistoryBounds {
  const session = isSessionStream(stream);
  return {
    events: session ? limits.sessionHistoryEvents : limits.historyEvents,
    bytes: limits.historyBytes,
    ageMs: limits.historyAgeMs,
    silenceMs: session ? limits.sessionTtlMs : Number.POSITIVE_INFINITY,
    keys: limits.retainedKeys,
    keyBytes: limits.retainedBytes,
  };
}

/** How long Redis keeps the data of a stream after its last event, in milliseconds; 0 if there is no time limit. */
export function ttlOf(stream: string, limits: BrokerLimits): number {
  return isSessionStream(stream) ? limits.sessionTtlMs : 0;
}
