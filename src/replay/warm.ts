/** The warm picture: the current state that a permanent subscriber would have (RPL-3). */
import type { ReplaySpec } from '../../generated/protocol.ts';
import { valueAt } from './pointer.ts';
import type { EventTable } from '../catalogue/event-table.ts';
import type { EventRecord } from './record.ts';

/**
 * The key under which the newest event is retained: the entity or relationship for `latest-per-key`, the name for `latest`.
 * Undefined if the policy retains nothing or the event has no key.
 */
export function keyOf(record: EventRecord, replay: ReplaySpec): string | undefined {
  if (replay.policy === 'latest') return `name\u0000${record.event}`;
  if (replay.policy !== 'latest-per-key' || replay.key === undefined) return undefined;
  const key = valueAt(record, replay.key);
  return typeof key === 'string' ? `${replay.keySpace ?? record.event}\u0000${key}` : undefined;
}

export type Matches = (record: EventRecord) => boolean;

/**
 * Selects the events of a replay one at a time (RPL-2) from a snapshot that later events do not change. It yields `undefined` for
 * an event that is not selected, so that the caller can pause there.
 */
export type Chosen = Generator<EventRecord | undefined, void, void>;

/** The matching candidates, in order. */
export function* chooseMatching(candidates: readonly EventRecord[], matches: Matches): Chosen {
  for (const record of candidates) yield matches(record) ? record : undefined;
}

/**
 * Walks the candidates in ascending order: a deletion removes its key, regardless of the filter; a matching event replaces the
 * previous event of its key, or is added if its policy is `log`.
 */
export function* chooseWarm(
  candidates: Iterable<EventRecord>,
  options: { readonly table: EventTable; readonly matches: Matches },
): Chosen {
  const byKey = new Map<string, EventRecord>();
  const logged: EventRecord[] = [];
  for (const record of candidates) {
    yield undefined;
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
  yield* [...logged, ...byKey.values()].toSorted((a, b) => a.sequenceId - b.sequenceId);
}
