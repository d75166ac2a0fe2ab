/** Selects the events of the warm picture, which gives a new subscriber the current state (RPL-3). */
import type { ReplaySpec } from '../../generated/protocol.ts';
import { valueAt } from './pointer.ts';
import type { EventSpec } from '../catalogue/catalogue.ts';
import type { EventTable } from '../catalogue/event-table.ts';
import type { ChosenEvents, PendingEvents } from './pending-events.ts';
import type { EventParts, EventRecord } from './record.ts';

/**
 * The key of an event. Of all events with the same key, the newest is retained. For `latest-per-key`, the key identifies the entity or
 * relationship; for `latest`, it is the name of the event. Undefined if the policy retains nothing, or if the event has no key.
 */
export function keyOf(record: EventRecord, replay: ReplaySpec): string | undefined {
  if (replay.policy === 'latest') return `name\u0000${record.event}`;
  if (replay.policy !== 'latest-per-key' || replay.key === undefined) return undefined;
  const key = valueAt(record, replay.key);
  return typeof key === 'string' ? `${replay.keySpace ?? record.event}\u0000${key}` : undefined;
}

export type Matches = (record: EventRecord) => boolean;

/**
 * A generator that selects the events to replay from a snapshot, one at a time (RPL-2). Later events do not change the snapshot. For each
 * event that is not selected, it yields `undefined`, so that the caller can pause there.
 */
export type Chosen = Generator<EventRecord | undefined, void, void>;

/** Takes the events from `pending`, and yields those that match, in their order. */
export function* chooseMatching(pending: PendingEvents, matches: Matches): Chosen {
  for (let part = pending.take(); part !== undefined; part = pending.take())
    for (const record of part) yield matches(record) ? record : undefined;
}

export interface WarmOptions {
  readonly table: EventTable;
  readonly matches: Matches;
}

/**
 * Examines all events in `pending`, and replaces them by the events of the warm picture. Then takes these events from `pending` and yields
 * them.
 */
export function* chooseWarm(pending: PendingEvents, options: WarmOptions): Chosen {
  // `pictureOf` is a separate generator, so that its variables do not keep all events of the picture in memory until the last one is sent.
  pending.replace(yield* pictureOf(pending.parts, options));
  for (let part = pending.take(); part !== undefined; part = pending.take()) yield* part;
}

/**
 * Returns the events of the warm picture, in ascending order. `parts` must be in ascending order too. An event that
 * clears its key removes the earlier event of this key, even if the clearing event does not match the filter. A matching event replaces the
 * earlier event of its key. With the policy `log`, a matching event is added and replaces nothing.
 */
function* pictureOf(parts: EventParts, options: WarmOptions): Generator<undefined, ChosenEvents, void> {
  const byKey = new Map<string, EventRecord>();
  const logged: EventRecord[] = [];
  const specs = new Set<EventSpec>();
  for (const part of parts)
    for (const record of part) {
      yield undefined;
      const spec = options.table.of(record.event);
      const { replay } = spec;
      if (replay.policy === 'none') continue;
      const key = keyOf(record, replay);
      if (replay.clears === true) {
        if (key !== undefined) byKey.delete(key);
      } else if (options.matches(record)) {
        specs.add(spec);
        if (replay.policy === 'log') logged.push(record);
        else if (key !== undefined) byKey.set(key, record);
      }
    }
  const records = [...logged, ...byKey.values()].toSorted((a, b) => a.sequenceId - b.sequenceId);
  return { records, specs };
}
