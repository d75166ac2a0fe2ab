/** The warm picture: what a subscriber that had always been there would hold now (RPL-3). */
import type { ReplaySpec } from '../../generated/protocol.ts';
import { valueAt } from './pointer.ts';
import type { EventTable } from '../catalogue/event-table.ts';
import type { EventRecord } from './record.ts';

/**
 * What the newest event is kept for: the entity or relationship for `latest-per-key`, the name for `latest`. Undefined where
 * nothing is kept beyond history, or where the event carries no key.
 */
export function keyOf(record: EventRecord, replay: ReplaySpec): string | undefined {
  if (replay.policy === 'latest') return `name\u0000${record.event}`;
  if (replay.policy !== 'latest-per-key' || replay.key === undefined) return undefined;
  const key = valueAt(record, replay.key);
  return typeof key === 'string' ? `${replay.keySpace ?? record.event}\u0000${key}` : undefined;
}

/**
 * Walks the candidates in ascending order: a deletion clears its key, whatever the filter; a matching event takes the place of
 * the one before it under its key, or is added where its policy is `log`.
 */
export function warmPicture(
  candidates: Iterable<EventRecord>,
  options: { readonly table: EventTable; readonly matches: (record: EventRecord) => boolean },
): readonly EventRecord[] {
  const byKey = new Map<string, EventRecord>();
  const logged: EventRecord[] = [];
  for (const record of candidates) {
    const { replay } = options.table.of(record.event);
    if (replay.policy === 'none') continue;
    const key = keyOf(record, replay);
    if (replay.clears === true) {
      if (key !== undefined) byKey.delete(key);
    } else if (options.matches(record)) {
      if (replay.policy === 'log') logged.push(record);
      else if (key !== undefined) byKey.set(key, record);
    }
  }
  return [...logged, ...byKey.values()].toSorted((a, b) => a.sequenceId - b.sequenceId);
}
