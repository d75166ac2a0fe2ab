import type { Invariant } from '../trace/finding.ts';
import type { ConnectionReading, SeenEvent } from '../trace/reading.ts';
import { dataOf, typeOf } from '../trace/reading.ts';
import { textAt, textsAt } from '../trace/json.ts';
import { coversStream } from '../trace/selector.ts';

/** Whether, between the two events, a gap reported a new epoch of the stream, or the stream ended. */
function gapBetween(connection: ConnectionReading, before: SeenEvent, event: SeenEvent): boolean {
  return connection.received.some(
    (frame) =>
      frame.n > before.frame.n &&
      frame.n < event.frame.n &&
      ((typeOf(frame) === 'gap' && textAt(dataOf(frame), 'stream') === event.stream) ||
        (typeOf(frame) === 'positions' && textsAt(dataOf(frame), 'ended').includes(event.stream))),
  );
}

/** The live events of a stream reach a connection in ascending order, and a gap reports each new epoch. */
export const ascending: Invariant = {
  id: 'invariants/ascending',
  clauses: ['STR-2', 'STR-3'],
  why: 'On every connection, the live sequenceIds of a stream strictly increase, and a gap reports a change of epoch.',
  check: ({ connections }, report) => {
    for (const connection of connections) {
      const last = new Map<string, SeenEvent>();
      for (const event of connection.events) {
        if (event.isReplay) continue;
        const before = last.get(event.stream);
        last.set(event.stream, event);
        if (before === undefined) continue;
        report.fire();
        if (before.epoch === event.epoch) {
          if (event.sequenceId <= before.sequenceId)
            report.violate(
              `stream ${event.stream}: event ${event.sequenceId} came after event ${before.sequenceId}`,
              before.frame,
              event.frame,
            );
        } else if (!gapBetween(connection, before, event) && !resubscribed(connection, before, event)) {
          report.violate(`stream ${event.stream}: the epoch changed without a gap`, before.frame, event.frame);
        }
      }
    }
  },
};

/**
 * Whether the client subscribed between the two events: it then knows the new epoch from the position in `subscribed`, or from
 * `positions` of a subscription to many streams, so no gap is needed.
 */
function resubscribed(connection: ConnectionReading, before: SeenEvent, event: SeenEvent): boolean {
  const { manyStreamsSubscriptions } = connection;
  if (
    manyStreamsSubscriptions.some(
      ({ subscribed, streams }) =>
        subscribed.n > before.frame.n &&
        subscribed.n < event.frame.n &&
        streams.some((each) => coversStream(each, event.stream)),
    )
  )
    return true;
  return connection.subscriptions.some(
    (subscription) =>
      subscription.subscribed.n > before.frame.n &&
      subscription.stream === event.stream &&
      subscription.position.epoch === event.epoch,
  );
}
