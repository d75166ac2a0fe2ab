/** Creates events of one stream for tests of history. Most members have fixed values. */
import { PendingEvents } from '../pending-events.ts';
import type { EventParts, EventRecord } from '../record.ts';
import { StreamMemory } from '../stream-memory.ts';

export interface RecordSketch {
  readonly event?: string;
  readonly payload?: Readonly<Record<string, unknown>>;
  /** Encoded size; 100 by default. */
  readonly bytes?: number;
  /** Milliseconds since 1970; 0 by default. */
  readonly atMs?: number;
  readonly epoch?: string;
}

export const EPOCH = 'e1';

export function recordAt(sequenceId: number, sketch: RecordSketch = {}): EventRecord {
  const { event = 'entity_created', payload = {}, bytes = 100, atMs = 0, epoch = EPOCH } = sketch;
  return {
    stream: 'main',
    epoch,
    sequenceId,
    eventId: `event-${sequenceId}`,
    event,
    emittedAt: new Date(atMs).toISOString(),
    source: { name: 'test', principal: 'service:test' },
    payload,
    body: '',
    bytes,
    weight: bytes,
  };
}

export function sequenceIds(records: readonly EventRecord[]): readonly number[] {
  return records.map((each) => each.sequenceId);
}

/** Events to replay from a history that keeps all of them. */
export function pendingOf(parts: EventParts): PendingEvents {
  return new PendingEvents(parts, new StreamMemory(1));
}
